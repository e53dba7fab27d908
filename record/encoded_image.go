package record

import "math"

// An encodedImage holds the bytes of an Image without extra fields.
type encodedImage struct {
	image    Image
	rotation float64
	bytes    []byte // none: it holds nothing
}

// keep makes c hold the bytes of i, unless i has extra fields.
func (c *encodedImage) keep(i *Image, bytes []byte) {
	c.bytes = c.bytes[:0]
	if len(i.Extra) > 0 {
		return
	}
	c.bytes = append(c.bytes, bytes...)
	c.image = *i
	if c.image.Extra = nil; i.Rotation != nil {
		c.rotation = *i.Rotation
	}
}

// holds reports whether c holds the bytes of i. It compares values: the
// caller may have changed what a pointer points to.
func (c *encodedImage) holds(i *Image) bool {
	have := &c.image
	if len(c.bytes) == 0 || len(i.Extra) > 0 || (have.Rotation == nil) != (i.Rotation == nil) ||
		i.Rotation != nil && math.Float64bits(c.rotation) != math.Float64bits(*i.Rotation) {
		return false
	}
	return have.URL == i.URL && have.LandingURL == i.LandingURL && have.ThumbnailURL == i.ThumbnailURL &&
		have.License == i.License && have.Author == i.Author && have.AuthorURL == i.AuthorURL && have.Title == i.Title &&
		have.OriginalMD5 == i.OriginalMD5 && have.OriginalSize == i.OriginalSize
}

package imagefile

import (
	"fmt"
	"image"
)

// The limits of a photo's size. MaxSide is the largest side of a JPEG.
const (
	DefaultMaxPixels = 100_000_000
	MaxSide          = 65535
)

// maxDeclared is how many pixels the header of any photo may give, unless
// --max-pixels is more: those of a JPEG that are not decoded cost time.
const maxDeclared = 1_000_000_000

// mostReduced is the least of what a JPEG can be decoded to: 1/8 of its width
// and height.
const mostReduced = 8

// What --max-pixels is, in the help of every command that decodes photos: the
// flag's line, and what it means for memory.
const (
	MaxPixelsUsage = "leave out photos of which more than `N` pixels are decoded"
	MaxPixelsHelp  = `--max-pixels counts the pixels that are decoded: of a JPEG those of the part that is wanted, at 1/2, 1/4 or 1/8 of its size where that is enough; of a PNG or a WebP all. Decoding takes 2 to 4 bytes of memory for each of most photos, 6 to 12 for an interlaced PNG, 8 to 12 for a WebP without loss or with transparency, for a progressive JPEG 32 MB more and up to half a byte for each pixel of the whole photo, and for a large PNG that is not interlaced a few rows. A photo that has more than 1000 megapixels by its header is left out in any case.`
)

// A Config is what the header of a photo says, with the limit that Check was
// called with.
type Config struct {
	MediaType     string
	Width, Height int
	reducible     bool // a part of it can be decoded, at a smaller scale
	byRows        bool // DecodeRows keeps nothing but a row
	maxPixels     int
	memory        func(window image.Rectangle, scale int) int64
}

// Memory returns about how many bytes of memory DecodeRows takes for a window
// at a scale, without those of the file itself.
func (c Config) Memory(window image.Rectangle, scale int) int64 { return c.memory(window, scale) }

// wholeMemory is the memory function of a photo that is decoded as a whole.
func (c Config) wholeMemory(fixed int64, pixelBytes int) func(image.Rectangle, int) int64 {
	n := fixed + int64(pixelBytes)*int64(c.Width)*int64(c.Height)
	return func(image.Rectangle, int) int64 { return n }
}

func (c Config) bounds() image.Rectangle { return image.Rect(0, 0, c.Width, c.Height) }

// decoded returns the size of what is decoded for a window at a scale.
func (c Config) decoded(window image.Rectangle, scale int) image.Point {
	if !c.reducible {
		return c.bounds().Size()
	}
	r := c.bounds().Intersect(window)
	return image.Pt((r.Max.X+scale-1)/scale-r.Min.X/scale, (r.Max.Y+scale-1)/scale-r.Min.Y/scale)
}

// possible returns an error unless the size is possible and some window of it
// below the limits.
func (c Config) possible() error {
	w, h := c.Width, c.Height
	most := max(maxDeclared, c.maxPixels)
	least := c.bounds().Size()
	if c.reducible {
		least = c.decoded(c.bounds(), mostReduced)
	}
	switch {
	case w < 1 || h < 1:
		return fmt.Errorf("%d by %d pixels", w, h)
	case least.X > c.maxPixels/least.Y:
		return c.tooMany(least)
	case w > most/h:
		return fmt.Errorf("%w: %d by %d, and the limit of any photo is %d", ErrTooManyPixels, w, h, most)
	case max(w, h) > MaxSide:
		return fmt.Errorf("%w: %d by %d, the limit of a side is %d", ErrTooManyPixels, w, h, MaxSide)
	}
	return nil
}

// within returns an error if more pixels than the limit are decoded for a
// window at a scale.
func (c Config) within(window image.Rectangle, scale int) error {
	if size := c.decoded(window, scale); size.Y > 0 && size.X > c.maxPixels/size.Y {
		return c.tooMany(size)
	}
	return nil
}

func (c Config) tooMany(size image.Point) error {
	if whole := c.bounds().Size(); size != whole {
		return fmt.Errorf("%w: %d by %d of a photo of %d by %d, and --max-pixels is %d", ErrTooManyPixels, size.X, size.Y, whole.X, whole.Y, c.maxPixels)
	}
	return fmt.Errorf("%w: %d by %d, and --max-pixels is %d", ErrTooManyPixels, size.X, size.Y, c.maxPixels)
}

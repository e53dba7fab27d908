package pix

import (
	"bytes"
	"fmt"
	"image"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// DecodeOriented decodes a photo that comes straight from a camera, reduced as
// Scale says, and returns all of it as Crop does: size by size pixels, rotated
// and mirrored as its EXIF orientation says. An error is one of package
// imagefile's.
func DecodeOriented(data []byte, maxPixels, size int) ([]byte, error) {
	c, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), maxPixels)
	if err != nil {
		return nil, err
	}
	p, err := new(Decoder).Decode(data, c, image.Rect(0, 0, c.Width, c.Height), Scale(c.Width, c.Height, size, size))
	if err != nil {
		return nil, err
	}
	return orient(p.resize(0, 0, c.Width, c.Height, size, size), size, imagefile.Orientation(data)), nil
}

// orientationOf returns the EXIF orientation of a picture that is to be rotated
// counter-clockwise by 0, 90, 180 or 270 degrees. It panics for other angles.
func orientationOf(rotation int) int {
	switch rotation {
	case 0:
		return 1
	case 90:
		return 8
	case 180:
		return 3
	case 270:
		return 6
	}
	panic(fmt.Sprintf("pix: cannot rotate by %d degrees", rotation))
}

// orient rotates and mirrors a square RGB picture that is stored in an EXIF
// orientation, 1 to 8, so that it is seen as it is meant. Rotating before or
// after resizing gives the same pixels: the filter is the same on both axes and
// in both directions.
func orient(in []byte, size, orientation int) []byte {
	if orientation == 1 {
		return in
	}
	last := size - 1
	out := make([]byte, len(in))
	for r := range size {
		for c := range size {
			y, x := r, c // in the stored picture
			switch orientation {
			case 2:
				x = last - c
			case 3:
				y, x = last-r, last-c
			case 4:
				y = last - r
			case 5:
				y, x = c, r
			case 6: // the left column, from the bottom up, becomes the top row
				y, x = last-c, r
			case 7:
				y, x = last-c, last-r
			case 8: // the right column becomes the top row
				y, x = c, last-r
			}
			copy(out[(r*size+c)*3:][:3], in[(y*size+x)*3:][:3])
		}
	}
	return out
}

package pix

import (
	"bytes"
	"fmt"
	"image"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// DecodeOriented decodes a photo that comes straight from a camera, reduced as
// Scale says, and returns all of it as Crop does, rotated and mirrored as its
// EXIF orientation says. The target is a square that says nothing of rotation.
// An error is one of package imagefile's.
func DecodeOriented(data []byte, maxPixels int, t Target) ([]byte, error) {
	c, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), maxPixels)
	if err != nil {
		return nil, err
	}
	var out []byte
	all := image.Rect(0, 0, c.Width, c.Height)
	err = new(Decoder).DecodeRows(data, c, all, t.Scale(c.Width, c.Height), func(p *Picture) {
		out = Crop(p, all, t)
	})
	if err != nil {
		return nil, err
	}
	return orient(out, t.Width, t.Height, imagefile.Orientation(data)), nil
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

// orient rotates and mirrors an RGB picture that is stored in an EXIF
// orientation, 1 to 8, so that it is seen as it is meant, width by height pixels
// large. Rotating before or after resizing gives the same pixels: the filter is
// the same on both axes and in both directions.
func orient(in []byte, width, height, orientation int) []byte {
	if orientation == 1 {
		return in
	}
	storedWidth := width
	if swapsAxes(orientation) {
		storedWidth = height
	}
	right, bottom := width-1, height-1
	out := make([]byte, len(in))
	for r := range height {
		for c := range width {
			y, x := r, c // in the stored picture
			switch orientation {
			case 2:
				x = right - c
			case 3:
				y, x = bottom-r, right-c
			case 4:
				y = bottom - r
			case 5:
				y, x = c, r
			case 6: // the left column, from the bottom up, becomes the top row
				y, x = right-c, r
			case 7:
				y, x = right-c, bottom-r
			case 8: // the right column becomes the top row
				y, x = c, bottom-r
			}
			copy(out[(r*width+c)*3:][:3], in[(y*storedWidth+x)*3:][:3])
		}
	}
	return out
}

// swapsAxes reports whether a row of a picture stored in the orientation is a
// column of what is seen.
func swapsAxes(orientation int) bool { return orientation >= 5 }

package pix

import "github.com/opensandwich/oi/cmd/internal/imagefile"

// Upright decodes a photo that comes straight from a camera, and returns all of
// it as Crop does, size by size pixels, turned as its EXIF orientation says.
func Upright(data []byte, maxPixels, size int) ([]byte, error) {
	p, err := Decode(data, maxPixels)
	if err != nil {
		return nil, err
	}
	return arrange(p.scale(0, 0, p.Width, p.Height, size, size), size, imagefile.Orientation(data)), nil
}

// arrange turns and mirrors a square RGB picture so that one stored in an EXIF
// orientation is seen as it is meant. The photo would be scaled to the same
// pixels after it was turned: the filter is the same on both axes and in both
// directions.
func arrange(in []byte, size, orientation int) []byte {
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
			case 6: // the left column, from below, becomes the top row
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

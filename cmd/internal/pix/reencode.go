package pix

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
)

// QuarterTurn returns a Rotation of the image list as 0, 90, 180 or 270 degrees
// counter-clockwise, 0 for nil. ok is false for another angle.
func QuarterTurn(rotation *float64) (degrees int, ok bool) {
	if rotation == nil {
		return 0, true
	}
	angle := math.Mod(*rotation, 360)
	if angle < 0 {
		angle += 360
	}
	switch angle {
	case 0, 90, 180, 270:
		return int(angle), true
	}
	return 0, false
}

// RotateJPEG decodes a whole photo of at most maxPixels pixels as it is stored,
// and returns it as a JPEG of the given quality, rotated counter-clockwise by
// rotation, which is 0, 90, 180 or 270 degrees. The JPEG has no EXIF data. It
// takes up to 10 bytes of memory a pixel. An error of decoding is one of package
// imagefile's.
func RotateJPEG(data []byte, maxPixels, rotation, quality int) ([]byte, error) {
	p, err := Decode(data, maxPixels)
	if err != nil {
		return nil, err
	}
	w, h := p.Width, p.Height
	// The stored pixel at 0, 0 and the steps from one to the next, in pixels
	// of the result.
	var out *image.RGBA
	var first, right, down image.Point
	switch orientationOf(rotation) {
	case 1:
		out, right, down = image.NewRGBA(image.Rect(0, 0, w, h)), image.Pt(1, 0), image.Pt(0, 1)
	case 8: // the right column becomes the top row
		out, first, right, down = image.NewRGBA(image.Rect(0, 0, h, w)), image.Pt(0, w-1), image.Pt(0, -1), image.Pt(1, 0)
	case 3:
		out, first, right, down = image.NewRGBA(image.Rect(0, 0, w, h)), image.Pt(w-1, h-1), image.Pt(-1, 0), image.Pt(0, -1)
	case 6: // the left column, from the bottom up, becomes the top row
		out, first, right, down = image.NewRGBA(image.Rect(0, 0, h, w)), image.Pt(h-1, 0), image.Pt(0, 1), image.Pt(-1, 0)
	}
	step := out.PixOffset(right.X, right.Y)
	line := make([]byte, 3*w)
	for y := range h {
		p.row(line, 0, y)
		at := out.PixOffset(first.X+y*down.X, first.Y+y*down.Y)
		for x := range w {
			copy(out.Pix[at:at+3], line[3*x:])
			out.Pix[at+3] = 255
			at += step
		}
	}
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, out, &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return encoded.Bytes(), nil
}

package pix

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// ErrBadBox is returned for a box that no picture has.
var ErrBadBox = errors.New("bad box")

// ErrEmpty is returned for a box without area.
var ErrEmpty = errors.New("empty crop")

// A Box is a rectangle in fractions of a stored picture's width and height.
type Box struct {
	XMin, XMax, YMin, YMax float64
}

// Check returns an error that is ErrBadBox if a coordinate is no number or not
// within 0 and 1, or an edge lies before its opposite, and ErrEmpty if the box
// has no area.
func (b Box) Check() error {
	for _, side := range []struct {
		name     string
		min, max float64
	}{{"x", b.XMin, b.XMax}, {"y", b.YMin, b.YMax}} {
		switch {
		case !(side.min >= 0 && side.max <= 1): // also not a number
			return fmt.Errorf("%w: %s from %v to %v is not within 0 and 1", ErrBadBox, side.name, side.min, side.max)
		case !(side.min <= side.max):
			return fmt.Errorf("%w: %s from %v to %v", ErrBadBox, side.name, side.min, side.max)
		}
	}
	if b.XMin == b.XMax || b.YMin == b.YMax {
		return fmt.Errorf("%w: x from %v to %v, y from %v to %v", ErrEmpty, b.XMin, b.XMax, b.YMin, b.YMax)
	}
	return nil
}

// Grow returns the box with the given fraction of its width added left and
// right and of its height above and below. It may then reach out of the
// picture.
func (b Box) Grow(fraction float64) Box {
	dx, dy := float64(fraction*(b.XMax-b.XMin)), float64(fraction*(b.YMax-b.YMin))
	return Box{XMin: b.XMin - dx, XMax: b.XMax + dx, YMin: b.YMin - dy, YMax: b.YMax + dy}
}

// Rect returns the pixels that the box touches in a picture of that size: its
// lower edges rounded down, its upper ones up, and clipped to the picture. An
// edge within a millionth of a pixel of a border between two is on it. Rect is
// empty only where the box has no area inside the picture.
func (b Box) Rect(width, height int) image.Rectangle {
	x0, x1 := span(b.XMin, b.XMax, width)
	y0, y1 := span(b.YMin, b.YMax, height)
	return image.Rectangle{Min: image.Pt(x0, y0), Max: image.Pt(x1, y1)}
}

// BoxOf returns a box that covers just the pixels of r in a picture of that
// size: its Rect is r again.
func BoxOf(r image.Rectangle, width, height int) Box {
	w, h := float64(width), float64(height)
	return Box{
		XMin: float64(r.Min.X) / w, XMax: float64(r.Max.X) / w,
		YMin: float64(r.Min.Y) / h, YMax: float64(r.Max.Y) / h,
	}
}

// slack is how far, in pixels, an edge may lie past the border between two
// pixels and still be on it: 0.5125 of 400 pixels is 204.99999999999997.
const slack = 1e-6

func span(lo, hi float64, n int) (from, to int) {
	size := float64(n)
	// Clipped first: a conversion to int of a number too large for it
	// differs between platforms.
	lo, hi = float64(max(0, min(lo, 1))*size), float64(max(0, min(hi, 1))*size)
	from, to = int(math.Floor(lo+slack)), int(math.Ceil(hi-slack))
	if from < to {
		return from, to
	}
	return int(math.Floor(lo)), int(math.Ceil(hi)) // less than slack wide
}

package detection

import (
	"math"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// milli is how many units a pixel has in a rect.
const milli = 1000

// A rect is a box in thousandths of a pixel. Whole numbers turn without
// rounding, and what is written adds up: x + w never exceeds the picture.
type rect struct{ x0, y0, x1, y1 int64 }

// rectOf returns a checked box in a stored picture of w by h pixels.
func rectOf(b pix.Box, w, h int) rect {
	at := func(fraction float64, n int) int64 { return int64(math.Round(float64(fraction * float64(n*milli)))) }
	return rect{at(b.XMin, w), at(b.YMin, h), at(b.XMax, w), at(b.YMax, h)}
}

// turn returns a rectangle of a picture of w by h after the picture was rotated
// counter-clockwise by 0, 90, 180 or 270 degrees.
func (r rect) turn(w, h int64, rotation int) rect {
	switch rotation {
	case 90: // the right edge becomes the top
		return rect{r.y0, w - r.x1, r.y1, w - r.x0}
	case 180:
		return rect{w - r.x1, h - r.y1, w - r.x0, h - r.y0}
	case 270: // the left edge becomes the top
		return rect{h - r.y1, r.x0, h - r.y0, r.x1}
	}
	return r
}

// turnBox is turn for fractions.
func turnBox(b pix.Box, rotation int) pix.Box {
	switch rotation {
	case 90:
		return pix.Box{XMin: b.YMin, XMax: b.YMax, YMin: 1 - b.XMax, YMax: 1 - b.XMin}
	case 180:
		return pix.Box{XMin: 1 - b.XMax, XMax: 1 - b.XMin, YMin: 1 - b.YMax, YMax: 1 - b.YMin}
	case 270:
		return pix.Box{XMin: 1 - b.YMax, XMax: 1 - b.YMin, YMin: b.XMin, YMax: b.XMax}
	}
	return b
}

// pixels returns the rectangle in whole pixels, counted from 1, the last ones
// included, each edge rounded to the nearest: the data set's coordinates have
// six digits, so that rounding outwards would add a pixel at every other edge.
// One that would have no pixel has those that it touches.
func (r rect) pixels() pixels {
	span := func(from, to int64) (first, last int) {
		a, b := (from+milli/2)/milli, (to+milli/2)/milli
		if a == b {
			a, b = from/milli, (to+milli-1)/milli
		}
		return int(a) + 1, int(b)
	}
	var p pixels
	p.xMin, p.xMax = span(r.x0, r.x1)
	p.yMin, p.yMax = span(r.y0, r.y1)
	return p
}

package pix

import "image"

// A Filter says how pixels are resampled.
type Filter string

// The filters. On an axis of n input pixels and m output pixels, output pixel i
// is
const (
	// shrinking (n > m): the mean of the input over [i*n/m, (i+1)*n/m),
	// pixels at the ends counting by the part that is covered, as OpenCV's
	// INTER_AREA; otherwise as Bilinear
	Area Filter = "area"
	// the linear interpolation at (i+0.5)*n/m - 0.5 between the two nearest
	// input pixels, the edge repeated outside, as OpenCV's INTER_LINEAR,
	// however far it shrinks
	Bilinear Filter = "bilinear"
	// the input pixel at (i+0.5)*n/m, rounded down, as Pillow's NEAREST bit for
	// bit, and so Keras' load_img
	Nearest Filter = "nearest"
	// the sum over a windowed sinc, three output pixels wide on each side
	// when shrinking, as Pillow's LANCZOS
	Lanczos Filter = "lanczos"
)

// Filters are all of them.
func Filters() []Filter { return []Filter{Area, Bilinear, Nearest, Lanczos} }

// A Pad says what is outside a window that has another shape than the picture
// that is made of it.
type Pad string

// The kinds of padding.
const (
	PadNone    Pad = ""        // nothing: the window is stretched
	PadEdge    Pad = "edge"    // the pixels at the edge again, aaa|abcd|ddd
	PadBlack   Pad = "black"   // zeros
	PadReflect Pad = "reflect" // mirrored without the edge itself, dcb|abcd|cba
)

// Pads are the kinds of padding that keep the shape of a window.
func Pads() []Pad { return []Pad{PadEdge, PadBlack, PadReflect} }

// A Target is what is made of a window.
type Target struct {
	Width, Height int // as it is seen
	Rotation      int // counter-clockwise, 0, 90, 180 or 270 degrees
	Filter        Filter
	Pad           Pad
}

// stored returns the size of the result before it is rotated.
func (t Target) stored() image.Point {
	if swapsAxes(orientationOf(t.Rotation)) {
		return image.Pt(t.Height, t.Width)
	}
	return image.Pt(t.Width, t.Height)
}

// covered returns the size of the part of it that a window of w by h pixels
// covers.
func (t Target) covered(w, h int) image.Point {
	full := t.stored()
	inner := full
	switch {
	case t.Pad == PadNone:
	case w*full.Y < h*full.X: // narrower than the result
		inner.X = max(1, (2*w*full.Y+h)/(2*h))
	default:
		inner.Y = max(1, (2*h*full.X+w)/(2*w))
	}
	return inner
}

// Scale returns by how much a photo may be reduced for a window of w by h
// pixels, as [Scale]. A filter that does not take means wants all pixels.
func (t Target) Scale(w, h int) int {
	if t.Filter != Area {
		return 1
	}
	inner := t.covered(w, h)
	return Scale(w, h, inner.X, inner.Y)
}

// Fit returns the window grown to the shape of the target as far as the photo
// of width by height pixels has room, about its centre or moved as little as
// that needs.
func (t Target) Fit(window image.Rectangle, width, height int) image.Rectangle {
	full := t.stored()
	grow := func(lo, hi, to, end int) (int, int) {
		to = min(to, end)
		lo = max(0, min(lo-(to-(hi-lo))/2, end-to))
		return lo, lo + to
	}
	w, h := window.Dx(), window.Dy()
	if w*full.Y < h*full.X {
		window.Min.X, window.Max.X = grow(window.Min.X, window.Max.X, (h*full.X+full.Y-1)/full.Y, width)
	} else {
		window.Min.Y, window.Max.Y = grow(window.Min.Y, window.Max.Y, (w*full.Y+full.X-1)/full.X, height)
	}
	return window
}

// Crop cuts a window out of the stored photo, resizes it as the target's filter
// says, pads it where it is to keep its shape, and rotates it. It returns
// Width*Height*3 bytes, RGB row by row. The window is in pixels of the photo.
//
// All weights but those of Lanczos are whole numbers over a common denominator,
// so the sums are exact and the result is the exact value rounded to nearest,
// halves up.
//
// Where the picture is reduced, which only Area allows, the means begin and end
// within its pixels, at the same places of the photo. Of a pixel that an end
// divides, the parts are not all alike: it is taken to have the slope between
// its two neighbours. The weights are rounded to multiples of 2^-14.
//
// It panics if the window is not inside the picture, or for another rotation or
// a size below 1, or if the picture is reduced so far that it would grow.
func Crop(p *Picture, window image.Rectangle, t Target) []byte {
	x, y, w, h := window.Min.X, window.Min.Y, window.Dx(), window.Dy()
	p.check(x, y, w, h)
	full, inner := t.stored(), t.covered(w, h)
	pixels := p.resize(x, y, w, h, inner.X, inner.Y, t.Filter)
	if inner != full {
		pixels = pad(pixels, inner, full, t.Pad)
	}
	return orient(pixels, t.Width, t.Height, orientationOf(t.Rotation))
}

// pad puts an RGB picture into the middle of a larger one.
func pad(in []byte, inner, full image.Point, kind Pad) []byte {
	out := make([]byte, 3*full.X*full.Y)
	left, top := (full.X-inner.X)/2, (full.Y-inner.Y)/2
	for y := range full.Y {
		for x := range full.X {
			fromX, fromY := x-left, y-top
			switch kind {
			case PadBlack:
				if !image.Pt(fromX, fromY).In(image.Rectangle{Max: inner}) {
					continue
				}
			case PadReflect:
				fromX, fromY = mirror(fromX, inner.X), mirror(fromY, inner.Y)
			default:
				fromX, fromY = max(0, min(fromX, inner.X-1)), max(0, min(fromY, inner.Y-1))
			}
			copy(out[3*(y*full.X+x):][:3], in[3*(fromY*inner.X+fromX):])
		}
	}
	return out
}

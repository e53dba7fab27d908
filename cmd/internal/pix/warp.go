package pix

import (
	"fmt"
	"math"
	"slices"
)

// A Warp is one random variant of a picture, as Keras's ImageDataGenerator
// makes them: rotate, shift, shear, zoom and flip in one resampling.
//
// With p the row and q the column, an output pixel is looked up at
//
//	in = A (out - o) + t + o
//
//	A = | ZX cos(Theta)  -ZY sin(Theta+Shear) |
//	    | ZX sin(Theta)   ZY cos(Theta+Shear) |
//
//	t = | x cos(Theta) - y sin(Theta) |
//	    | x sin(Theta) + y cos(Theta) |
//
// where x = TX*height, y = TY*width, and o is the centre of the picture.
// Outside the picture the nearest pixel of its edge counts, and between pixels
// the interpolation is bilinear. The flips come last.
//
// ZX and ZY are 1 for no change, and below 1 they magnify. The zero Warp is
// therefore not the identity: that is Warp{ZX: 1, ZY: 1}.
type Warp struct {
	Theta float64 // degrees
	TX    float64 // rows
	TY    float64 // columns
	Shear float64 // degrees
	ZX    float64 // rows
	ZY    float64 // columns
	FlipH bool    // left and right exchanged
	FlipV bool    // top and bottom exchanged

	// OldCentre rotates about (height/2 + 0.5, width/2 + 0.5), one pixel
	// off the middle, as keras_preprocessing did up to 1.1.2. Otherwise it
	// is (height/2 - 0.5, width/2 - 0.5), the middle of pixel coordinates.
	OldCentre bool
	// Crop is the part of the output that fills it; the zero Window is all.
	Crop Window
	Fill Fill // of places outside of the input
}

// A Window is a part of a picture, in pixels; its corner need not be a whole
// one.
type Window struct{ Row, Column, Height, Width float64 }

// Ranges are the limits that a Warp is drawn from. Zero ranges switch a change
// off.
type Ranges struct {
	Rotation    float64 // Theta in [-Rotation, Rotation] degrees
	HeightShift float64 // TX in [-HeightShift, HeightShift], fraction of the height
	WidthShift  float64 // TY in [-WidthShift, WidthShift], fraction of the width
	Shear       float64 // in [-Shear, Shear] degrees
	Zoom        float64 // ZX and ZY, each in [1-Zoom, 1+Zoom]
	FlipH       bool    // in one of two variants
	FlipV       bool    // in one of two variants
	OldCentre   bool    // see Warp.OldCentre
	Fill        Fill    // see Warp.Fill
}

// ReferenceRanges are the settings of the article that this program follows.
func ReferenceRanges() Ranges {
	return Ranges{Rotation: 40, HeightShift: 0.2, WidthShift: 0.2, Shear: 0.2, Zoom: 0.2, FlipH: true}
}

// Check reports a range that cannot be drawn from.
func (g Ranges) Check() error {
	for _, c := range []struct {
		name       string
		value, max float64
	}{
		{"rotation", g.Rotation, 360},
		{"height shift", g.HeightShift, 10},
		{"width shift", g.WidthShift, 10},
		{"shear", g.Shear, 89},
		{"zoom", g.Zoom, 0.99},
	} {
		if !(c.value >= 0 && c.value <= c.max) { // also not a number
			return fmt.Errorf("%s %v is not within 0 and %v", c.name, c.value, c.max)
		}
	}
	return nil
}

// DrawWarp draws a variant of an h by w picture. It takes eight numbers from
// rng, in the order of Keras (Theta, TX, TY, Shear, ZX, ZY, FlipH, FlipV) and
// whatever the ranges are, so closing one range leaves the other draws as they
// were.
func DrawWarp(rng *Rand, g Ranges, h, w int) Warp {
	return Warp{
		Theta:     rng.Uniform(-g.Rotation, g.Rotation),
		TX:        float64(rng.Uniform(-g.HeightShift, g.HeightShift) * float64(h)),
		TY:        float64(rng.Uniform(-g.WidthShift, g.WidthShift) * float64(w)),
		Shear:     rng.Uniform(-g.Shear, g.Shear),
		ZX:        rng.Uniform(1-g.Zoom, 1+g.Zoom),
		ZY:        rng.Uniform(1-g.Zoom, 1+g.Zoom),
		FlipH:     rng.Float64() < 0.5 && g.FlipH,
		FlipV:     rng.Float64() < 0.5 && g.FlipV,
		OldCentre: g.OldCentre,
		Fill:      g.Fill,
	}
}

// An affine maps an output pixel to the place in the input where its colour is:
// row = A[0][0]*r + A[0][1]*c + B[0], column = A[1][0]*r + A[1][1]*c + B[1].
type affine struct {
	A [2][2]float64
	B [2]float64
}

// affine returns the warp of an h by w picture without its flips.
func (v Warp) affine(h, w int) affine {
	sin, cos := sinCos(v.Theta)
	sinS, cosS := sinCos(v.Theta + v.Shear)
	x, y := v.TX, v.TY
	centre := -0.5
	if v.OldCentre {
		centre = 0.5
	}
	o := [2]float64{float64(h)/2 + centre, float64(w)/2 + centre}
	m := affine{
		A: [2][2]float64{
			{float64(v.ZX * cos), -float64(v.ZY * sinS)},
			{float64(v.ZX * sin), float64(v.ZY * cosS)},
		},
		B: [2]float64{
			float64(x*cos) - float64(y*sin),
			float64(x*sin) + float64(y*cos),
		},
	}
	for i := range m.B {
		m.B[i] += o[i] - float64(m.A[i][0]*o[0]) - float64(m.A[i][1]*o[1])
	}
	if c := v.Crop; c != (Window{}) { // pixel r is in the middle of its share of the window
		y, x := c.Height/float64(h), c.Width/float64(w)
		r, q := c.Row+float64(0.5*y)-0.5, c.Column+float64(0.5*x)-0.5
		for i := range m.B {
			m.B[i] += float64(m.A[i][0]*r) + float64(m.A[i][1]*q)
			m.A[i][0] = float64(m.A[i][0] * y)
			m.A[i][1] = float64(m.A[i][1] * x)
		}
	}
	return m
}

// MaxWarpSide is the largest height or width that a Warper takes.
const MaxWarpSide = 1 << 14

// A Warper warps pictures. It keeps its memory from one to the next, so that
// warping pictures of one shape allocates nothing. The zero Warper is ready. It
// is not safe for concurrent use.
type Warper struct {
	pixels []byte   // the picture, and room that a pixel at its edge may read
	packed []uint64 // up to three channels of it
}

// Apply writes the picture src, warped by v, to dst. Both are h rows of w
// pixels of so many channels, uint8, and must not overlap; values are rounded
// to the nearest, halves up. The result is the same on every platform and
// within one level of the formula's in float64. It panics if a slice is shorter
// than h*w*channels or a side is not within 1 and MaxWarpSide.
//
// It works in fixed point: coordinates have 32 fractional bits, and the four
// weights of a pixel add up to 2^13.
func (b *Warper) Apply(v Warp, dst, src []byte, h, w, channels int) {
	if h < 1 || w < 1 || h > MaxWarpSide || w > MaxWarpSide || channels < 1 {
		panic(fmt.Sprintf("pix: cannot warp a %dx%d picture of %d channels", h, w, channels))
	}
	n := h * w * channels
	dst, src = dst[:n], src[:n]
	walk := v.walk(h, w)
	if !b.vector(walk, dst, src, h, w, channels) {
		b.plain(walk, dst, src, h, w, channels)
	}
	if v.Fill != FillNearest {
		walk.fill(v.Fill, dst, src, channels)
	}
}

// A walk is the way through the input that the pixels of the output take, each
// row from its left to its right, in coordinates of 32 fractional bits.
type walk struct {
	affine
	h, w         int
	stepP, stepQ int64 // from one pixel to the next
	flipH, flipV bool
}

// Of a start and of a step, in pixels: MaxWarpSide steps cannot overflow.
const farthestStart, longestStep = 1 << 29, 1 << 15

func (v Warp) walk(h, w int) walk {
	m := v.affine(h, w)
	return walk{affine: m, h: h, w: w, stepP: toFixed(m.A[0][1], longestStep), stepQ: toFixed(m.A[1][1], longestStep), flipH: v.FlipH, flipV: v.FlipV}
}

// row returns where output row r starts, and its steps from pixel to pixel.
func (k *walk) row(r int) (p, q, stepP, stepQ int64) {
	if k.flipV {
		r = k.h - 1 - r
	}
	p = toFixed(float64(k.A[0][0]*float64(r))+k.B[0], farthestStart)
	q = toFixed(float64(k.A[1][0]*float64(r))+k.B[1], farthestStart)
	if k.flipH {
		last := int64(k.w - 1)
		return p + last*k.stepP, q + last*k.stepQ, -k.stepP, -k.stepQ
	}
	return p, q, k.stepP, k.stepQ
}

// plain is Apply in Go. Up to three channels are packed in fields of 21 bits of
// a uint64 and summed at once (SWAR); 255*2^13 + 2^12 just fits.
func (b *Warper) plain(k walk, dst, src []byte, h, w, channels int) {
	// One more row and column, so that a pixel always has a right and a
	// lower neighbour; at the edge its weight is 0.
	b.packed = slices.Grow(b.packed[:0], (h+1)*(w+1))[:(h+1)*(w+1)]
	for base := 0; base < channels; base += 3 {
		count := min(3, channels-base)
		pack(b.packed, src[base:], h, w, channels, count)
		k.sample(dst[base:], b.packed, channels, count)
	}
}

// pack writes up to three channels of each pixel of src into one uint64 of
// packed, 21 bits each.
func pack(packed []uint64, src []byte, h, w, channels, count int) {
	stride := w + 1
	for r := range h {
		row := packed[r*stride : (r+1)*stride]
		in := src[r*w*channels:]
		if count == 3 {
			for c := range w {
				p := in[c*channels:][:3]
				row[c] = uint64(p[0]) | uint64(p[1])<<21 | uint64(p[2])<<42
			}
		} else {
			for c := range w {
				p := in[c*channels:]
				row[c] = uint64(p[0])
				if count == 2 {
					row[c] |= uint64(p[1]) << 21
				}
			}
		}
		row[w] = row[w-1]
	}
	copy(packed[h*stride:], packed[(h-1)*stride:h*stride])
}

// weightBits is the number of fractional bits of the weights.
const weightBits = 13

// sample fills the picture dst, whose channels are channels bytes apart.
func (k *walk) sample(dst []byte, packed []uint64, channels, count int) {
	const (
		one  = 1 << weightBits
		half = one/2 | one/2<<21 | one/2<<42
	)
	maxP, maxQ := int64(k.h-1)<<32, int64(k.w-1)<<32
	stride := k.w + 1
	for r := range k.h {
		p, q, stepP, stepQ := k.row(r)
		to := r * k.w * channels
		for range k.w {
			cp, cq := max(0, min(p, maxP)), max(0, min(q, maxQ))
			at := int(cp>>32)*stride + int(cq>>32)
			fp, fq := uint64(cp)>>(32-weightBits)&(one-1), uint64(cq)>>(32-weightBits)&(one-1)
			w11 := (fp*fq + one/2) >> weightBits
			upper := packed[at : at+2 : at+2]
			lower := packed[at+stride : at+stride+2 : at+stride+2]
			sum := half + upper[0]*(one-fp-fq+w11) + upper[1]*(fq-w11) + lower[0]*(fp-w11) + lower[1]*w11
			out := dst[to:]
			if count == 3 {
				out = out[:3]
				out[0], out[1], out[2] = byte(sum>>13), byte(sum>>34), byte(sum>>55)
			} else {
				out[0] = byte(sum >> 13)
				if count == 2 {
					out[1] = byte(sum >> 34)
				}
			}
			p += stepP
			q += stepQ
			to += channels
		}
	}
}

// toFixed returns x with 32 fractional bits, clamped to -limit and limit, so
// that a start and MaxWarpSide steps from it cannot overflow.
func toFixed(x, limit float64) int64 {
	return int64(math.Round(max(-limit, min(x, limit)) * (1 << 32)))
}

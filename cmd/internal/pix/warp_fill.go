package pix

import "fmt"

// A Fill says what lies outside of a picture, in the words of Keras' fill_mode
// and with the meaning of scipy's affine_transform, which Keras calls.
type Fill int

// The fills. Coordinates are those of an axis whose pixels are 0 to n-1.
const (
	FillNearest  Fill = iota // the pixel at the edge: aaa|abcd|ddd
	FillConstant             // black, beyond 0 and n-1
	FillReflect              // mirrored about -0.5 and n-0.5: cba|abcd|dcb
	// FillWrap repeats with a period of n-1, not n, so that n-1 falls
	// together with 0: scipy's wrap, which is not its grid-wrap.
	FillWrap
)

var fillNames = [...]string{"nearest", "constant", "reflect", "wrap"}

// Set reads a name.
func (f *Fill) Set(text string) error {
	for i, name := range fillNames {
		if text == name {
			*f = Fill(i)
			return nil
		}
	}
	return fmt.Errorf("%q: want nearest, constant, reflect or wrap", text)
}

// String is what Set reads.
func (f *Fill) String() string { return fillNames[*f] }

// Type names the value in help texts.
func (f *Fill) Type() string { return "nearest|constant|reflect|wrap" }

// fill writes the pixels of dst that lie outside of src.
func (k *walk) fill(f Fill, dst, src []byte, channels int) {
	maxP, maxQ := int64(k.h-1)<<32, int64(k.w-1)<<32
	for r := range k.h {
		p, q, stepP, stepQ := k.row(r)
		to := dst[r*k.w*channels:]
		for c := range k.w {
			if p < 0 || p > maxP || q < 0 || q > maxQ {
				k.fillPixel(f, to[c*channels:][:channels], src, p, q)
			}
			p += stepP
			q += stepQ
		}
	}
}

func (k *walk) fillPixel(f Fill, to, src []byte, p, q int64) {
	if f == FillConstant {
		clear(to)
		return
	}
	r0, r1, fp := f.neighbours(p, k.h)
	c0, c1, fq := f.neighbours(q, k.w)
	const one = 1 << weightBits
	w11 := (fp*fq + one/2) >> weightBits
	for i := range to {
		at := func(r, c int) uint64 { return uint64(src[(r*k.w+c)*len(to)+i]) }
		to[i] = byte((one/2 + at(r0, c0)*(one-fp-fq+w11) + at(r0, c1)*(fq-w11) + at(r1, c0)*(fp-w11) + at(r1, c1)*w11) >> weightBits)
	}
}

// neighbours returns the two pixels of an axis of n that a coordinate of 32
// fractional bits lies between, and the weight of the second.
func (f Fill) neighbours(x int64, n int) (first, second int, weight uint64) {
	switch {
	case f == FillReflect:
		period := int64(2*n) << 32
		if x %= period; x < 0 {
			x += period
		}
		if x >= int64(n)<<32 {
			x = period - x - 1<<32 // may be -1 to 0, where both neighbours are pixel 0
		}
	case n == 1:
		x = 0
	default:
		length := int64(n-1) << 32
		if x < 0 {
			x += length * (-x/length + 1)
		} else if x > length {
			x -= length * (x / length)
		}
	}
	at := int(x >> 32)
	return max(0, min(at, n-1)), max(0, min(at+1, n-1)), uint64(x) >> (32 - weightBits) & (1<<weightBits - 1)
}

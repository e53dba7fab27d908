package float16

import (
	"math"
	"testing"
)

// value is what the bits of a half mean, by the definition.
func value(h uint16) float64 {
	s := 1.0
	if h&0x8000 != 0 {
		s = -1
	}
	exponent, fraction := int(h>>10&31), float64(h&0x3ff)
	switch exponent {
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(s))
	case 0:
		return math.Copysign(math.Ldexp(fraction, -24), s)
	}
	return s * math.Ldexp(1024+fraction, exponent-25)
}

func TestEveryHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := ToFloat32(h)
		if want := value(h); math.IsNaN(want) {
			if f == f {
				t.Fatalf("%#04x is %v, want NaN", h, f)
			}
			if got := FromFloat32(f); got != h|1<<9 {
				t.Fatalf("NaN %#04x came back as %#04x", h, got)
			}
			continue
		} else if float64(f) != want || math.Signbit(float64(f)) != math.Signbit(want) {
			t.Fatalf("%#04x is %v, want %v", h, f, want)
		}
		if got := FromFloat32(f); got != h {
			t.Fatalf("%v came back as %#04x, want %#04x", f, got, h)
		}
	}
}

// TestBetweenHalves rounds the middle between each two neighbours, and the
// float32 numbers next to it.
func TestBetweenHalves(t *testing.T) {
	for h := uint16(0); h < infinity; h++ {
		low, high := value(h), value(h+1)
		if h+1 == infinity {
			high = 65536 // where the next half would be
		}
		middle := float32((low + high) / 2) // exact: one bit more than a half
		even := h
		if h&1 == 1 {
			even = h + 1
		}
		for _, c := range []struct {
			f    float32
			want uint16
		}{
			{middle, even},
			{math.Nextafter32(middle, 0), h},
			{math.Nextafter32(middle, math.MaxFloat32), h + 1},
		} {
			if got := FromFloat32(c.f); got != c.want {
				t.Fatalf("%v became %#04x, want %#04x", c.f, got, c.want)
			}
			if got := FromFloat32(-c.f); got != c.want|sign {
				t.Fatalf("%v became %#04x, want %#04x", -c.f, got, c.want|sign)
			}
		}
	}
	for f, want := range map[float32]uint16{
		math.MaxFloat32: infinity, float32(math.Inf(1)): infinity, math.SmallestNonzeroFloat32: 0, 65504: 0x7bff, 1: 0x3c00,
	} {
		if got := FromFloat32(f); got != want {
			t.Errorf("%v became %#04x, want %#04x", f, got, want)
		}
	}
	// A NaN whose payload lies in the lowest bits must not turn into infinity.
	if got := FromFloat32(math.Float32frombits(0xff800001)); got != 0xfe00 {
		t.Errorf("NaN became %#04x", got)
	}
}

func TestRound(t *testing.T) {
	got := []float32{1 + 1.0/2048, -1 - 3.0/2048, 70000}
	Round(got)
	if got[0] != 1 || got[1] != -1-1.0/512 || !math.IsInf(float64(got[2]), 1) {
		t.Errorf("got %v", got)
	}
}

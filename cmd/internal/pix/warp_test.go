package pix

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// warpFloat is the formula of Warp written down plainly, in float64.
func warpFloat(v Warp, src []float64, h, w, channels int) []float64 {
	m := v.affine(h, w)
	dst := make([]float64, h*w*channels)
	for r := range h {
		for c := range w {
			p := m.A[0][0]*float64(r) + m.A[0][1]*float64(c) + m.B[0]
			q := m.A[1][0]*float64(r) + m.A[1][1]*float64(c) + m.B[1]
			p, q = max(0, min(p, float64(h-1))), max(0, min(q, float64(w-1)))
			p0, q0 := min(int(p), max(h-2, 0)), min(int(q), max(w-2, 0))
			fp, fq := p-float64(p0), q-float64(q0)
			p1, q1 := min(p0+1, h-1), min(q0+1, w-1)
			outR, outC := r, c
			if v.FlipV {
				outR = h - 1 - r
			}
			if v.FlipH {
				outC = w - 1 - c
			}
			for k := range channels {
				at := func(r, c int) float64 { return src[(r*w+c)*channels+k] }
				dst[(outR*w+outC)*channels+k] = at(p0, q0)*(1-fp)*(1-fq) + at(p0, q1)*(1-fp)*fq +
					at(p1, q0)*fp*(1-fq) + at(p1, q1)*fp*fq
			}
		}
	}
	return dst
}

// The vectors were printed by the libraries themselves, to three decimals, for
// the picture x[r,c] = 10r + c of six by six: its first and its last row.
var goldenWarps = []struct {
	warp   Warp
	old    [2][6]float64
	modern [2][6]float64
}{
	{
		warp:   Warp{Theta: 30, ZX: 1, ZY: 1},
		old:    [2][6]float64{{22.189, 17.189, 12.640, 8.506, 4.372, 3.049}, {51.219, 52.085, 52.951, 53.817, 50.173, 45.490}},
		modern: [2][6]float64{{1.585, 2.451, 4.166, 10.032, 15.849, 20.849}, {34.151, 39.151, 44.968, 50.834, 52.549, 53.415}},
	},
	{
		warp:   Warp{TX: 1.5, ZX: 1, ZY: 1},
		old:    [2][6]float64{{15, 16, 17, 18, 19, 20}, {50, 51, 52, 53, 54, 55}},
		modern: [2][6]float64{{1.5, 2.5, 3.5, 4.5, 5, 5}, {51.5, 52.5, 53.5, 54.5, 55, 55}},
	},
	{
		warp:   Warp{TY: 1.5, ZX: 1, ZY: 1},
		old:    [2][6]float64{{1.5, 2.5, 3.5, 4.5, 5, 5}, {51.5, 52.5, 53.5, 54.5, 55, 55}},
		modern: [2][6]float64{{15, 16, 17, 18, 19, 20}, {50, 51, 52, 53, 54, 55}},
	},
	{
		warp:   Warp{Shear: 10, ZX: 1, ZY: 1},
		old:    [2][6]float64{{6.131, 5.379, 4.628, 3.876, 3.992, 4.977}, {50.053, 51.038, 52.023, 53.008, 53.124, 52.372}},
		modern: [2][6]float64{{0.814, 1.814, 2.814, 3.814, 4.814, 5.380}, {49.620, 50.186, 51.186, 52.186, 53.186, 54.186}},
	},
	{
		warp:   Warp{ZX: 0.5, ZY: 1},
		old:    [2][6]float64{{17.5, 18.5, 19.5, 20.5, 21.5, 22.5}, {42.5, 43.5, 44.5, 45.5, 46.5, 47.5}},
		modern: [2][6]float64{{1.25, 1.75, 2.25, 2.75, 3.25, 3.75}, {51.25, 51.75, 52.25, 52.75, 53.25, 53.75}},
	},
	{
		warp:   Warp{Theta: -20, TX: 0.7, TY: -1.1, Shear: 8, ZX: 0.9, ZY: 1.2},
		old:    [2][6]float64{{0, 2.348, 6.017, 9.685, 13.354, 16.958}, {41.769, 44.264, 46.764, 50.432, 52.352, 53.526}},
		modern: [2][6]float64{{0.044, 0.889, 1.735, 2.581, 3.426, 4.272}, {50.600, 48.368, 46.135, 43.903, 41.670, 38.918}},
	},
}

func transpose(x []float64, n int) []float64 {
	y := make([]float64, len(x))
	for r := range n {
		for c := range n {
			y[c*n+r] = x[r*n+c]
		}
	}
	return y
}

func TestWarpGolden(t *testing.T) {
	const n = 6
	picture := make([]float64, n*n)
	for i := range picture {
		picture[i] = float64(10*(i/n) + i%n)
	}
	check := func(t *testing.T, got []float64, want [2][6]float64) {
		t.Helper()
		for i, r := range []int{0, n - 1} {
			for c := range n {
				if g := got[r*n+c]; math.Abs(g-want[i][c]) > 0.00051 {
					t.Errorf("row %d column %d: %.4f, want %.3f", r, c, g, want[i][c])
				}
			}
		}
	}
	for i, g := range goldenWarps {
		v := g.warp
		t.Run(fmt.Sprintf("%d/old", i), func(t *testing.T) {
			v := v
			v.OldCentre = true
			check(t, warpFloat(v, picture, n, n, 1), g.old)
		})
		// Today's Keras has the same centre as ours, but takes rows for
		// columns: it warps the transposed picture.
		t.Run(fmt.Sprintf("%d/modern", i), func(t *testing.T) {
			check(t, transpose(warpFloat(v, transpose(picture, n), n, n, 1), n), g.modern)
		})
		t.Run(fmt.Sprintf("%d/bytes", i), func(t *testing.T) {
			v := v
			v.OldCentre = true
			src, dst := make([]byte, n*n), make([]byte, n*n)
			for i := range src {
				src[i] = byte(picture[i])
			}
			new(Warper).Apply(v, dst, src, n, n, 1)
			got := make([]float64, n*n)
			for i, b := range dst {
				got[i] = float64(b)
			}
			for i, r := range []int{0, n - 1} {
				for c := range n {
					if math.Abs(got[r*n+c]-g.old[i][c]) > 0.502 {
						t.Errorf("row %d column %d: %v, want %.3f rounded", r, c, got[r*n+c], g.old[i][c])
					}
				}
			}
		})
	}
}

func TestWarpMatchesFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	wide := Ranges{Rotation: 180, HeightShift: 0.9, WidthShift: 0.9, Shear: 60, Zoom: 0.95, FlipH: true, FlipV: true}
	for n := range 300 {
		h, w, channels := 1+rng.IntN(40), 1+rng.IntN(40), 1+rng.IntN(5)
		ranges := ReferenceRanges()
		if n%2 == 1 {
			ranges = wide
		}
		ranges.OldCentre = n%3 == 0
		v := DrawWarp(NewRand(7, fmt.Sprint(n), 0, 0), ranges, h, w)
		src := make([]byte, h*w*channels)
		values := make([]float64, len(src))
		for i := range src {
			src[i] = byte(rng.Uint32())
			if rng.IntN(3) == 0 {
				src[i] = byte(255 * rng.IntN(2)) // the ends are where lanes could overflow
			}
			values[i] = float64(src[i])
		}
		got := make([]byte, len(src))
		new(Warper).Apply(v, got, src, h, w, channels)
		for i, want := range warpFloat(v, values, h, w, channels) {
			if math.Abs(float64(got[i])-want) > 0.75 {
				t.Fatalf("%+v on %dx%dx%d: value %d is %d, want %.3f", v, h, w, channels, i, got[i], want)
			}
		}
	}
}

func TestWarpWhite(t *testing.T) {
	const h, w = 50, 70
	white := bytes.Repeat([]byte{255}, h*w*3)
	got := make([]byte, len(white))
	for n := range 20 {
		new(Warper).Apply(DrawWarp(NewRand(1, "white", 0, n), ReferenceRanges(), h, w), got, white, h, w, 3)
		if !bytes.Equal(got, white) {
			t.Fatalf("variant %d of a white picture is not white", n)
		}
	}
}

func TestWarpIdentityAndFlips(t *testing.T) {
	const h, w = 3, 4
	src := make([]byte, h*w*3)
	for i := range src {
		src[i] = byte(i * 5)
	}
	for _, v := range []Warp{{ZX: 1, ZY: 1}, {ZX: 1, ZY: 1, FlipH: true}, {ZX: 1, ZY: 1, FlipV: true}, {ZX: 1, ZY: 1, FlipH: true, FlipV: true}} {
		got := make([]byte, len(src))
		new(Warper).Apply(v, got, src, h, w, 3)
		for r := range h {
			for c := range w {
				fr, fc := r, c
				if v.FlipV {
					fr = h - 1 - r
				}
				if v.FlipH {
					fc = w - 1 - c
				}
				if a, b := got[(r*w+c)*3:][:3], src[(fr*w+fc)*3:][:3]; !bytes.Equal(a, b) {
					t.Errorf("%+v at %d,%d: %v, want %v", v, r, c, a, b)
				}
			}
		}
	}
}

func TestDrawWarp(t *testing.T) {
	g := ReferenceRanges()
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	closed := g
	closed.Rotation, closed.FlipH = 0, false
	flips := 0
	for n := range 1000 {
		a := DrawWarp(NewRand(3, "k", 1, n), g, 1, 1)
		if math.Abs(a.Theta) > 40 || math.Abs(a.TX) > 0.2 || math.Abs(a.TY) > 0.2 || math.Abs(a.Shear) > 0.2 ||
			math.Abs(a.ZX-1) > 0.2 || math.Abs(a.ZY-1) > 0.2 || a.FlipV {
			t.Fatalf("outside the ranges: %+v", a)
		}
		if a.FlipH {
			flips++
		}
		b := DrawWarp(NewRand(3, "k", 1, n), closed, 1, 1)
		a.Theta, a.FlipH = 0, false
		if a != b {
			t.Fatalf("closing a range changed the other draws: %+v, %+v", a, b)
		}
	}
	if flips < 440 || flips > 560 {
		t.Errorf("%d of 1000 variants are flipped", flips)
	}
	for _, bad := range []Ranges{{Rotation: -1}, {Zoom: 1}, {HeightShift: math.NaN()}, {WidthShift: math.Inf(1)}, {Shear: 90}} {
		if bad.Check() == nil {
			t.Errorf("%+v passed", bad)
		}
	}
}

// Vectors give the bits that Go gives, also of steps and starts that are out of
// any bounds.
func TestWarpVectors(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	vectors := 0
	for n := range 400 {
		h, w := 1+rng.IntN(30), 1+rng.IntN(60)
		ranges := ReferenceRanges()
		if n%2 == 1 {
			ranges = Ranges{Rotation: 360, HeightShift: 10, WidthShift: 10, Shear: 89, Zoom: 0.99, FlipH: true, FlipV: true}
		}
		k := DrawWarp(NewRand(8, fmt.Sprint(n), 0, 0), ranges, h, w).walk(h, w)
		switch n {
		case 50, 51:
			k.B, k.stepP, k.stepQ = [2]float64{-1e30, 1e30}, -longestStep<<32, longestStep<<32
		case 52, 53:
			k.B, k.stepP, k.stepQ = [2]float64{1e30, 0}, 1, -1
		}
		src := make([]byte, h*w*3)
		for i := range src {
			src[i] = byte(rng.Uint32())
			if rng.IntN(3) == 0 {
				src[i] = byte(255 * rng.IntN(2))
			}
		}
		const guard = 40
		got := bytes.Repeat([]byte{7}, len(src)+guard)
		want := bytes.Clone(got)
		var b Warper
		if !b.vector(k, got[:len(src)], src, h, w, 3) {
			continue
		}
		vectors++
		if b.plain(k, want[:len(src)], src, h, w, 3); !bytes.Equal(got, want) {
			t.Fatalf("%dx%d, %+v: not the bytes of Go", h, w, k)
		}
	}
	if vectors == 0 {
		t.Skip("there are no vectors here")
	}
}

// The bytes of variants are an interface: a seed gives them for good.
func TestWarpBytes(t *testing.T) {
	sum := sha256.New()
	var b Warper
	for n, shape := range [][3]int{{128, 128, 3}, {37, 61, 3}, {61, 7, 3}, {20, 9, 1}, {9, 20, 2}, {16, 16, 4}, {1, 33, 3}, {33, 1, 3}} {
		h, w, channels := shape[0], shape[1], shape[2]
		src, dst := make([]byte, h*w*channels), make([]byte, h*w*channels)
		for i := range src {
			src[i] = byte(i * i >> 3)
		}
		ranges := ReferenceRanges()
		ranges.FlipV, ranges.OldCentre = n%2 == 1, n%3 == 2
		for variant := range 20 {
			b.Apply(DrawWarp(NewRand(1, "key", n, variant), ranges, h, w), dst, src, h, w, channels)
			sum.Write(dst)
		}
	}
	const want = "3499f956d105907b8a91e4974e1c7d5699c6e3b73d07ab1078c4f6f154b34dfe"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("bytes with the sum %s, want %s", got, want)
	}
}

func TestWarpAllocates(t *testing.T) {
	const h, w = 20, 24
	for _, channels := range []int{1, 3, 4} {
		src, dst := make([]byte, h*w*channels), make([]byte, h*w*channels)
		var b Warper
		v := DrawWarp(NewRand(1, "key", 1, 1), ReferenceRanges(), h, w)
		if n := testing.AllocsPerRun(10, func() { b.Apply(v, dst, src, h, w, channels) }); n > 0 {
			t.Errorf("%d channels: %v allocations", channels, n)
		}
	}
}

func BenchmarkWarp(b *testing.B) {
	const side = 128
	src, dst := make([]byte, side*side*3), make([]byte, side*side*3)
	for i := range src {
		src[i] = byte(i * 7)
	}
	var warper Warper
	v := DrawWarp(NewRand(1, "key", 1, 1), ReferenceRanges(), side, side)
	b.Run("vectors", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		b.ReportAllocs()
		for b.Loop() {
			warper.Apply(v, dst, src, side, side, 3)
		}
	})
	b.Run("go", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		b.ReportAllocs()
		for b.Loop() {
			warper.plain(v.walk(side, side), dst, src, side, side, 3)
		}
	})
}

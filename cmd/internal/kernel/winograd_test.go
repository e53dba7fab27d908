package kernel

import (
	"fmt"
	"math"
	"testing"
)

// winogradCases cover even and odd sizes, tiles that are all padding, a task
// of many rows and images, and a row longer than a task.
var winogradCases = []Conv{
	{N: 2, H: 12, W: 10, Cin: 16, Cout: 16, K: 3, Stride: 1},
	{N: 1, H: 4, W: 4, Cin: 24, Cout: 40, K: 3, Stride: 1},
	{N: 1, H: 5, W: 107, Cin: 32, Cout: 32, K: 3, Stride: 1},
	{N: 19, H: 4, W: 5, Cin: 16, Cout: 21, K: 3, Stride: 1, Pad: 1},
	{N: 2, H: 8, W: 8, Cin: 128, Cout: 32, K: 3, Stride: 1, Pad: 1},
	{N: 5, H: 7, W: 7, Cin: 64, Cout: 16, K: 3, Stride: 1, Pad: 2},
	{N: 2, H: 1, W: 2, Cin: 16, Cout: 17, K: 3, Stride: 1, Pad: 5},
	{N: 1, H: 2, W: 2, Cin: 256, Cout: 16, K: 3, Stride: 1, Pad: 1},
}

// TestWinogradChoice fixes which shapes are computed in tiles.
func TestWinogradChoice(t *testing.T) {
	for _, c := range winogradCases {
		if !c.winograd() {
			t.Errorf("%v is not computed in tiles", c)
		}
		for name, change := range map[string]func(*Conv){
			"kernel":          func(c *Conv) { c.K = 1 },
			"stride":          func(c *Conv) { c.Stride = 2 },
			"few inputs":      func(c *Conv) { c.Cin = 8 },
			"uneven inputs":   func(c *Conv) { c.Cin = 28 },
			"few outputs":     func(c *Conv) { c.Cout = 15 },
			"a single row":    func(c *Conv) { c.H = 3 - 2*c.Pad },
			"a single column": func(c *Conv) { c.W = 3 - 2*c.Pad },
		} {
			d := c
			change(&d)
			if d.winograd() {
				t.Errorf("%s: %v is computed in tiles", name, d)
			}
		}
		c.N++
		if !c.winograd() {
			t.Errorf("%v: the choice depends on the batch", c)
		}
	}
}

// fusedGemm is gemm as a chain of fused multiply-adds.
func fusedGemm(a gemmArgs) {
	for p := range a.n {
		for l := range lanes {
			s := a.init[p*a.initStride+l]
			for k := range a.rows * a.run {
				s = fma32(a.x[p*a.pixStride+k/a.run*a.rowStride+k%a.run*a.step], a.w[k*a.wStride+l], s)
			}
			a.dst[p*a.dstStride+l] = s
		}
	}
}

// TestWinogradBits holds the assembly to the reference transforms around fused
// products, in every bit: with plain and with pooled outputs, for any number of
// threads.
func TestWinogradBits(t *testing.T) {
	exact := goBackend()
	exact.gemm = fusedGemm
	reference := newWorkers(1, exact)
	for _, be := range assembly(t) {
		for _, c := range winogradCases {
			in := newConvCase(t, c)
			in.x[0], in.w[1], in.b[0] = 0, float32(math.Copysign(0, -1)), 1e-42
			want, got := make([]float32, len(in.dy)), values(newRand(t), len(in.dy))
			wantY, gotY := make([]float32, len(in.dyPooled)), values(newRand(t), len(in.dyPooled))
			wantIdx, gotIdx := make([]uint8, len(wantY)), make([]uint8, len(wantY))
			c.Forward(reference, want, in.x, in.w, in.b)
			c.ForwardReLUPool(reference, wantY, wantIdx, in.x, in.w, in.b)
			for _, threads := range []int{1, 3} {
				ws := newWorkers(threads, be)
				name := fmt.Sprintf("%s, %d threads, %v: ", be.name, threads, c)
				// Scratch memory must not matter, what was in
				// it least of all.
				fill(&ws.packed, 1<<20)
				for i := range ws.workers {
					fill(&ws.workers[i].buf, 1<<20)
				}
				c.Forward(ws, got, in.x, in.w, in.b)
				checkSame(t, name+"y", got, want)
				c.ForwardReLUPool(ws, gotY, gotIdx, in.x, in.w, in.b)
				checkSame(t, name+"pooled", gotY, wantY)
				checkSame(t, name+"idx", gotIdx, wantIdx)
				ws.Close()
			}
		}
	}
}

// fill grows a buffer and fills it with NaN.
func fill(buf *[]float32, n int) {
	s := grow(buf, n)
	for i := range s {
		s[i] = float32(math.NaN())
	}
}

// TestWinogradTransforms compares the transforms with the reference, including
// what they must leave alone.
func TestWinogradTransforms(t *testing.T) {
	ref := goBackend()
	for _, be := range assembly(t) {
		rng := newRand(t)
		for _, channels := range []int{8, 11, 16, 24, 40} {
			for _, n := range []int{1, 2, 5} {
				plane, stride, row, pixel := n*(channels+3)+5, channels+3, (2*n+2)*(channels+1)+2, channels+1
				x := values(rng, 4*row)
				got := values(rng, planes*plane)
				want := append([]float32(nil), got...)
				be.winogradInput(got, plane, stride, x, row, pixel, channels, n)
				ref.winogradInput(want, plane, stride, x, row, pixel, channels, n)
				checkSame(t, be.name+" input", got, want)
			}
		}
		for _, n := range []int{1, 2, 7} {
			plane, pixel := n*lanes+3, lanes+2
			row := 2*n*pixel + 1
			products := values(rng, planes*plane)
			got := values(rng, 2*row)
			want := append([]float32(nil), got...)
			be.winogradOutput(got, row, pixel, products, plane, n)
			ref.winogradOutput(want, row, pixel, products, plane, n)
			checkSame(t, be.name+" output", got, want)
		}
		for _, n := range []int{1, 8, 16} {
			const cin, stride = 3, 18
			plane, elem := cin*lanes+5, cin*stride+1
			w := values(rng, 9*elem)
			got := values(rng, planes*plane)
			want := append([]float32(nil), got...)
			be.winogradWeights(got, plane, w, elem, stride, cin, n)
			ref.winogradWeights(want, plane, w, elem, stride, cin, n)
			checkSame(t, be.name+" weights", got, want)
		}
	}
}

// TestWinogradError bounds the error against float64, for inputs of both signs
// and for positive ones (as ReLU leaves them), which cancel in the transforms.
// It is relative to the largest output.
func TestWinogradError(t *testing.T) {
	for _, c := range []Conv{
		{N: 1, H: 14, W: 15, Cin: 16, Cout: 16, K: 3, Stride: 1, Pad: 1},
		{N: 1, H: 12, W: 12, Cin: 64, Cout: 32, K: 3, Stride: 1},
		{N: 1, H: 8, W: 8, Cin: 256, Cout: 32, K: 3, Stride: 1, Pad: 1},
	} {
		for _, positive := range []bool{false, true} {
			in, g := newConvCase(t, c), c.geometry()
			for i, v := range in.x {
				if positive {
					in.x[i] = float32(math.Abs(float64(v)))
				}
			}
			want := c.naiveForward(in.x, in.w, in.b)
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y := make([]float32, len(want))
				c.forwardDirect(ws, g, convOut{y: y, clip: Unclipped()}, in.x, in.w, in.b)
				direct := largestError(y, want)
				c.forwardWinograd(ws, g, convOut{y: y, clip: Unclipped()}, in.x, in.w, in.b)
				tiles := largestError(y, want)
				t.Logf("%v, positive %t: direct %.2g, Winograd %.2g", c, positive, direct, tiles)
				if !(tiles < 1e-6 && tiles < direct) {
					t.Errorf("%v, positive %t: error %g, direct %g", c, positive, tiles, direct)
				}
			})
		}
	}
}

// largestError is the largest error relative to the largest of want.
func largestError(got []float32, want []float64) float64 {
	var worst, scale float64
	for i, v := range want {
		scale = max(scale, math.Abs(v))
		worst = max(worst, math.Abs(float64(got[i])-v)) // NaN if one is
	}
	return worst / scale
}

// TestWinogradNonFinite: a NaN or an infinity makes every output that sees it
// NaN (not finite, for an infinity), and changes none outside the tiles that
// see it.
func TestWinogradNonFinite(t *testing.T) {
	c := Conv{N: 2, H: 7, W: 8, Cin: 16, Cout: 17, K: 3, Stride: 1, Pad: 1}
	in := newConvCase(t, c)
	oh, ow := c.OutHW()
	ph, pw := c.PoolHW()
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		clean, y := make([]float32, len(in.dy)), make([]float32, len(in.dy))
		pooled, idx := make([]float32, len(in.dyPooled)), make([]uint8, len(in.dyPooled))
		c.Forward(ws, clean, in.x, in.w, in.b)
		for place := range c.H * c.W {
			row, col, at := place/c.W, place%c.W, (c.H*c.W+place)*c.Cin+place%c.Cin
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
				old := in.x[at]
				in.x[at] = bad
				c.Forward(ws, y, in.x, in.w, in.b)
				c.ForwardReLUPool(ws, pooled, idx, in.x, in.w, in.b)
				in.x[at] = old
				for i, v := range y {
					q, r, n := i/c.Cout%ow, i/c.Cout/ow%oh, i/c.Cout/ow/oh
					seen := n == 1 && abs(r-row) <= 1 && abs(q-col) <= 1
					// The inputs of a tile are the rows and
					// columns -1 to 2 from its first
					// output.
					top, left := r/2*2, q/2*2
					near := n == 1 && row >= top-1 && row <= top+2 && col >= left-1 && col <= left+2
					switch {
					case seen && (v-v == 0 || bad != bad && v == v):
						t.Fatalf("%g at %d,%d: y is %g at %d,%d", bad, row, col, v, r, q)
					case !near && v != clean[i]:
						t.Fatalf("%g at %d,%d: y is %g at %d,%d, was %g", bad, row, col, v, r, q, clean[i])
					}
					if seen && bad != bad && r/2 < ph && q/2 < pw {
						k := (((n*ph)+r/2)*pw+q/2)*c.Cout + i%c.Cout
						if pooled[k] == pooled[k] || idx[k] != 4 {
							t.Fatalf("NaN at %d,%d: pooled to %g, place %d", row, col, pooled[k], idx[k])
						}
					}
				}
			}
		}
		// In a weight: everywhere in its output channel.
		for elem := range 9 {
			at := (elem*c.Cin+3)*c.Cout + 5
			old := in.w[at]
			in.w[at] = float32(math.NaN())
			c.Forward(ws, y, in.x, in.w, in.b)
			in.w[at] = old
			for i, v := range y {
				if (v != v) != (i%c.Cout == 5) {
					t.Fatalf("NaN in weight %d: y[%d] = %g", elem, i, v)
				}
			}
		}
	})
}

func abs(x int) int { return max(x, -x) }

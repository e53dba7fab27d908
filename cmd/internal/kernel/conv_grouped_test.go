package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

var groupedShapes = []GroupedConv{
	{1, 9, 12, 5, 19, 1, Window{3, 1, 1, 1, 1, 1, 1, 0, 1, 0}},
	{2, 9, 12, 16, 32, 1, Window{1, 7, 1, 1, 1, 1, 0, 3, 0, 3}},
	{2, 10, 11, 3, 32, 1, Window{3, 3, 2, 2, 1, 1, 0, 0, 1, 1}}, // same, upper
	{1, 10, 11, 3, 24, 1, Window{3, 3, 2, 2, 1, 1, 1, 1, 0, 0}}, // same, lower
	{1, 21, 17, 6, 18, 1, Window{3, 2, 1, 3, 2, 1, 0, 2, 4, 1}},
	{1, 21, 17, 6, 18, 1, Window{3, 2, 3, 1, 1, 5, 4, 2, 0, 3}},
	{2, 8, 9, 32, 48, 4, square(3, 1, 1)},
	{1, 12, 7, 64, 32, 2, square(1, 1, 0)},
	{2, 7, 8, 12, 18, 6, Window{3, 2, 2, 1, 2, 3, 2, 1, 1, 3}},
	{1, 6, 6, 8, 16, 8, square(3, 1, 1)}, // two outputs a channel
	{1, 6, 6, 8, 8, 8, square(3, 1, 1)},  // depthwise
	{1, 9, 9, 3, 3, 3, square(1, 1, 0)},
	{2, 9, 8, 24, 21, 1, square(3, 1, 1)}, // as Conv
	{1, 9, 8, 24, 32, 1, square(5, 2, 2)},
}

func (c GroupedConv) String() string {
	return fmt.Sprintf("n%d_%dx%dx%d_to_%d_g%d_%v", c.N, c.H, c.W, c.Cin, c.Cout, c.Groups, c.Window)
}

// naive is the textbook loop with sums in float64.
func (c GroupedConv) naive(x, w, b, add []float32, clip Clip) []float64 {
	oh, ow := c.OutHW(c.H, c.W)
	cin, cout := c.Cin/c.Groups, c.Cout/c.Groups
	y := make([]float64, c.N*oh*ow*c.Cout)
	for i := range y {
		o, ox, oy, n := i%c.Cout, i/c.Cout%ow, i/c.Cout/ow%oh, i/c.Cout/ow/oh
		var sum float64
		if b != nil {
			sum = float64(b[o])
		}
		if add != nil {
			sum += float64(add[i])
		}
		for ky := range c.KH {
			for kx := range c.KW {
				iy, ix := oy*c.StrideH+ky*c.DilationH-c.PadTop, ox*c.StrideW+kx*c.DilationW-c.PadLeft
				if iy < 0 || ix < 0 || iy >= c.H || ix >= c.W {
					continue
				}
				for ci := range cin {
					sum += float64(x[((n*c.H+iy)*c.W+ix)*c.Cin+o/cout*cin+ci]) * float64(w[((ky*c.KW+kx)*cin+ci)*c.Cout+o])
				}
			}
		}
		y[i] = min(max(sum, float64(clip.Lo)), float64(clip.Hi))
	}
	return y
}

// magnitude is the largest magnitude of x.
func magnitude(x []float64) (most float64) {
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	return most
}

func (c GroupedConv) values(rng *rand.Rand) (y, x, w, b []float32) {
	oh, ow := c.OutHW(c.H, c.W)
	return make([]float32, c.N*oh*ow*c.Cout), values(rng, c.N*c.H*c.W*c.Cin), values(rng, c.KH*c.KW*c.Cin/c.Groups*c.Cout), values(rng, c.Cout)
}

func TestGroupedConvAgainstFloat64(t *testing.T) {
	for _, c := range groupedShapes {
		t.Run(c.String(), func(t *testing.T) {
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			rng := newRand(t)
			y, x, w, b := c.values(rng)
			some := values(rng, len(y))
			for _, clip := range []Clip{Unclipped(), Rectified(), {-0.5, 6}} {
				for _, add := range [][]float32{nil, some} {
					for _, b := range [][]float32{nil, b} {
						// Clipping makes results
						// smaller, but not their
						// errors.
						want := c.naive(x, w, b, add, clip)
						tol := tol * magnitude(c.naive(x, w, b, add, Unclipped())) / magnitude(want)
						onEveryBackend(t, func(t *testing.T, ws *Workers) {
							y := values(newRand(t), len(want))
							c.Forward(ws, y, x, w, b, add, clip)
							checkClose(t, "y", y, want, tol)
						})
					}
				}
			}
		})
	}
}

// TestGroupedConvSameBits: neither the number of threads nor the width of
// vectors changes a result.
func TestGroupedConvSameBits(t *testing.T) {
	for _, c := range groupedShapes {
		_, x, w, b := c.values(newRand(t))
		x[len(x)/2] = float32(math.NaN())
		var want []float32
		for _, backend := range Backends() {
			if backend == "go" && want != nil {
				break
			}
			for _, threads := range []int{1, 3, 16} {
				ws, _ := NewWorkersOn(backend, threads)
				y, _, _, _ := c.values(newRand(t))
				c.Forward(ws, y, x, w, b, nil, Clip{-1, 1})
				ws.Close()
				if want == nil {
					want = y
				}
				checkSame(t, fmt.Sprint(c, backend, threads), y, want)
			}
		}
	}
}

// TestGroupedConvAsGEMM: a square convolution without groups has the same bits
// by the general path as by Conv's direct one.
func TestGroupedConvAsGEMM(t *testing.T) {
	shapes := append([]Conv{
		{N: 3, H: 7, W: 7, Cin: 24, Cout: 40, K: 1, Stride: 1}, // tasks of several images
		{N: 2, H: 13, W: 31, Cin: 9, Cout: 16, K: 1, Stride: 1},
	}, convShapes...)
	for _, d := range shapes {
		c := GroupedConv{d.N, d.H, d.W, d.Cin, d.Cout, 1, square(d.K, d.Stride, d.Pad)}
		in := newConvCase(t, d)
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			want, got := make([]float32, len(in.dy)), make([]float32, len(in.dy))
			out := convOut{y: want, add: in.dy, clip: Rectified()}
			d.forwardDirect(ws, d.geometry(), out, in.x, in.w, in.b)
			out.y = got
			c.forward(ws, out, in.x, in.w, in.b)
			checkSame(t, d.String(), got, want)
			d.ForwardReLU(ws, want, in.x, in.w, in.b, in.dy)
			c.Forward(ws, got, in.x, in.w, in.b, in.dy, Rectified())
			checkSame(t, d.String(), got, want)
		})
	}
}

func TestGroupedConvNoAllocation(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, c := range groupedShapes {
			y, x, w, b := c.values(newRand(t))
			step := func() { c.Forward(ws, y, x, w, b, nil, Clip{0, 6}) }
			step()
			if n := testing.AllocsPerRun(2, step); n != 0 {
				t.Errorf("%v: %g allocations", c, n)
			}
		}
	})
}

func TestGroupedConvCheck(t *testing.T) {
	good := GroupedConv{1, 8, 8, 16, 32, 4, square(3, 1, 1)}
	for name, spoil := range map[string]func(c *GroupedConv){
		"batch":           func(c *GroupedConv) { c.N = 0 },
		"no groups":       func(c *GroupedConv) { c.Groups = 0 },
		"input channels":  func(c *GroupedConv) { c.Cin = 15 },
		"output channels": func(c *GroupedConv) { c.Cout = 31 },
		"no channels":     func(c *GroupedConv) { c.Cin = 0 },
		"window":          func(c *GroupedConv) { c.H, c.PadTop = 1, 0 },
		"size":            func(c *GroupedConv) { c.PadTop, c.PadLeft = 1<<16, 1<<16 },
	} {
		c := good
		spoil(&c)
		if c.Check() == nil {
			t.Errorf("%s: %+v passes", name, c)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}

func TestClip(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, n := range []int{0, 1, 7, 8, 9, 16, 37} {
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			x := append(append([]float32(nil), special...), values(newRand(t), n)...)
			for _, clip := range []Clip{{0, 6}, {-1, 0.5}, {-inf, inf}, {0, inf}} {
				got, want := make([]float32, len(x)), make([]float32, len(x))
				for i, v := range x {
					want[i] = v
					if v == v {
						want[i] = max(min(v, clip.Hi), clip.Lo)
					}
				}
				ws.backend.clip(got, x, clip.Lo, clip.Hi)
				checkSame(t, "clipped", got, want)
				clipRef(want, x, clip.Lo, clip.Hi)
				checkBits(t, n, got, want)
			}
		})
	}
}

// mobileNetPointwise lists 1x1 convolutions of MobileNetV2 for 224 pixels.
var mobileNetPointwise = []GroupedConv{
	{1, 112, 112, 16, 96, 1, square(1, 1, 0)},
	{1, 56, 56, 144, 24, 1, square(1, 1, 0)},
	{1, 56, 56, 24, 144, 1, square(1, 1, 0)},
	{1, 28, 28, 32, 192, 1, square(1, 1, 0)},
	{1, 14, 14, 64, 384, 1, square(1, 1, 0)},
	{1, 14, 14, 576, 96, 1, square(1, 1, 0)},
	{1, 7, 7, 160, 960, 1, square(1, 1, 0)},
	{1, 7, 7, 960, 320, 1, square(1, 1, 0)},
	{1, 7, 7, 320, 1280, 1, square(1, 1, 0)},
}

// BenchmarkPointwise times 1x1 convolutions, on one thread; "%of-peak" is
// relative to the GEMM micro-kernel running from the first-level cache.
//
// In GFLOP/s, on one thread of an AMD EPYC (Zen 5, AVX-512, peak about 200), as
// products of single rows and as one product of all pixels:
//
//	                        one picture        16 pictures
//	56x56, 144 ->   24        111   127          61    85
//	56x56,  24 ->  144        125   144          58   101
//	28x28,  32 ->  192        120   159          66   124
//	14x14,  64 ->  384        103   164          91   164
//	14x14, 576 ->   96        128   178         112   175
//	7x7,   160 ->  960         68   127          73   174
//	7x7,   960 ->  320         71   129          80   173
//	7x7,   320 -> 1280         68   127          75   162
func BenchmarkPointwise(b *testing.B) {
	ws, _ := NewWorkersOn(Backends()[0], 1)
	defer ws.Close()
	for _, batch := range []int{1, 16} {
		for _, c := range mobileNetPointwise {
			c.N = batch
			b.Run(c.String(), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				peak := gemmPeak(ws)
				y, x, w, bias := c.values(newRand(b))
				best := time.Hour
				c.Forward(ws, y, x, w, bias, nil, Clip{0, 6}) // gets the memory
				for b.Loop() {
					start := clock()
					c.Forward(ws, y, x, w, bias, nil, Clip{0, 6})
					best = min(best, clock()-start)
				}
				flop := 2 * float64(len(y)*c.Cin)
				b.ReportMetric(flop/best.Seconds()/1e9, "GFLOP/s")
				b.ReportMetric(100*flop/best.Seconds()/peak, "%of-peak")
				b.ReportMetric(best.Seconds()*1e3, "ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

var depthwiseShapes = []Depthwise{
	{2, 9, 12, 16, square(3, 1, 1)},
	{1, 14, 14, 40, square(3, 2, 1)},
	{2, 7, 7, 33, square(5, 1, 2)},
	{1, 12, 31, 24, square(5, 2, 2)},
	{3, 6, 5, 3, square(3, 1, 1)}, // no vector of channels
	{1, 6, 5, 12, square(3, 1, 1)},
	{1, 5, 60, 17, square(3, 1, 0)}, // rows in several calls
	{1, 1, 1, 8, square(3, 1, 1)},
	{1, 2, 3, 16, square(5, 1, 6)}, // windows of padding only
	{1, 8, 9, 19, square(1, 1, 0)},
	{2, 10, 11, 20, Window{3, 3, 2, 2, 1, 1, 0, 0, 1, 1}}, // same, upper
	{1, 10, 11, 20, Window{3, 3, 2, 2, 1, 1, 1, 1, 0, 0}}, // same, lower
	{1, 17, 9, 16, Window{2, 5, 1, 3, 3, 1, 0, 4, 2, 1}},
	{1, 11, 13, 48, Window{3, 3, 1, 2, 2, 4, 2, 4, 1, 5}},
	{1, 4, 19, 139, square(3, 1, 1)},
	{1, 20, 3, 8, Window{7, 1, 3, 1, 1, 2, 9, 0, 0, 2}},
}

func (d Depthwise) String() string {
	return fmt.Sprintf("n%d_%dx%dx%d_%v", d.N, d.H, d.W, d.C, d.Window)
}

// naive is the textbook loop with sums in float64, and with fused multiply-adds
// one by one.
func (d Depthwise) naive(x, w, b []float32, clip Clip) (exact []float64, fused []float32) {
	oh, ow := d.OutHW(d.H, d.W)
	for i := range d.N * oh * ow * d.C {
		c, ox, oy, n := i%d.C, i/d.C%ow, i/d.C/ow%oh, i/d.C/ow/oh
		var e float64
		var f float32
		if b != nil {
			e, f = float64(b[c]), b[c]
		}
		for ky := range d.KH {
			for kx := range d.KW {
				y, xx := oy*d.StrideH+ky*d.DilationH-d.PadTop, ox*d.StrideW+kx*d.DilationW-d.PadLeft
				if y < 0 || xx < 0 || y >= d.H || xx >= d.W {
					continue
				}
				u, v := x[((n*d.H+y)*d.W+xx)*d.C+c], w[(ky*d.KW+kx)*d.C+c]
				e += float64(u) * float64(v)
				f = fma32(u, v, f)
			}
		}
		exact = append(exact, min(max(e, float64(clip.Lo)), float64(clip.Hi)))
		fused = append(fused, min(max(f, clip.Lo), clip.Hi))
	}
	return exact, fused
}

func (d Depthwise) values(rng *rand.Rand) (y, x, w, b []float32) {
	oh, ow := d.OutHW(d.H, d.W)
	return make([]float32, d.N*oh*ow*d.C), values(rng, d.N*d.H*d.W*d.C), values(rng, d.KH*d.KW*d.C), values(rng, d.C)
}

func TestDepthwiseAgainstFloat64(t *testing.T) {
	for _, d := range depthwiseShapes {
		t.Run(d.String(), func(t *testing.T) {
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			_, x, w, b := d.values(newRand(t))
			for _, clip := range []Clip{Unclipped(), Rectified(), {-0.5, 6}} {
				for _, b := range [][]float32{b, nil} {
					exact, fused := d.naive(x, w, b, clip)
					onEveryBackend(t, func(t *testing.T, ws *Workers) {
						y := values(newRand(t), len(exact))
						d.Forward(ws, y, x, w, b, clip)
						checkClose(t, "y", y, exact, tol)
						if d.C >= 8 && ws.Backend() != "go" {
							checkSame(t, "fused", y, fused)
						}
					})
				}
			}
		})
	}
}

// TestDepthwiseSameBits: neither the number of threads nor the width of vectors
// changes a result.
func TestDepthwiseSameBits(t *testing.T) {
	for _, d := range depthwiseShapes {
		_, x, w, b := d.values(newRand(t))
		x[len(x)/2], x[len(x)/3] = float32(math.NaN()), float32(math.Inf(1))
		var want []float32
		for _, backend := range Backends() {
			if backend == "go" && want != nil {
				break
			}
			for _, threads := range []int{1, 3, 16} {
				ws, _ := NewWorkersOn(backend, threads)
				y, _, _, _ := d.values(newRand(t))
				d.Forward(ws, y, x, w, b, Clip{-1, 1})
				ws.Close()
				if want == nil {
					want = y
				}
				checkSame(t, fmt.Sprint(d, backend, threads), y, want)
			}
		}
	}
}

// TestDepthwiseNaN: clipping keeps a NaN, on every backend and in every lane.
func TestDepthwiseNaN(t *testing.T) {
	d := Depthwise{1, 3, 3, 27, square(1, 1, 0)}
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		y, x, w, b := d.values(newRand(t))
		for i := range x {
			x[i] = float32(math.NaN())
		}
		d.Forward(ws, y, x, w, b, Clip{0, 6})
		for i, v := range y {
			if v == v {
				t.Fatalf("y[%d] = %g", i, v)
			}
		}
	})
}

func TestDepthwiseNoAllocation(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, d := range depthwiseShapes {
			y, x, w, _ := d.values(newRand(t))
			step := func() { d.Forward(ws, y, x, w, nil, Rectified()) }
			step()
			if n := testing.AllocsPerRun(2, step); n != 0 {
				t.Errorf("%v: %g allocations", d, n)
			}
		}
	})
}

func TestDepthwiseCheck(t *testing.T) {
	good := Depthwise{1, 8, 8, 16, square(3, 1, 1)}
	for name, spoil := range map[string]func(d *Depthwise){
		"batch":    func(d *Depthwise) { d.N = 0 },
		"channels": func(d *Depthwise) { d.C = -1 },
		"kernel":   func(d *Depthwise) { d.KW = 0 },
		"stride":   func(d *Depthwise) { d.StrideW = 0 },
		"dilation": func(d *Depthwise) { d.DilationH = 0 },
		"padding":  func(d *Depthwise) { d.PadRight = -1 },
		"window":   func(d *Depthwise) { d.DilationH = 5 },
		"size":     func(d *Depthwise) { d.N = 1 << 22 },
		"overflow": func(d *Depthwise) { d.N, d.C = math.MaxInt32, math.MaxInt32 },
	} {
		d := good
		spoil(&d)
		if d.Check() == nil {
			t.Errorf("%s: %+v passes", name, d)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}

// mobileNetDepthwise lists the depthwise shapes of MobileNetV2 for 224 pixels,
// and two of 5x5 as in its successors.
var mobileNetDepthwise = []Depthwise{
	{1, 112, 112, 32, square(3, 1, 1)},
	{1, 56, 56, 144, square(3, 1, 1)},
	{1, 56, 56, 144, square(3, 2, 1)},
	{1, 28, 28, 192, square(3, 1, 1)},
	{1, 28, 28, 192, square(3, 2, 1)},
	{1, 14, 14, 384, square(3, 1, 1)},
	{1, 14, 14, 576, square(3, 1, 1)},
	{1, 14, 14, 576, square(3, 2, 1)},
	{1, 7, 7, 960, square(3, 1, 1)},
	{1, 14, 14, 576, square(5, 1, 2)},
	{1, 7, 7, 960, square(5, 1, 2)},
}

// copyRate measures how fast x is copied, in bytes read and written a second.
func copyRate(x []float32) float64 {
	y, best := make([]float32, len(x)), time.Hour
	for range 20 {
		start := clock()
		copy(y, x)
		best = min(best, clock()-start)
	}
	return 8 * float64(len(x)) / best.Seconds()
}

// BenchmarkDepthwise compares with the reference in Go. "%of-peak" is relative
// to the GEMM micro-kernel running from the first-level cache; GB/s count each
// value of x and y once. The floor is the longer of the two: the operations at
// that peak, or the bytes at the rate of a copy of x.
//
// For one picture, on one thread of an AMD EPYC (Zen 5, AVX-512), whose peak is
// about 200 GFLOP/s; the machine was shared:
//
//	                     operations   bytes   GFLOP/s  of peak  of floor  times Go
//	56x56x144, stride 1     8.1 M    3.6 MB       74     36 %      50 %       45
//	56x56x144, stride 2     2.0 M    2.3 MB       54     26 %      78 %       32
//	28x28x192, stride 1     2.7 M    1.2 MB       71     37 %      37 %       43
//	28x28x192, stride 2     0.7 M    0.8 MB       64     33 %      86 %       47
//	14x14x384, stride 1     1.4 M    0.6 MB       72     37 %      37 %       41
//	14x14x576, stride 1     2.0 M    0.9 MB       73     36 %      36 %       40
//	14x14x576, stride 2     0.5 M    0.6 MB       55     28 %      56 %       32
//	7x7x960, stride 1       0.8 M    0.4 MB       62     32 %      32 %       32
//	14x14x576, 5x5          5.6 M    0.9 MB       87     45 %      45 %       30
//	7x7x960, 5x5            2.4 M    0.4 MB       72     35 %      35 %       20
//
// Keeping a part of the channels in the first-level cache for several rows
// brought nothing.
func BenchmarkDepthwise(b *testing.B) {
	all := Backends()
	ws, _ := NewWorkersOn(all[0], 1)
	defer ws.Close()
	ref, _ := NewWorkersOn("go", 1)
	defer ref.Close()
	for _, d := range mobileNetDepthwise {
		b.Run(d.String(), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			peak := gemmPeak(ws)
			y, x, w, bias := d.values(newRand(b))
			took := func(ws *Workers) time.Duration {
				start := clock()
				d.Forward(ws, y, x, w, bias, Clip{0, 6})
				return clock() - start
			}
			slow := min(took(ref), took(ref))
			best := time.Hour
			for b.Loop() {
				best = min(best, took(ws))
			}
			flop, bytes := 2*float64(len(y)*d.KH*d.KW), 4*float64(len(x)+len(y))
			floor := max(flop/peak, bytes/copyRate(x))
			b.ReportMetric(flop/best.Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(100*flop/best.Seconds()/peak, "%of-peak")
			b.ReportMetric(100*floor/best.Seconds(), "%of-floor")
			b.ReportMetric(bytes/best.Seconds()/1e9, "GB/s")
			b.ReportMetric(slow.Seconds()/best.Seconds(), "times-go")
			b.ReportMetric(0, "ns/op")
		})
	}
}

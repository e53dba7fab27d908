package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// residualConvs lists the convolutions of a residual network of width w: four
// with pooling after them, three pairs of them without.
func residualConvs(w, batch int) (pooled, plain []Conv) {
	side, cin := 128, 3
	for i, cout := range []int{w, 2 * w, 4 * w, 8 * w} {
		pooled = append(pooled, Conv{N: batch, H: side, W: side, Cin: cin, Cout: cout, K: 3, Stride: 1, Pad: 1})
		side, cin = side/2, cout
		if i > 0 {
			plain = append(plain, Conv{N: batch, H: side, W: side, Cin: cin, Cout: cout, K: 3, Stride: 1, Pad: 1})
		}
	}
	return pooled, plain
}

// gemmPeak measures the multiply-add rate of the GEMM micro-kernel on data that
// never leaves the first-level cache, in FLOP/s.
func gemmPeak(ws *Workers) float64 {
	const n, run, repeat = 24, 96, 200
	x, w, y := make([]float32, n+run), make([]float32, run*lanes), make([]float32, n*lanes)
	best := time.Hour
	for range 50 {
		start := clock()
		for range repeat {
			ws.backend.gemm(gemmArgs{
				dst: y, dstStride: lanes,
				init: y, initStride: lanes,
				x: x, pixStride: 1, step: 1,
				w: w, wStride: lanes,
				rows: 1, run: run, n: n,
			})
		}
		best = min(best, clock()-start)
	}
	return 2 * n * run * lanes * repeat / best.Seconds()
}

// BenchmarkConv times each convolution of residual networks, on one thread.
// FLOP are those of a dense computation, the fastest repetition counts;
// "of-peak" is relative to the GEMM micro-kernel running from the first-level
// cache.
//
// With a batch of 16 and a first layer of 32 channels, on one thread of an AMD
// EPYC (Zen 3), in dense GFLOP/s:
//
//	                           forward   weight gradient   input gradient
//	128x128,   3 ->  32, pool       68               127
//	64x64,    32 ->  64, pool      162               205              215
//	32x32,    64 -> 128, pool      186               215              182
//	16x16,   128 -> 256, pool      191               206              133
//	32x32,    64 ->  64            167                78              174
//	16x16,   128 -> 128            181                83              185
//	8x8,     256 -> 256            175                80              174
func BenchmarkConv(b *testing.B) {
	backend := Backends()[0]
	ws, _ := NewWorkersOn(backend, 1)
	defer ws.Close()
	bench := func(name string, c Conv, run func()) {
		oh, ow := c.OutHW()
		flop := 2 * float64(c.N*oh*ow*c.Cout) * float64(c.K*c.K*c.Cin)
		b.Run(name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			peak := gemmPeak(ws)
			best := time.Hour
			for b.Loop() {
				start := clock()
				run()
				best = min(best, clock()-start)
			}
			b.ReportMetric(flop/best.Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(100*flop/best.Seconds()/peak, "%of-peak")
			b.ReportMetric(best.Seconds()*1e3, "ms")
			b.ReportMetric(0, "ns/op")
		})
	}
	for _, width := range []int{16, 24, 32} {
		pooled, plain := residualConvs(width, benchBatch)
		for _, c := range pooled {
			name := fmt.Sprintf("w=%d/%dx%d-%dto%d-pool", width, c.H, c.W, c.Cin, c.Cout)
			in := newConvCase(b, c)
			y, idx := make([]float32, len(in.dyPooled)), make([]uint8, len(in.dyPooled))
			bench(name+"/forward", c, func() { c.ForwardReLUPool(ws, y, idx, in.x, in.w, in.b) })
			c.ForwardReLUPool(ws, y, idx, in.x, in.w, in.b)
			dx, dw, db := make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, c.Cout)
			bench(name+"/dw", c, func() { c.BackwardReLUPool(ws, nil, dw, db, in.dyPooled, idx, in.x, in.w) })
			if c.Cin == 3 {
				continue // nobody needs the gradient of pixels
			}
			bench(name+"/dx", c, func() { c.BackwardReLUPool(ws, dx, nil, nil, in.dyPooled, idx, in.x, in.w) })
		}
		for _, c := range plain {
			name := fmt.Sprintf("w=%d/%dx%d-%dto%d", width, c.H, c.W, c.Cin, c.Cout)
			in := newConvCase(b, c)
			y := make([]float32, len(in.dy))
			bench(name+"/forward", c, func() { c.ForwardReLU(ws, y, in.x, in.w, in.b, in.dy) })
			dx, dw, db := make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, c.Cout)
			bench(name+"/dw", c, func() { c.Backward(ws, nil, dw, db, in.dy, in.x, in.w) })
			bench(name+"/dx", c, func() { c.Backward(ws, dx, nil, nil, in.dy, in.x, in.w) })
		}
	}
}

package kernel

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// winogradShapes are layers of the reference network and of residual ones.
var winogradShapes = []struct {
	c      Conv
	pooled bool
}{
	{Conv{N: 16, H: 63, W: 63, Cin: 32, Cout: 32, K: 3, Stride: 1}, true},
	{Conv{N: 16, H: 30, W: 30, Cin: 32, Cout: 64, K: 3, Stride: 1}, true},
	{Conv{N: 16, H: 64, W: 64, Cin: 16, Cout: 16, K: 3, Stride: 1, Pad: 1}, true},
	{Conv{N: 16, H: 64, W: 64, Cin: 32, Cout: 64, K: 3, Stride: 1, Pad: 1}, true},
	{Conv{N: 16, H: 32, W: 32, Cin: 64, Cout: 64, K: 3, Stride: 1, Pad: 1}, false},
	{Conv{N: 16, H: 16, W: 16, Cin: 128, Cout: 128, K: 3, Stride: 1, Pad: 1}, false},
	{Conv{N: 16, H: 16, W: 16, Cin: 128, Cout: 256, K: 3, Stride: 1, Pad: 1}, true},
	{Conv{N: 16, H: 8, W: 8, Cin: 256, Cout: 256, K: 3, Stride: 1, Pad: 1}, false},
	{Conv{N: 1, H: 8, W: 8, Cin: 256, Cout: 256, K: 3, Stride: 1, Pad: 1}, false},
	{Conv{N: 16, H: 7, W: 7, Cin: 16, Cout: 20, K: 3, Stride: 1}, false},
}

// BenchmarkWinograd runs both ways in turn and reports the median of the ratios
// of their times, and the GFLOP/s of the textbook algorithm that each would
// need at its best.
func BenchmarkWinograd(b *testing.B) {
	for _, backend := range Backends() {
		for threads := 1; threads <= runtime.GOMAXPROCS(0); threads *= 2 {
			for _, s := range winogradShapes {
				name := fmt.Sprintf("%s/threads=%d/%s", backend, threads, s.c)
				if s.pooled {
					name += "_pooled"
				}
				b.Run(name, func(b *testing.B) {
					ws, _ := NewWorkersOn(backend, threads)
					defer ws.Close()
					benchWinograd(b, ws, s.c, s.pooled)
				})
			}
		}
	}
}

func benchWinograd(b *testing.B, ws *Workers, c Conv, pooled bool) {
	in, g := newConvCase(b, c), c.geometry()
	y, idx := make([]float32, len(in.dy)), []uint8(nil)
	if pooled {
		y, idx = make([]float32, len(in.dyPooled)), make([]uint8, len(in.dyPooled))
	}
	ways := []func(*Workers, geometry, convOut, []float32, []float32, []float32){c.forwardDirect, c.forwardWinograd}
	best := []time.Duration{time.Hour, time.Hour}
	var ratios []float64
	for b.Loop() {
		var took [2]time.Duration
		for i, way := range ways {
			start := time.Now()
			way(ws, g, convOut{y: y, idx: idx, clip: Unclipped()}, in.x, in.w, in.b)
			took[i] = time.Since(start)
			best[i] = min(best[i], took[i])
		}
		ratios = append(ratios, float64(took[0])/float64(took[1]))
	}
	slices.Sort(ratios)
	oh, ow := c.OutHW()
	flop := 2 * float64(c.N*oh*ow) * float64(len(in.w))
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(float64(best[0])/float64(best[1]), "best-ratio")
	b.ReportMetric(flop/best[0].Seconds()/1e9, "direct-GFLOP/s")
	b.ReportMetric(flop/best[1].Seconds()/1e9, "winograd-GFLOP/s")
}

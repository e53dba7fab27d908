package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// BenchmarkTransformer times the operations of a block of a small Vision
// Transformer (ViT-S/16 at 224 pixels: 197 tokens of 384 values, 6 heads), on
// one thread, for one picture; the fastest repetition counts.
func BenchmarkTransformer(b *testing.B) {
	const tokens, width, heads = 197, 384, 6
	for _, backend := range Backends() {
		ws, _ := NewWorkersOn(backend, 1)
		defer ws.Close()
		rng := newRand(b)
		x, y := values(rng, tokens*4*width), make([]float32, tokens*4*width)
		scores := make([]float32, heads*tokens*tokens)
		gamma, beta := values(rng, width), values(rng, width)
		up, down := Dense{tokens, width, 4 * width}, Dense{tokens, 4 * width, width}
		packedUp := up.Pack(ws, values(rng, 4*width*width), nil, false)
		packedDown := down.Pack(ws, values(rng, 4*width*width), nil, false)
		qkt := MatMul{Batch: heads, M: tokens, K: width / heads, N: tokens, TransposedB: true}
		av := MatMul{Batch: heads, M: tokens, K: tokens, N: width / heads}
		turn, _ := NewTranspose([]int{tokens, heads, width / heads}, []int{1, 0, 2})
		sum, _ := NewBinary(BinaryAdd, []int{tokens, width}, []int{width})
		product := 2.0 * heads * tokens * tokens * width / heads
		for _, o := range []struct {
			name string
			n    int // values
			flop float64
			run  func()
		}{
			{"layer norm", tokens * width, 0, func() { LayerNorm{tokens, width, 1e-6}.Forward(ws, y[:tokens*width], x[:tokens*width], gamma, beta) }},
			{"scores", heads * tokens * tokens, product, func() { qkt.Forward(ws, scores, x[:tokens*width], x[tokens*width:2*tokens*width]) }},
			{"softmax", heads * tokens * tokens, 0, func() { Softmax{heads * tokens, tokens}.Forward(ws, scores, scores) }},
			{"values", tokens * width, product, func() { av.Forward(ws, y[:tokens*width], scores, x[:tokens*width]) }},
			{"heads", tokens * width, 0, func() { turn.Forward(ws, y[:tokens*width], x[:tokens*width]) }},
			{"bias", tokens * width, 0, func() { sum.Forward(ws, y[:tokens*width], x[:tokens*width], gamma) }},
			{"dense up", tokens * 4 * width, 8 * tokens * width * width, func() { up.ForwardPacked(ws, y, x[:tokens*width], packedUp, nil, Unary{}) }},
			{"dense down", tokens * width, 8 * tokens * width * width, func() { down.ForwardPacked(ws, y[:tokens*width], x, packedDown, nil, Unary{}) }},
			{"gelu", tokens * 4 * width, 0, func() { Unary{Op: UnaryGelu}.Forward(ws, y, x) }},
			{"silu", tokens * 4 * width, 0, func() { Unary{Op: UnarySiLU}.Forward(ws, y, x) }},
			{"hard swish", tokens * 4 * width, 0, func() { Unary{Op: UnaryHardSwish}.Forward(ws, y, x) }},
		} {
			b.Run(fmt.Sprintf("%s/%s", o.name, backend), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				best := time.Hour
				for b.Loop() {
					start := clock()
					o.run()
					best = min(best, clock()-start)
				}
				b.ReportMetric(best.Seconds()*1e9/float64(o.n), "ns/value")
				b.ReportMetric(best.Seconds()*1e3, "ms")
				b.ReportMetric(o.flop/best.Seconds()/1e9, "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

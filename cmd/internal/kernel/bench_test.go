package kernel

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"
)

// refNet is one training step of the reference network (three convolutions with
// ReLU and pooling, a dense layer with ReLU and dropout, a sigmoid), made of
// the operations of this package.
type refNet struct {
	workers             *Workers
	conv                [3]Conv
	hidden, out         Dense
	pixels              []uint8
	x                   []float32
	w, b, dw, db, y, dy [5][]float32 // three convolutions, two dense layers
	aw, ab              [5][]float32
	idx                 [3][]uint8
	relu, drop, drelu   []float32
	prob                []float32
	labels              []int
	opt                 RMSProp
	step                uint64
	rate                float64
	seed                uint64
}

func newRefNet(tb testing.TB, ws *Workers, n, h, w int) *refNet {
	rng := newRand(tb)
	r := &refNet{workers: ws, opt: RMSProp{LR: 5e-4, Rho: 0.9, Eps: 1e-7}, rate: 0.5, seed: 7}
	cin := 3
	for i, cout := range []int{32, 32, 64} {
		c := Conv{N: n, H: h, W: w, Cin: cin, Cout: cout, K: 3, Stride: 1}
		if err := c.Check(); err != nil {
			tb.Fatal(err)
		}
		r.conv[i] = c
		h, w = c.PoolHW()
		cin = cout
		r.w[i], r.b[i] = values(rng, 9*c.Cin*cout), make([]float32, cout)
		for k := range r.w[i] {
			r.w[i][k] *= float32(math.Sqrt(2 / float64(9*(c.Cin+cout))))
		}
		r.idx[i] = make([]uint8, n*h*w*cout)
		r.y[i], r.dy[i] = make([]float32, n*h*w*cout), make([]float32, n*h*w*cout)
	}
	r.hidden, r.out = Dense{N: n, In: h * w * cin, Out: 64}, Dense{N: n, In: 64, Out: 1}
	for i, d := range []Dense{r.hidden, r.out} {
		r.w[3+i], r.b[3+i] = values(rng, d.In*d.Out), make([]float32, d.Out)
		for k := range r.w[3+i] {
			r.w[3+i][k] *= float32(math.Sqrt(2 / float64(d.In+d.Out)))
		}
		r.y[3+i], r.dy[3+i] = make([]float32, n*d.Out), make([]float32, n*d.Out)
	}
	for i := range r.w {
		r.dw[i], r.aw[i] = make([]float32, len(r.w[i])), make([]float32, len(r.w[i]))
		r.db[i], r.ab[i] = make([]float32, len(r.b[i])), make([]float32, len(r.b[i]))
	}
	r.relu, r.drop, r.drelu = make([]float32, n*64), make([]float32, n*64), make([]float32, n*64)
	r.prob = make([]float32, n)
	c := r.conv[0]
	r.x, r.pixels = make([]float32, n*c.H*c.W*3), make([]uint8, n*c.H*c.W*3)
	for i := range r.pixels {
		r.pixels[i] = uint8(rng.IntN(256))
	}
	for i := range n {
		r.labels = append(r.labels, i%2)
	}
	return r
}

// part is a named piece of the step and its work if it were dense.
type part struct {
	name string
	flop float64
	run  func()
}

func (r *refNet) parts(loss *float64) []part {
	ws := r.workers
	var parts []part
	add := func(name string, flop float64, run func()) { parts = append(parts, part{name, flop, run}) }
	convFLOP := func(i int) float64 {
		oh, ow := r.conv[i].OutHW()
		return 2 * float64(r.conv[i].N*oh*ow) * float64(len(r.w[i]))
	}
	in := func(i int) []float32 {
		if i == 0 {
			return r.x
		}
		return r.y[i-1]
	}
	add("scale", 0, func() { Scale(ws, r.x, r.pixels, 1.0/255) })
	for i, c := range r.conv {
		add(fmt.Sprintf("conv%d-fwd", i+1), convFLOP(i), func() { c.ForwardReLUPool(ws, r.y[i], r.idx[i], in(i), r.w[i], r.b[i]) })
	}
	dense := func(d Dense) float64 { return 2 * float64(d.N*d.In*d.Out) }
	add("dense-fwd", dense(r.hidden), func() { r.hidden.Forward(ws, r.y[3], r.y[2], r.w[3], r.b[3]) })
	add("head", 0, func() {
		ReLU(ws, r.relu, r.y[3])
		Dropout(ws, r.drop, r.relu, r.rate, r.seed, r.step)
		r.out.Forward(ws, r.y[4], r.drop, r.w[4], r.b[4])
		*loss, _ = SigmoidCE(r.dy[4], r.prob, r.y[4], r.labels, nil, 0)
		r.out.Backward(ws, r.drelu, r.dw[4], r.db[4], r.dy[4], r.drop, r.w[4])
		Dropout(ws, r.drelu, r.drelu, r.rate, r.seed, r.step)
		ReLUBackward(ws, r.dy[3], r.drelu, r.relu)
		r.step++
	})
	add("dense-bwd-update", 2*dense(r.hidden), func() {
		r.hidden.BackwardUpdate(ws, r.dy[2], r.db[3], r.dy[3], r.y[2], r.w[3], r.aw[3], r.opt)
	})
	for i := 2; i >= 0; i-- {
		c := r.conv[i]
		add(fmt.Sprintf("conv%d-dw", i+1), convFLOP(i), func() {
			c.BackwardReLUPool(ws, nil, r.dw[i], r.db[i], r.dy[i], r.idx[i], in(i), r.w[i])
		})
		if i > 0 {
			add(fmt.Sprintf("conv%d-dx", i+1), convFLOP(i), func() {
				c.BackwardReLUPool(ws, r.dy[i-1], nil, nil, r.dy[i], r.idx[i], in(i), r.w[i])
			})
		}
	}
	add("update", 0, func() {
		for i := range r.w {
			if i != 3 {
				r.opt.Update(ws, r.w[i], r.aw[i], r.dw[i])
			}
			r.opt.Update(ws, r.b[i], r.ab[i], r.db[i])
		}
	})
	return parts
}

// train runs n steps and returns the last loss.
func (r *refNet) train(n int) float64 {
	var loss float64
	parts := r.parts(&loss)
	for range n {
		for _, part := range parts {
			part.run()
		}
	}
	return loss
}

const benchBatch = 16

// BenchmarkStep is the whole step, BenchmarkParts its pieces on one thread.
// FLOP/s are those of a dense computation; best is the fastest repetition,
// which is the figure to compare on a busy machine.
//
// One training step of the reference network (batch 16, 128x128, two classes)
// with the assembly, on one thread of an AMD EPYC (Zen 3) whose measured peak
// is 103.7 GFLOP/s (AVX2 FMA from registers): the fastest of 8 times 25
// repetitions. Beside it that of a Zen 5 with AVX-512, whose peak is 195: the
// fastest of some hundred. "Dense" counts the operations of the textbook
// algorithm, "done" those that were carried out: the gradient of a pooled layer
// is zero in at least three of four places, and where ReLU was, which are
// skipped (an eighth is left of conv2's and conv3's; conv1's weight gradient
// takes a whole quarter); conv2 and conv3 go forward by Winograd's algorithm,
// whose additions are not counted. BenchmarkWinograd compares it with the direct
// sums, which reach 98 % of the peak in conv2.
//
//	                            AVX2                          AVX-512
//	                            ms   dense GFLOP/s    done     ms    done
//	scale pixels              0.07                           0.05
//	conv1 forward+pool         6.4     68   66 % of peak      3.6    63 %
//	conv2 forward+pool         7.0    156   67 %              4.7    53 %
//	conv3 forward+pool         2.8    166   71 %              1.5    69 %
//	dense forward              0.3     94   91 %              0.1   104 %
//	dense backward+update      1.3     40   39 %              0.5    52 %
//	conv3 weight gradient      1.1    423   51 %              0.5    65 %
//	conv3 input gradient       1.1    418   51 %              0.6    47 %
//	conv2 weight gradient      3.7    296   33 %              1.9    35 %
//	conv2 input gradient       4.4    249   28 %              2.9    22 %
//	conv1 weight gradient      3.6    122   29 %              2.0    27 %
//	all                         32 = 502 images/s            18.3 = 873
//
// On two threads the step ran at 608 images/s on average and 841 at best, with
// AVX-512 at 1,032 on average. The Go reference does 20 images/s a thread.
func BenchmarkStep(b *testing.B) {
	for _, backend := range Backends() {
		for threads := 1; threads <= runtime.GOMAXPROCS(0); threads *= 2 {
			b.Run(fmt.Sprintf("%s/threads=%d", backend, threads), func(b *testing.B) {
				ws, _ := NewWorkersOn(backend, threads)
				defer ws.Close()
				r := newRefNet(b, ws, benchBatch, 128, 128)
				var loss float64
				parts := r.parts(&loss)
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					for _, part := range parts {
						part.run()
					}
					best = min(best, time.Since(start))
				}
				b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "images/s")
				b.ReportMetric(benchBatch/best.Seconds(), "best-images/s")
			})
		}
	}
}

func BenchmarkParts(b *testing.B) {
	for _, backend := range Backends() {
		ws, _ := NewWorkersOn(backend, 1)
		defer ws.Close()
		r := newRefNet(b, ws, benchBatch, 128, 128)
		r.train(3)
		var loss float64
		for _, part := range r.parts(&loss) {
			b.Run(backend+"/"+part.name, func(b *testing.B) {
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					part.run()
					best = min(best, time.Since(start))
				}
				b.ReportMetric(part.flop*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				b.ReportMetric(part.flop/best.Seconds()/1e9, "best-GFLOP/s")
				b.ReportMetric(best.Seconds()*1e3, "best-ms")
			})
		}
	}
}

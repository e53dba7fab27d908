package nn

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// benchNets are the networks that are timed, for pictures of 128x128, with the
// options they are trained with.
var benchNets = []struct {
	name string
	make func() *model.Network
	o    Options
}{
	{"reference", func() *model.Network { return Reference(128, 128, 2, 1) }, Options{}},
	{"residual", func() *model.Network { return Residual(128, 128, 16, 16, 1) }, modern(Options{})},
}

// BenchmarkStep trains on batches of 16 pictures.
func BenchmarkStep(b *testing.B) {
	for _, of := range benchNets {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%s/threads=%d", of.name, kernel.Backends()[0], threads), func(b *testing.B) {
				net := of.make()
				images, labels := noise(net, 16, 1)
				of.o.Threads = threads
				tr := newTrainer(b, net, of.o)
				step(b, tr, images, labels, nil)
				b.ReportAllocs()
				for b.Loop() {
					step(b, tr, images, labels, nil)
				}
				b.ReportMetric(float64(16*b.N)/b.Elapsed().Seconds(), "images/s")
			})
		}
	}
}

// BenchmarkGorgoniaShare takes the time that a step on one thread spends
// outside of kernels: in Gorgonia's tape and bookkeeping, in collecting
// garbage, in copying the pictures and in looking for NaN. It reports its share
// of the whole. It is elapsed time: next to other work the switching between
// goroutines looks longer than it is. A profile of BenchmarkStep (-cpuprofile)
// shows the share of processor time, as what is not under nn.(*op).Do and
// nn.(*optimizer).Step.
func BenchmarkGorgoniaShare(b *testing.B) {
	for _, of := range benchNets {
		b.Run(of.name, func(b *testing.B) {
			net := of.make()
			images, labels := noise(net, 16, 1)
			of.o.Threads = 1
			tr := newTrainer(b, net, of.o)
			step(b, tr, images, labels, nil)
			var inside time.Duration
			timed := func(f func()) {
				start := time.Now()
				f()
				inside += time.Since(start)
			}
			for _, node := range tr.graphs.full.params[0].Graph().AllNodes() {
				if o, ok := node.Op().(*op); ok {
					run := o.run
					o.run = func(result gorgonia.Value, in []gorgonia.Value) (err error) {
						timed(func() { err = run(result, in) })
						return err
					}
				}
			}
			for i, r := range tr.optimizer.rules {
				tr.optimizer.rules[i] = timedRule{r, timed}
			}
			inside = 0
			for b.Loop() {
				step(b, tr, images, labels, nil)
			}
			b.ReportMetric(100*(1-inside.Seconds()/b.Elapsed().Seconds()), "%outside")
		})
	}
}

type timedRule struct {
	rule
	timed func(func())
}

func (r timedRule) update(ws *kernel.Workers, w, g []float32, slots [][]float32, step uint64, lr, decay float64) {
	r.timed(func() { r.rule.update(ws, w, g, slots, step, lr, decay) })
}

// BenchmarkPredict runs the reference network on batches of 16 pictures of
// 128x128.
func BenchmarkPredict(b *testing.B) {
	net := Reference(128, 128, 2, 1)
	images, _ := noise(net, 16, 1)
	p, err := NewPredictor(net, 16, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Predict(images); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(16*b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkAgainstGorgonia alternates a step of ours with one of the same
// network made of Gorgonia's own operations, and prints the medians and their
// ratio.
func BenchmarkAgainstGorgonia(b *testing.B) {
	net := Reference(128, 128, 2, 1)
	images, labels := noise(net, 16, 1)
	tr := newTrainer(b, net, Options{})
	theirs := newGorgoniaStep(b, images, labels)
	step(b, tr, images, labels, nil)
	theirs()
	var times [2][]float64
	for b.Loop() {
		start := time.Now()
		step(b, tr, images, labels, nil)
		middle := time.Now()
		theirs()
		times[0] = append(times[0], middle.Sub(start).Seconds())
		times[1] = append(times[1], time.Since(middle).Seconds())
	}
	var medians [2]float64
	for i, t := range times {
		slices.Sort(t)
		medians[i] = t[len(t)/2]
	}
	b.ReportMetric(16/medians[0], "images/s")
	b.ReportMetric(16/medians[1], "gorgonia-images/s")
	b.ReportMetric(medians[1]/medians[0], "ratio")
}

// newGorgoniaStep builds the reference network from Gorgonia's Conv2d, Rectify,
// MaxPool2D, Mul, Dropout and RMSProp, and returns a training step on the
// batch.
func newGorgoniaStep(b *testing.B, images [][]byte, labels []int) func() {
	must := func(n *gorgonia.Node, err error) *gorgonia.Node {
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	n := len(images)
	pixels := make([]float32, n*3*128*128) // [N,C,H,W]
	for i, image := range images {
		for k, v := range image {
			pixels[(i*3+k%3)*128*128+k/3] = float32(v) / 255
		}
	}
	targets := make([]float32, n)
	for i, label := range labels {
		targets[i] = float32(label)
	}
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(n, 3, 128, 128),
		gorgonia.WithValue(tensor.New(tensor.WithShape(n, 3, 128, 128), tensor.WithBacking(pixels))))
	y := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(n, 1),
		gorgonia.WithValue(tensor.New(tensor.WithShape(n, 1), tensor.WithBacking(targets))))
	var params gorgonia.Nodes
	param := func(init gorgonia.InitWFn, shape ...int) *gorgonia.Node {
		p := gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(fmt.Sprint("p", len(params))),
			gorgonia.WithInit(init))
		params = append(params, p)
		return p
	}
	in := 3
	for _, out := range []int{32, 32, 64} {
		x = must(gorgonia.Conv2d(x, param(gorgonia.GlorotU(1), out, in, 3, 3), tensor.Shape{3, 3}, []int{0, 0}, []int{1, 1}, []int{1, 1}))
		x = must(gorgonia.BroadcastAdd(x, param(gorgonia.Zeroes(), 1, out, 1, 1), nil, []byte{0, 2, 3}))
		x = must(gorgonia.MaxPool2D(must(gorgonia.Rectify(x)), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		in = out
	}
	x = must(gorgonia.Reshape(x, tensor.Shape{n, 14 * 14 * 64}))
	dense := func(x *gorgonia.Node, in, out int) *gorgonia.Node {
		x = must(gorgonia.Mul(x, param(gorgonia.GlorotU(1), in, out)))
		return must(gorgonia.BroadcastAdd(x, param(gorgonia.Zeroes(), 1, out), nil, []byte{0}))
	}
	x = must(gorgonia.Dropout(must(gorgonia.Rectify(dense(x, 14*14*64, 64))), 0.5))
	p := must(gorgonia.Sigmoid(dense(x, 64, 1)))
	loss := must(gorgonia.Neg(must(gorgonia.Mean(must(gorgonia.BinaryXent(p, y))))))
	if _, err := gorgonia.Grad(loss, params...); err != nil {
		b.Fatal(err)
	}
	machine := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(params...))
	solver := gorgonia.NewRMSPropSolver(gorgonia.WithLearnRate(0.0005), gorgonia.WithRho(0.9), gorgonia.WithEps(1e-7))
	return func() {
		if err := machine.RunAll(); err != nil {
			b.Fatal(err)
		}
		if err := solver.Step(gorgonia.NodesToValueGrads(params)); err != nil {
			b.Fatal(err)
		}
		machine.Reset()
		runtime.KeepAlive(params)
	}
}

package nn

import (
	"fmt"

	// The version that knows this Go: an older one, which Gorgonia asks
	// for, panics at start.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// compiledGraph is a Gorgonia graph for batches of exactly n pictures.
type compiledGraph struct {
	n       int
	machine gorgonia.VM
	params  gorgonia.Nodes // in the order of the weights

	// Inputs, to be filled before a run.
	images  []uint8
	labels  []int     // training only
	weights []float32 // training only

	found  outcome        // of the last run
	logits gorgonia.Value // [n, outputs], of the last run
}

// newGraph starts a graph with the picture and the parameters as inputs.
func newGraph(workers *kernel.Workers, m *bufferPool, w *weights, n int, training *trainingState) (*compiledGraph, *builder, *gorgonia.Node) {
	g := gorgonia.NewGraph()
	cg := &compiledGraph{n: n, images: make([]uint8, n*w.net.Height*w.net.Width*w.net.Channels)}
	shape := tensor.Shape{n, w.net.Height, w.net.Width, w.net.Channels}
	image := gorgonia.NewTensor(g, tensor.Uint8, 4, gorgonia.WithName("image"), gorgonia.WithShape(shape...),
		gorgonia.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(cg.images))))
	for i, t := range w.tensors {
		cg.params = append(cg.params, gorgonia.NewTensor(g, tensor.Float32, t.Dims(), gorgonia.WithName(w.params[i].Name),
			gorgonia.WithShape(t.Shape()...), gorgonia.WithValue(t)))
	}
	own := len(w.net.Params)
	return cg, &builder{
		workers: workers, graph: g, arena: arena{buffers: m}, n: n, training: training,
		unused: cg.params[:own], gains: cg.params[own:], skips: map[int]*skipConnection{},
	}, image
}

// newTrainingGraph makes the graph of a training step up to the gradients of
// all parameters.
func newTrainingGraph(workers *kernel.Workers, m *bufferPool, w *weights, n int, training *trainingState) (*compiledGraph, error) {
	cg, b, image := newGraph(workers, m, w, n, training)
	cg.labels, cg.weights = make([]int, n), make([]float32, n)
	labels := gorgonia.NewTensor(b.graph, tensor.Int, 1, gorgonia.WithName("labels"), gorgonia.WithShape(n),
		gorgonia.WithValue(tensor.New(tensor.WithShape(n), tensor.WithBacking(cg.labels))))
	weights := gorgonia.NewTensor(b.graph, tensor.Float32, 1, gorgonia.WithName("weights"), gorgonia.WithShape(n),
		gorgonia.WithValue(tensor.New(tensor.WithShape(n), tensor.WithBacking(cg.weights))))
	logits, err := b.layers(w.net, image)
	if err != nil {
		return nil, err
	}
	if o, ok := logits.Op().(*op); ok {
		cg.logits = o.result
	}
	loss, err := b.loss(logits, labels, weights, &cg.found)
	if err != nil {
		return nil, err
	}
	if _, err := gorgonia.Grad(loss, cg.params...); err != nil {
		return nil, fmt.Errorf("differentiate: %w", err)
	}
	return cg, cg.compile(b.graph)
}

func (cg *compiledGraph) compile(g *gorgonia.ExprGraph) error {
	program, registers, err := gorgonia.Compile(g)
	if err != nil {
		return fmt.Errorf("compile graph: %w", err)
	}
	cg.machine = gorgonia.NewTapeMachine(g, gorgonia.WithPrecompiled(program, registers))
	return nil
}

// run executes the graph on the inputs.
func (cg *compiledGraph) run() error {
	cg.machine.Reset()
	return cg.machine.RunAll()
}

// nonFinite returns the first picture of the last run for which a logit is NaN
// or infinite, and the logit; or -1.
func (cg *compiledGraph) nonFinite() (picture int, logit float64) {
	z := floats(cg.logits)
	if i := kernel.FirstNonFinite(z); i >= 0 {
		return i / (len(z) / cg.n), float64(z[i])
	}
	return -1, 0
}

// load copies pictures into the batch.
func (cg *compiledGraph) load(images [][]byte) {
	size := len(cg.images) / cg.n
	for i, image := range images {
		copy(cg.images[i*size:(i+1)*size], image)
	}
}

// graphCache keeps the compiled graphs of the two batch sizes that a pass over
// the data needs: the full batch, and what is left for the last one. A smaller
// graph makes the results of a short batch those of a batch of that size,
// exactly.
type graphCache struct {
	make        func(n int) (*compiledGraph, error)
	batch       int
	full, short *compiledGraph
}

// of returns a graph for n pictures, compiled if it must be.
func (c *graphCache) of(n int) (*compiledGraph, error) {
	slot := &c.short
	if n == c.batch {
		slot = &c.full
	}
	if *slot == nil || (*slot).n != n {
		cg, err := c.make(n)
		if err != nil {
			return nil, err
		}
		*slot = cg
	}
	return *slot, nil
}

// checkImages compares the pictures' lengths with what the network takes.
func checkImages(net *model.Network, images [][]byte) error {
	want := net.Height * net.Width * net.Channels
	for i, image := range images {
		if len(image) != want {
			return fmt.Errorf("picture %d of the batch has %d bytes, the network takes %dx%dx%d = %d",
				i+1, len(image), net.Width, net.Height, net.Channels, want)
		}
	}
	return nil
}

package transfer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// ActivationMaps tell where in a picture an answer comes from. Where a network
// ends in the mean of its features over all places and a linear layer, the
// logit of a class is the mean over the places of weights times features, plus
// the bias: what each place contributes is exact (B. Zhou and others: Learning
// deep features for discriminative localization, 2016).
type ActivationMaps struct {
	ending
	evaluator *nn.Evaluator
}

// ending is how a network ends that takes the mean of its features over all
// places and has a linear layer.
type ending struct {
	Height, Width int // places

	channels int
	last     bool      // the channels are the last axis
	weights  []float32 // [K][channels]
	bias     []float32 // [K]
	single   bool      // one logit, that of the second of two classes
}

// errNoMean is a network whose answers cannot be divided among places.
var errNoMean = errors.New("it does not end in a mean over places and a linear layer")

// NewActivationMaps prepares the graph of a classifier for pictures, as
// [Classifier] has it, of so many answers. It is not changed. Close releases the
// threads.
func NewActivationMaps(of *graph.Graph, answers, threads int) (*ActivationMaps, error) {
	g := of.Clone()
	m := &ActivationMaps{}
	makers := g.Makers()
	dense, err := m.findDense(makers, g.Outputs[0], answers)
	if err != nil {
		return nil, err
	}
	features, err := m.findMean(makers, dense.In[0])
	if err != nil {
		return nil, err
	}
	if len(m.weights) != len(m.bias)*m.channels {
		return nil, errNoMean
	}
	g.Outputs = []*graph.Value{features, dense.Out[0]}
	for _, v := range g.Outputs {
		if v.Name == "" {
			v.Name = "activation"
		}
	}
	if err := g.Simplify(nil); err != nil {
		return nil, err
	}
	m.evaluator, err = nn.NewEvaluator(g, nn.EvaluatorOptions{Batch: 1, Threads: threads})
	return m, err
}

// findDense finds the linear layer before the answers.
func (e *ending) findDense(makers map[*graph.Value]*graph.Node, v *graph.Value, answers int) (*graph.Node, error) {
	for n := makers[v]; n != nil; n = makers[computed(n)] {
		dense, ok := n.Op.(*graph.Gemm)
		if !ok {
			switch n.Op.(type) {
			case *graph.Softmax, *graph.Unary, *graph.Binary, *graph.Concat, *graph.Reshape, *graph.Flatten, *graph.Identity, *graph.Squeeze, *graph.Unsqueeze:
				continue
			}
			return nil, errNoMean
		}
		if dense.TransA || dense.Alpha != 1 || dense.Beta != 1 || len(n.In) != 3 || n.In[1].Const == nil || n.In[2] == nil || n.In[2].Const == nil {
			return nil, errNoMean
		}
		weights, bias := n.In[1].Const, n.In[2].Const
		k, d := weights.Shape[0], weights.Shape[1]
		e.weights = weights.Floats
		if !dense.TransB {
			k, d = d, k
			e.weights = make([]float32, k*d)
			for i := range d {
				for j := range k {
					e.weights[j*d+i] = weights.Floats[i*k+j]
				}
			}
		}
		e.bias = bias.Floats
		e.single = k == 1 && answers == 2
		if len(e.bias) != k || k != answers && !e.single {
			return nil, errNoMean
		}
		return n, nil
	}
	return nil, errNoMean
}

// computed returns the first input of a node that is no constant.
func computed(n *graph.Node) *graph.Value {
	for _, v := range n.In {
		if v != nil && v.Const == nil {
			return v
		}
	}
	return nil
}

// findMean finds the features of which v is the mean over places.
func (e *ending) findMean(makers map[*graph.Value]*graph.Node, v *graph.Value) (*graph.Value, error) {
	for n := makers[v]; n != nil; n = makers[n.In[0]] {
		in := n.In[0]
		switch o := n.Op.(type) {
		case *graph.Reshape, *graph.Flatten, *graph.Identity, *graph.Squeeze, *graph.Dropout:
			continue
		case *graph.Pool:
			whole := len(in.Shape) == 4 && (o.Kernel == nil || o.Kernel[0] == in.Shape[2].Const && o.Kernel[1] == in.Shape[3].Const)
			if o.Max || !whole || slices.ContainsFunc(o.Pads, func(p int) bool { return p != 0 }) {
				return nil, errNoMean
			}
			return in, e.places(in.Shape, 1)
		case *graph.Reduce:
			if o.Name != "Mean" || len(in.Shape) != 4 || len(n.In) < 2 || n.In[1] == nil || n.In[1].Const == nil {
				return nil, errNoMean
			}
			axes := slices.Clone(n.In[1].Const.Ints)
			for i := range axes {
				axes[i] = (axes[i] + 4) % 4
			}
			slices.Sort(axes)
			switch {
			case slices.Equal(axes, []int64{2, 3}):
				return in, e.places(in.Shape, 1)
			case slices.Equal(axes, []int64{1, 2}):
				return in, e.places(in.Shape, 3)
			}
		}
		return nil, errNoMean
	}
	return nil, errNoMean
}

// places takes in the shape of the features, whose channels are an axis.
func (e *ending) places(shape []graph.Dim, channels int) error {
	for _, d := range shape[1:] {
		if !d.Fixed() {
			return errNoMean
		}
	}
	e.channels, e.last = shape[channels].Const, channels == 3
	if e.Height, e.Width = shape[2].Const, shape[3].Const; e.last {
		e.Height, e.Width = shape[1].Const, shape[2].Const
	}
	return nil
}

// Close releases the threads.
func (m *ActivationMaps) Close() { m.evaluator.Close() }

// Map returns what each place of a picture contributes to the logit of a class,
// row by row. The mean over all of them plus the class's bias is the logit. The
// picture is RGB bytes of the side that the classifier takes.
func (m *ActivationMaps) Map(picture []byte, class int) ([]float32, error) {
	scores, _, err := m.scores(picture, class)
	return scores, err
}

// scores returns the map of a class and the logit that the network itself
// gives.
func (m *ActivationMaps) scores(picture []byte, class int) (scores []float32, logit float32, err error) {
	out, err := m.evaluator.Run([][]byte{picture})
	if err != nil {
		return nil, 0, fmt.Errorf("activation map: %w", err)
	}
	sign := float32(1)
	if m.single {
		sign, class = float32(2*class-1), 0
	}
	weights := m.weights[class*m.channels:][:m.channels]
	places := m.Height * m.Width
	scores = make([]float32, places)
	for i := range scores {
		sum := 0.0
		for c, w := range weights {
			at := c*places + i
			if m.last {
				at = i*m.channels + c
			}
			sum += float64(w) * float64(out[0][at])
		}
		scores[i] = sign * float32(sum)
	}
	return scores, sign * out[1][class], nil
}

// Bias returns that of a class.
func (m *ActivationMaps) Bias(class int) float32 {
	if m.single {
		return float32(2*class-1) * m.bias[0]
	}
	return m.bias[class]
}

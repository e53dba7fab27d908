package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// stepGraph is a Gorgonia graph in which each node of a graph is an operation.
type stepGraph struct {
	graph   *graph.Graph
	machine gorgonia.VM
	n       int                            // pictures of the run under way
	err     error                          // of the run under way, without what Gorgonia says of its own
	values  map[*graph.Value]*graph.Tensor // of the run under way
}

// newStepGraph makes the graph. What the operations compute is kept in values:
// Gorgonia has no tensors without elements. An operation depends on the one
// before it, too, so that they run in the order of the nodes.
func newStepGraph(g *graph.Graph) (*stepGraph, error) {
	s := &stepGraph{graph: g, values: map[*graph.Value]*graph.Tensor{}}
	eg := gorgonia.NewGraph()
	start := gorgonia.NewVector(eg, tensor.Float32, gorgonia.WithName("start"), gorgonia.WithShape(1), gorgonia.WithValue(placeholder()))
	made := map[*graph.Value]*gorgonia.Node{}
	last := start
	for i, n := range g.Nodes {
		inputs := gorgonia.Nodes{last}
		for _, v := range n.In {
			if node := made[v]; v != nil && node != nil && !slices.Contains(inputs, node) {
				inputs = append(inputs, node)
			}
		}
		o := &op{name: fmt.Sprintf("%d %s", i, n.Op.Kind()), shape: tensor.Shape{1}, result: placeholder(), run: func(gorgonia.Value, []gorgonia.Value) error {
			s.err = s.compute(n)
			return s.err
		}}
		var err error
		if last, err = apply(o, inputs...); err != nil {
			return nil, err
		}
		for _, v := range n.Out {
			made[v] = last
		}
	}
	program, registers, err := gorgonia.Compile(eg)
	if err != nil {
		return nil, fmt.Errorf("compile graph: %w", err)
	}
	s.machine = gorgonia.NewTapeMachine(eg, gorgonia.WithPrecompiled(program, registers))
	return s, nil
}

// placeholder is the value of operations in Gorgonia.
func placeholder() *tensor.Dense {
	return tensor.New(tensor.WithShape(1), tensor.WithBacking(make([]float32, 1)))
}

// compute runs a node by the reference.
func (s *stepGraph) compute(n *graph.Node) error {
	in := make([]*graph.Tensor, len(n.In))
	for i, v := range n.In {
		if v != nil {
			in[i] = s.value(v)
		}
	}
	out, err := n.Evaluate(in)
	if err != nil {
		return err
	}
	for i, t := range out {
		v := n.Out[i]
		if v == nil {
			continue
		}
		if want := shapeFor(v, s.n); !slices.Equal(t.Shape, want) {
			return fmt.Errorf("node %q gave shape %v, not %v", n.Name, t.Shape, want)
		}
		s.values[v] = t
	}
	return nil
}

// value is that of a constant, an input, or a node that has run.
func (s *stepGraph) value(v *graph.Value) *graph.Tensor {
	if v.Const != nil {
		return v.Const
	}
	return s.values[v]
}

// run computes the outputs for n pictures.
func (s *stepGraph) run(inputs []*graph.Tensor, n int) ([]*graph.Tensor, error) {
	s.n, s.err = n, nil
	clear(s.values)
	for i, v := range s.graph.Inputs {
		s.values[v] = inputs[i]
	}
	s.machine.Reset()
	if err := s.machine.RunAll(); s.err != nil {
		return nil, s.err
	} else if err != nil {
		return nil, err
	}
	outputs := make([]*graph.Tensor, len(s.graph.Outputs))
	for i, v := range s.graph.Outputs {
		if outputs[i] = s.value(v); outputs[i] == nil {
			return nil, fmt.Errorf("output %q is computed by no node", v.Name)
		}
	}
	return outputs, nil
}

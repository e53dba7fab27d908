package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// stepGraph is a Gorgonia graph in which each step of a program is an
// operation.
type stepGraph struct {
	*steps.Runner
	machine  gorgonia.VM
	compiled []func(n int) error // the steps of the program

	n   int   // pictures of the run under way
	err error // of the run under way, without what Gorgonia says of its own
}

// newStepGraph makes the graph. An operation depends on the one before it, too,
// so that they run in the order in which their memory was planned.
func newStepGraph(r *steps.Runner) (*stepGraph, error) {
	s := &stepGraph{Runner: r}
	var err error
	if s.compiled, err = r.CompileAll(); err != nil {
		return nil, err
	}
	g := gorgonia.NewGraph()
	last := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("input"), gorgonia.WithShape(1), gorgonia.WithValue(placeholder()))
	made := map[*lower.Buffer]*gorgonia.Node{}
	for i, step := range r.Program.Steps {
		inputs := gorgonia.Nodes{last}
		for _, v := range lower.Reads(step) {
			if node := made[v.Buffer]; node != nil && !slices.Contains(inputs, node) {
				inputs = append(inputs, node)
			}
		}
		o := &op{name: fmt.Sprintf("%d %s", i, step.Name()), shape: tensor.Shape{1}, result: placeholder(), run: func(gorgonia.Value, []gorgonia.Value) error {
			s.err = s.compiled[i](s.n)
			return s.err
		}}
		if last, err = apply(o, inputs...); err != nil {
			return nil, err
		}
		for _, v := range lower.Writes(step) {
			made[v.Buffer] = last
		}
	}
	s.machine, err = newMachine(g)
	return s, err
}

// placeholder is the value of operations in Gorgonia, which has no tensors
// without elements and whose shapes are fixed. What they compute lies in the
// memory of the program.
func placeholder() *tensor.Dense {
	return tensor.New(tensor.WithShape(1), tensor.WithBacking(make([]float32, 1)))
}

// run computes for n pictures what inputs and bytes lead to.
func (s *stepGraph) run(n int) error {
	s.n, s.err = n, nil
	s.machine.Reset()
	if err := s.machine.RunAll(); s.err != nil {
		return s.err
	} else if err != nil {
		return err
	}
	return nil
}

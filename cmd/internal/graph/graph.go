package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Graph is a network. Nodes are in an order in which they can be computed.
type Graph struct {
	Inputs  []*Value
	Outputs []*Value
	Nodes   []*Node
}

// Value is a tensor in a graph: an input, a constant, or the result of a node.
type Value struct {
	Name string
	Type Type // known of inputs and constants, and after Infer

	// Declared is what a file says of the shape of an input: -1 where a
	// dimension is free, nil where it says nothing.
	Declared []int

	Shape []Dim   // after Infer
	Const *Tensor // of a constant
}

// Node is an operator in its place.
type Node struct {
	Name string
	Op   Op
	In   []*Value // nil where an optional input is absent
	Out  []*Value // nil where nobody wants the output
}

// Op is an operator with its attributes: a pointer to one of the structs of
// this package.
type Op interface {
	// Kind is the name of the operator, that of ONNX.
	Kind() string

	// infer gives the types and shapes of the outputs. Absent inputs are
	// nil.
	infer(in []*info, outputs int) ([]info, error)

	// eval computes the outputs, which have the shapes that infer gave and
	// are zero; those that nobody wants are there, too.
	eval(in, out []*Tensor) error
}

// info is what is known of a value before it is computed.
type info struct {
	Type  Type
	Shape []int
	Data  *Tensor // the elements, or nil
}

// Dim is a dimension of a shape for any batch of N pictures: Batch*N + Const.
type Dim struct{ Batch, Const int }

// Fixed reports whether the dimension does not depend on the batch.
func (d Dim) Fixed() bool { return d.Batch == 0 }

// Of is the dimension for a batch of n.
func (d Dim) Of(n int) int { return d.Batch*n + d.Const }

// String is "7", "N", "49N" or "N+1".
func (d Dim) String() string {
	s := ""
	switch d.Batch {
	case 0:
		return fmt.Sprint(d.Const)
	case 1:
		s = "N"
	default:
		s = fmt.Sprintf("%dN", d.Batch)
	}
	if d.Const != 0 {
		s += fmt.Sprintf("%+d", d.Const)
	}
	return s
}

// Fixed is a shape that does not depend on the batch.
func Fixed(shape []int) []Dim {
	dims := make([]Dim, len(shape))
	for i, d := range shape {
		dims[i].Const = d
	}
	return dims
}

// Error says which node is at fault.
type Error struct {
	Node, Kind string
	Err        error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("node %q (%s): %s", shortened(e.Node, 200), shortened(e.Kind, 100), shortened(e.Err.Error(), 500))
}

// shortened keeps what a file says from filling the screen.
func shortened(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// Unwrap gives the fault itself.
func (e *Error) Unwrap() error { return e.Err }

func (n *Node) fault(err error) error {
	if err == nil || errors.As(err, new(*Error)) {
		return err
	}
	return &Error{n.Name, n.Op.Kind(), err}
}

// readers counts the inputs of nodes and the outputs of the graph that are v,
// for every value v.
func (g *Graph) readers() map[*Value]int {
	count := map[*Value]int{}
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil {
				count[v]++
			}
		}
	}
	for _, v := range g.Outputs {
		count[v]++
	}
	return count
}

// removeUnused drops nodes of which nobody wants a result, and outputs of nodes
// likewise.
func (g *Graph) removeUnused() {
	wanted := map[*Value]bool{}
	for _, v := range g.Outputs {
		wanted[v] = true
	}
	kept := len(g.Nodes)
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		used := false
		for o, v := range n.Out {
			if v == nil {
				continue
			}
			if wanted[v] && v.Const == nil {
				used = true
			} else {
				n.Out[o] = nil
			}
		}
		if !used {
			continue
		}
		for _, v := range n.In {
			if v != nil {
				wanted[v] = true
			}
		}
		kept--
		g.Nodes[kept] = n
	}
	g.Nodes = slices.Clone(g.Nodes[kept:])
}

// checkInfo compares what an operator says of its outputs with the bounds.
func checkInfo(out []info) error {
	for _, o := range out {
		if len(o.Shape) > MaxRank {
			return fmt.Errorf("a result of %d dimensions, at most %d are supported", len(o.Shape), MaxRank)
		}
		for _, d := range o.Shape {
			if d < 0 {
				return fmt.Errorf("a result of shape %v", o.Shape)
			}
		}
	}
	return nil
}

// errContent is for operators whose shapes depend on numbers that only a run
// gives.
var errContent = errors.New("its shape depends on numbers that are not known before it runs")

// Parameters is the number of float32 elements of all constants but scalars,
// which are bounds and factors.
func (g *Graph) Parameters() int {
	seen := map[*Value]bool{}
	count := 0
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil && v.Const != nil && len(v.Const.Shape) > 0 && !seen[v] {
				seen[v] = true
				count += len(v.Const.Floats)
			}
		}
	}
	return count
}

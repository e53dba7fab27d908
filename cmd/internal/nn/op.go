package nn

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// op is an operation of ours in Gorgonia's graph. Gorgonia infers its type and
// shape, differentiates through diff, and runs it from the tape; run calls the
// kernels.
//
// The result lives as long as the graph: the tape machine drops its registers
// between two runs, so an op that left its result to them would be given fresh
// memory in every step.
type op struct {
	name   string // unique within its graph: Gorgonia identifies nodes by a hash of it
	inputs []hm.Type
	shape  tensor.Shape // of the result; empty for a scalar
	result gorgonia.Value
	run    func(result gorgonia.Value, inputs []gorgonia.Value) error

	// diff returns the gradient for every input given that of the output;
	// nil where wrt is false. An op without diff is a dead end for
	// gradients.
	wrt  []bool
	diff func(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error)
}

var (
	_ gorgonia.SDOp            = (*op)(nil)
	_ gorgonia.UsePreallocDoer = (*op)(nil)
)

// apply adds o to the graph of its inputs.
func apply(o *op, inputs ...*gorgonia.Node) (*gorgonia.Node, error) {
	for _, n := range inputs {
		o.inputs = append(o.inputs, n.Type())
	}
	node, err := gorgonia.ApplyOp(o, inputs...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return node, nil
}

// Arity implements gorgonia.Op.
func (o *op) Arity() int { return len(o.inputs) }

// Type implements gorgonia.Op: the function type from the inputs to a float32
// tensor, or scalar, of the result's shape. Gorgonia recycles what it is given,
// so it is a new one every time.
func (o *op) Type() hm.Type {
	var result hm.Type = tensor.Float32
	if len(o.shape) > 0 {
		result = gorgonia.TensorType{Dims: len(o.shape), Of: tensor.Float32}
	}
	types := make([]hm.Type, 0, len(o.inputs)+1)
	return hm.NewFnType(append(append(types, o.inputs...), result)...)
}

// InferShape implements gorgonia.Op. The shape was worked out when the op was
// made, from model.Network.Shapes.
func (o *op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }

// Do implements gorgonia.Op.
func (o *op) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return o.UsePreallocDo(o.result, inputs...)
}

// UsePreallocDo implements gorgonia.UsePreallocDoer.
func (o *op) UsePreallocDo(result gorgonia.Value, inputs ...gorgonia.Value) (gorgonia.Value, error) {
	if err := o.run(result, inputs); err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return result, nil
}

// ReturnsPtr implements gorgonia.Op: Gorgonia does not own the result's memory.
func (o *op) ReturnsPtr() bool { return false }

// CallsExtern implements gorgonia.Op.
func (o *op) CallsExtern() bool { return false }

// OverwritesInput implements gorgonia.Op: none is.
func (o *op) OverwritesInput() int { return -1 }

// WriteHash implements gorgonia.Op.
func (o *op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "oi %s %v", o.name, o.shape) }

// Hashcode implements gorgonia.Op.
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String names the op in graphs and errors.
func (o *op) String() string { return o.name }

// DiffWRT implements gorgonia.SDOp.
func (o *op) DiffWRT(inputs int) []bool {
	if o.diff == nil {
		return make([]bool, inputs)
	}
	return o.wrt
}

// SymDiff implements gorgonia.SDOp.
func (o *op) SymDiff(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if o.diff == nil {
		return nil, fmt.Errorf("%s has no gradient", o.name)
	}
	return o.diff(inputs, output, grad)
}

// floats is the memory of a float32 tensor.
func floats(v gorgonia.Value) []float32 { return v.(*tensor.Dense).Float32s() }

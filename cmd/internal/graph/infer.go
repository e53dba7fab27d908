package graph

import (
	"errors"
	"fmt"
	"slices"
)

// maxContent is up to how many elements of a value Infer keeps track of: shapes
// and what is computed of them.
const maxContent = 1 << 12

// maxContents is how many elements all of these have together, with repetition.
const maxContents = 1 << 22

// probes are batches for which shapes are worked out, to find how they depend
// on the batch: two give a line, the third confirms it. The large ones are
// primes that no real dimension is likely to have or to be a multiple of; the
// small one finds what is cut at a size. One picture would not do: Squeeze
// without axes drops its axis.
var probes = []int{2, 1009, 4001}

// Infer works out the types and shapes of all values for inputs of the given
// shapes, by their names, in which -1 is the batch: any, but the same
// everywhere. Inputs that are not named have their declared shape, where a free
// first dimension is the batch. Values whose elements follow from the shapes
// become constants, and so does the second input of Reshape, up to the batch.
func (g *Graph) Infer(shapes map[string][]int) error {
	given := make([][]int, len(g.Inputs))
	free := false
	for i, v := range g.Inputs {
		shape, ok := shapes[v.Name]
		if !ok {
			shape = v.Declared
		}
		if err := checkInput(v, shape, !ok); err != nil {
			return err
		}
		given[i] = shape
		free = free || slices.Contains(shape, -1)
	}
	for name := range shapes {
		if !slices.ContainsFunc(g.Inputs, func(v *Value) bool { return v.Name == name }) {
			return fmt.Errorf("the model has no input %q", name)
		}
	}
	batches := probes
	if !free {
		batches = []int{1}
	}
	var found []map[*Value]*info
	for _, n := range batches {
		known, err := g.probe(given, n)
		if err != nil {
			return err
		}
		found = append(found, known)
	}
	return g.settle(found, batches)
}

// checkInput compares the shape of an input with the declared one.
func checkInput(v *Value, shape []int, declared bool) error {
	if shape == nil {
		return fmt.Errorf("the shape of input %q is not declared", v.Name)
	}
	if v.Declared != nil && len(shape) != len(v.Declared) {
		return fmt.Errorf("input %q of shape %v, the model declares %v", v.Name, shape, v.Declared)
	}
	for i, d := range shape {
		if d < -1 || d == -1 && i > 0 && declared {
			return fmt.Errorf("input %q of shape %v: only the batch, which comes first, can be left free", v.Name, shape)
		}
	}
	return nil
}

// probe infers everything for a batch of n.
func (g *Graph) probe(given [][]int, n int) (map[*Value]*info, error) {
	known := map[*Value]*info{}
	budget := maxContents
	for i, v := range g.Inputs {
		shape := slices.Clone(given[i])
		for k, d := range shape {
			if d == -1 {
				shape[k] = n
			}
		}
		known[v] = &info{Type: v.Type, Shape: shape}
	}
	for _, node := range g.Nodes {
		in := make([]*info, len(node.In))
		for i, v := range node.In {
			switch {
			case v == nil:
			case v.Const != nil:
				in[i] = v.Const.describe()
			case known[v] == nil:
				return nil, node.fault(fmt.Errorf("its input %q is computed by no node before it", v.Name))
			default:
				in[i] = known[v]
			}
		}
		out, err := node.infer(in, &budget)
		if err != nil {
			return nil, node.fault(err)
		}
		for i := range out {
			if v := node.Out[i]; v != nil {
				known[v] = &out[i]
			}
		}
	}
	return known, nil
}

// outputs is the number of outputs up to the last that somebody wants.
func (n *Node) outputs() int {
	count := len(n.Out)
	for count > 1 && n.Out[count-1] == nil {
		count--
	}
	return count
}

// infer gives the types and shapes of the outputs, and their elements where
// they are few, those of the inputs are known, and the budget lasts.
func (n *Node) infer(in []*info, budget *int) ([]info, error) {
	out, err := n.Op.infer(in, n.outputs())
	if err != nil {
		return nil, err
	}
	if err := checkInfo(out); err != nil {
		return nil, err
	}
	inputs := make([]*Tensor, len(in))
	for i, v := range in {
		if v == nil {
			continue
		}
		if v.Data == nil || v.Data.Size() > maxContent {
			return out, nil
		}
		inputs[i] = v.Data
		*budget -= v.Data.Size()
	}
	for _, o := range out {
		if sizeOf(o.Shape) > maxContent {
			return out, nil
		}
		*budget -= sizeOf(o.Shape)
	}
	if heavy(n.Op) || *budget < 0 {
		return out, nil
	}
	results := allocate(out)
	if err := n.compute(inputs, results); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Data = results[i]
	}
	return out, nil
}

// heavy reports whether an operator's work is more than in proportion to its
// inputs and outputs. Such ones are not folded.
func heavy(o Op) bool {
	switch o.(type) {
	case *Conv, *Pool, *Gemm, *MatMul:
		return true
	}
	return false
}

func allocate(out []info) []*Tensor {
	tensors := make([]*Tensor, len(out))
	for i, o := range out {
		tensors[i] = NewTensor(o.Type, o.Shape...)
	}
	return tensors
}

var errNotLinear = errors.New("the batch takes part in its shape in a way that is not supported; give the batch a size")

// settle keeps what the probes of several batches agree in.
func (g *Graph) settle(found []map[*Value]*info, batches []int) error {
	for v, first := range found[0] {
		v.Type = first.Type
		v.Shape = make([]Dim, len(first.Shape))
	}
	for _, v := range g.Inputs {
		for i := range v.Shape {
			v.Shape[i], _ = line(found, batches, func(known map[*Value]*info) int { return known[v].Shape[i] })
		}
		if err := checkSize(v.Shape); err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v == nil {
				continue
			}
			for _, known := range found {
				if len(known[v].Shape) != len(v.Shape) {
					return n.fault(errNotLinear)
				}
			}
			for i := range v.Shape {
				var ok bool
				v.Shape[i], ok = line(found, batches, func(known map[*Value]*info) int { return known[v].Shape[i] })
				if !ok {
					return n.fault(errNotLinear)
				}
			}
			if err := checkSize(v.Shape); err != nil {
				return n.fault(err)
			}
			same := found[0][v].Data
			for _, known := range found[1:] {
				if d := known[v].Data; same == nil || d == nil || !same.Equal(d) {
					same = nil
				}
			}
			v.Const = same
		}
	}
	for _, n := range g.Nodes {
		n.fixReshape()
		n.fixSqueeze()
	}
	for _, v := range g.Outputs {
		if v.Const == nil && v.Shape == nil {
			return fmt.Errorf("output %q is computed by no node", v.Name)
		}
	}
	g.removeUnused()
	return nil
}

// line finds how a number depends on the batch.
func line(found []map[*Value]*info, batches []int, number func(map[*Value]*info) int) (Dim, bool) {
	first := number(found[0])
	if len(found) == 1 {
		return Dim{Const: first}, true
	}
	rise, run := number(found[1])-first, batches[1]-batches[0]
	d := Dim{Batch: rise / run}
	d.Const = first - d.Batch*batches[0]
	for i, known := range found {
		if d.Of(batches[i]) != number(known) {
			return Dim{}, false
		}
	}
	return d, true
}

// checkSize bounds the elements of a value for one picture.
func checkSize(shape []Dim) error {
	one := make([]int, len(shape))
	for i, d := range shape {
		one[i] = max(0, d.Of(1))
	}
	if sizeOf(one) > MaxElements {
		return fmt.Errorf("a tensor of shape %v is too large", one)
	}
	return nil
}

// fixReshape makes the shape a constant in which -1 stands for the dimension
// that depends on the batch, if one alone does.
func (n *Node) fixReshape() {
	if _, ok := n.Op.(*Reshape); !ok || n.In[1].Const != nil {
		return
	}
	wanted := IntTensor()
	free := 0
	for _, d := range n.Out[0].Shape {
		if !d.Fixed() {
			free++
			d = Dim{Const: -1}
		}
		wanted.Ints = append(wanted.Ints, int64(d.Const))
	}
	wanted.Shape = []int{len(wanted.Ints)}
	if free > 1 || slices.Contains(wanted.Ints, 0) {
		return
	}
	n.In[1] = &Value{Name: n.In[1].Name, Type: Int64, Shape: Fixed(wanted.Shape), Const: wanted}
}

// fixSqueeze lists the axes that go, where the operator drops all of length 1:
// a batch of one picture keeps its axis.
func (n *Node) fixSqueeze() {
	if _, ok := n.Op.(*Squeeze); !ok || optional(n.In, 1) != nil || n.In[0].Shape == nil {
		return
	}
	axes := IntTensor()
	for i, d := range n.In[0].Shape {
		if d == (Dim{Const: 1}) {
			axes.Ints = append(axes.Ints, int64(i))
		}
	}
	axes.Shape = []int{len(axes.Ints)}
	n.In = []*Value{n.In[0], {Name: n.Name + "/axes", Type: Int64, Shape: Fixed(axes.Shape), Const: axes}}
}

package lower

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// Plan plans the computation of a graph that was simplified. Where a batch needs
// more than 256 MiB it becomes smaller.
func Plan(g *graph.Graph, batch int) (*Program, error) { return plan(g, batch, false) }

func plan(g *graph.Graph, batch int, training bool) (*Program, error) {
	if batch < 1 || batch > maxBatch {
		return nil, fmt.Errorf("a batch of %d: must be from 1 to %d", batch, maxBatch)
	}
	p := &planner{
		graph: g, training: training, values: map[*graph.Value]*Value{}, maker: map[*Buffer]int{}, pending: map[*Buffer]int{},
		read: map[*Buffer]bool{}, ordered: map[orderKey]*Value{}, constants: copiesOfConstants*constantElements(g) + moreConstants, parts: maxParts,
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.program(batch)
}

// planner goes through the nodes of a graph.
type planner struct {
	graph    *graph.Graph
	training bool
	wanted   []bool // nodes
	readers  map[*graph.Value]int
	values   map[*graph.Value]*Value
	steps    []Step

	maker   map[*Buffer]int  // the step that makes it
	pending map[*Buffer]int  // readers in the graph that are still to come
	read    map[*Buffer]bool // by a step

	ordered   map[orderKey]*Value
	constants int     // elements of constants that may still be made
	parts     int     // of copies that may still be planned
	slow      float64 // multiplications that the reference does
	err       error
}

type orderKey struct {
	buffer *Buffer
	order  string
}

func (p *planner) run() error {
	if err := p.checkShapes(); err != nil {
		return err
	}
	p.findWanted()
	for _, v := range p.graph.Inputs {
		p.set(v, newValue(v.Name, v.Type, v.Shape, plain(len(v.Shape))))
	}
	for i, n := range p.graph.Nodes {
		if !p.wanted[i] {
			continue
		}
		if err := p.node(n); err != nil {
			return &graph.Error{Node: n.Name, Kind: n.Op.Kind(), Err: err}
		}
		if len(p.steps) > MaxSteps {
			return fmt.Errorf("the graph needs more than %d steps", MaxSteps)
		}
	}
	return nil
}

// checkShapes refuses what Infer has not worked out, and shapes that shrink
// where the batch grows.
func (p *planner) checkShapes() error {
	work := 0.
	check := func(v *graph.Value) error {
		if v == nil || v.Const != nil {
			return nil
		}
		if v.Shape == nil {
			return fmt.Errorf("the shape of %q is not known: the graph was not simplified", v.Name)
		}
		for _, d := range v.Shape {
			if d.Batch < 0 || d.Of(1) < 0 {
				return fmt.Errorf("%q of shape %s", v.Name, graph.ShapeString(v.Shape))
			}
		}
		return nil
	}
	for _, v := range p.graph.Inputs {
		if err := check(v); err != nil {
			return err
		}
	}
	for _, n := range p.graph.Nodes {
		for _, v := range n.Out {
			if err := check(v); err != nil {
				return err
			}
		}
		work += workOf(n)
	}
	if work > maxWork {
		return fmt.Errorf("the graph needs %.1e multiplications for a picture, at most %.1e are allowed", work, float64(maxWork))
	}
	return nil
}

// workOf is about the number of multiplications of a node for one picture.
func workOf(n *graph.Node) float64 {
	size := func(v *graph.Value) float64 {
		total := 1.
		for _, d := range v.Shape {
			total *= float64(d.Of(1))
		}
		return total
	}
	work := 0.
	for _, v := range n.Out {
		if v != nil {
			work += size(v)
		}
	}
	switch o := n.Op.(type) {
	case *graph.Conv:
		work *= size(n.In[1]) / float64(max(1, n.In[1].Shape[0].Of(1)))
	case *graph.Gemm:
		work *= size(n.In[0]) / max(1, float64(n.Out[0].Shape[0].Of(1)))
	case *graph.MatMul:
		if last := len(n.In[0].Shape) - 1; last >= 0 {
			work *= float64(n.In[0].Shape[last].Of(1))
		}
	case *graph.Pool:
		for _, k := range o.Kernel {
			work *= float64(k)
		}
	}
	return work
}

// findWanted finds the nodes whose results somebody reads, and counts the
// readers. Shapes are known: what computes them is not wanted.
func (p *planner) findWanted() {
	p.readers = map[*graph.Value]int{}
	for _, v := range p.graph.Outputs {
		p.readers[v]++
	}
	p.wanted = make([]bool, len(p.graph.Nodes))
	for i, n := range slices.Backward(p.graph.Nodes) {
		p.wanted[i] = slices.ContainsFunc(n.Out, func(v *graph.Value) bool { return v != nil && v.Const == nil && p.readers[v] > 0 })
		if p.wanted[i] {
			for _, v := range contents(n) {
				p.readers[v]++
			}
		}
	}
}

// contents are the inputs of a node of which more than the shape matters.
func contents(n *graph.Node) []*graph.Value {
	in := n.In
	switch n.Op.(type) {
	case *graph.Shape, *graph.Size:
		in = nil
	case *graph.Reshape, *graph.Expand:
		in = in[:1]
	}
	return slices.DeleteFunc(slices.Clone(in), func(v *graph.Value) bool { return v == nil || v.Const != nil })
}

// newValue is a value in memory of its own.
func newValue(name string, t graph.Type, shape []graph.Dim, order []int) *Value {
	v := &Value{Name: name, Shape: shape, Order: order}
	v.Buffer = &Buffer{Type: t, size: v.Size}
	return v
}

// set makes v what a value of the graph is.
func (p *planner) set(of *graph.Value, v *Value) {
	v.Name = of.Name
	p.values[of] = v
	p.pending[v.Buffer] += p.readers[of]
}

// value is what a value of the graph is.
func (p *planner) value(of *graph.Value) *Value {
	if of.Const != nil && p.values[of] == nil {
		v := constant(of.Name, of.Const)
		p.values[of] = v
	}
	return p.values[of]
}

func constant(name string, t *graph.Tensor) *Value {
	v := &Value{Name: name, Shape: graph.Fixed(t.Shape), Order: plain(len(t.Shape))}
	v.Buffer = &Buffer{Type: t.Type, Const: t, size: v.Size}
	return v
}

// emit appends a step.
func (p *planner) emit(s Step) {
	for _, v := range s.writes() {
		p.maker[v.Buffer] = len(p.steps)
	}
	for _, v := range s.reads() {
		p.read[v.Buffer] = true
	}
	p.steps = append(p.steps, s)
}

// node plans a node.
func (p *planner) node(n *graph.Node) error {
	for _, v := range contents(n) {
		if p.values[v] == nil {
			return fmt.Errorf("its input %q is computed by no node before it", v.Name)
		}
	}
	out, ok := p.lower(n)
	if !ok {
		out = p.reference(n)
	}
	for _, v := range contents(n) {
		p.pending[p.values[v].Buffer]--
	}
	for i, v := range n.Out {
		if v == nil || v.Const != nil {
			continue
		}
		if i >= len(out) || out[i] == nil {
			return errors.New("an output that nothing computes")
		}
		p.set(v, out[i])
	}
	return p.err
}

// result is a new value like one of the graph.
func result(v *graph.Value, order []int) *Value { return newValue(v.Name, v.Type, v.Shape, order) }

// reference plans a node as the reference computes it.
func (p *planner) reference(n *graph.Node) []*Value {
	if p.slow += workOf(n); p.slow > maxSlowWork && p.err == nil {
		p.err = fmt.Errorf("%w: it has no kernel, and the reference would take too long", graph.ErrUnsupported)
	}
	s := &Reference{named: named(n.Name), Node: n}
	for _, v := range n.In {
		if v == nil {
			s.In = append(s.In, nil)
			continue
		}
		x := p.value(v)
		if x == nil { // of which only the shape matters
			x = newValue(v.Name, v.Type, v.Shape, plain(len(v.Shape)))
			x.Buffer.ShapeOnly = true
		}
		s.In = append(s.In, p.inOrder(x, plain(len(x.Shape))))
	}
	for _, v := range n.Out {
		if v == nil || v.Const != nil {
			s.Out = append(s.Out, nil)
			continue
		}
		s.Out = append(s.Out, result(v, plain(len(v.Shape))))
	}
	p.emit(s)
	return s.Out
}

// inOrder is the value, or a copy of it, whose axes lie in an order.
func (p *planner) inOrder(v *Value, order []int) *Value {
	if y := p.alreadyInOrder(v, order); y != nil {
		return y
	}
	var y *Value
	if c := v.Buffer.Const; c != nil {
		if !p.spend(c.Size()) {
			return v
		}
		y = v.view(v.Shape, order)
		y.Buffer = &Buffer{Type: c.Type, Const: reordered(v, order), size: v.Size}
	} else {
		y = newValue(v.Name, v.Type(), v.Shape, order)
		part := Part{X: v}
		for place, axis := range order {
			part.Axes = append(part.Axes, CopyAxis{Size: v.Shape[axis], X: slices.Index(v.Order, axis), Y: place, XStep: 1})
		}
		p.emit(&Copy{named: named(v.Name), Y: y, Parts: []Part{part}})
	}
	p.ordered[keyOf(v, order)] = y
	return y
}

// alreadyInOrder is inOrder where nothing has to be moved for it, else nil.
func (p *planner) alreadyInOrder(v *Value, order []int) *Value {
	if v.lies(order) {
		return v.view(v.Shape, order)
	}
	if old := p.ordered[keyOf(v, order)]; old != nil {
		return old.view(v.Shape, order)
	}
	return nil
}

func keyOf(v *Value, order []int) orderKey {
	return orderKey{v.Buffer, fmt.Sprint(v.Shape, v.Order, order)}
}

// reordered is a constant whose memory has another order.
func reordered(v *Value, order []int) *graph.Tensor {
	c := v.Buffer.Const
	from := v.Memory(1)
	strides := make([]int, len(from))
	step := 1
	for i := len(from) - 1; i >= 0; i-- {
		strides[i] = step
		step *= from[i]
	}
	y := &graph.Tensor{Type: c.Type}
	var walk []int // strides of the axes of the result
	for _, axis := range order {
		y.Shape = append(y.Shape, v.Shape[axis].Const)
		walk = append(walk, strides[slices.Index(v.Order, axis)])
	}
	index := make([]int, len(order))
	at := 0
	for range c.Size() {
		if c.Type == graph.Float32 {
			y.Floats = append(y.Floats, c.Floats[at])
		} else {
			y.Ints = append(y.Ints, c.Ints[at])
		}
		for i := len(index) - 1; i >= 0; i-- {
			index[i]++
			at += walk[i]
			if index[i] < y.Shape[i] {
				break
			}
			at -= index[i] * walk[i]
			index[i] = 0
		}
	}
	return y
}

// alone gives the step that makes what a node reads, if no other does.
func (p *planner) alone(v *Value) Step {
	i, ok := p.maker[v.Buffer]
	if !ok || p.read[v.Buffer] || p.pending[v.Buffer] != 1 {
		return nil
	}
	return p.steps[i]
}

package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// randomGraph grows a graph by operators that fit what is there. What each value
// is for a batch is computed along.
type randomGraph struct {
	graph.Graph
	r      *rand.Rand
	values []*graph.Value
	known  map[*graph.Value]*graph.Tensor
	moved  bool // the batch is not everywhere the first axis
	fixed  bool // there is no batch: the first axis is as the others
}

// randomBatch is a length that no other axis has.
const randomBatch = 5

// add appends a node, if it can be computed, and returns its results.
func (g *randomGraph) add(op graph.Op, outputs int, in ...*graph.Value) []*graph.Value {
	name := fmt.Sprintf("%s%d", op.Kind(), len(g.Nodes))
	n := &graph.Node{Name: name, Op: op, In: in}
	for i := range outputs {
		n.Out = append(n.Out, &graph.Value{Name: fmt.Sprintf("%s.%d", name, i)})
	}
	tensors := make([]*graph.Tensor, len(in))
	for i, v := range in {
		if v != nil {
			if tensors[i] = v.Const; v.Const == nil {
				tensors[i] = g.known[v]
			}
		}
	}
	out, err := n.Evaluate(tensors)
	if err != nil {
		return nil
	}
	for i, t := range out {
		large := slices.ContainsFunc(t.Floats, func(f float32) bool { return !(math.Abs(float64(f)) < 100) })
		if t.Size() > 1<<13 || t.Size() == 0 || large || len(t.Shape) > 6 {
			return nil
		}
		g.known[n.Out[i]] = t
	}
	g.Nodes = append(g.Nodes, n)
	for i, v := range n.Out {
		if out[i].Type == graph.Float32 {
			g.values = append(g.values, v)
		}
	}
	return n.Out
}

// shape is that of a value.
func (g *randomGraph) shape(v *graph.Value) []int { return g.known[v].Shape }

// constant is a constant of random numbers.
func (g *randomGraph) constant(lo, hi float64, shape ...int) *graph.Value {
	return constantOf("c", uniform(g.r.Uint64(), lo, hi, shape...))
}

func integers(v ...int) *graph.Value {
	t := graph.IntTensor()
	for _, i := range v {
		t.Ints = append(t.Ints, int64(i))
	}
	t.Shape = []int{len(v)}
	return constantOf("i", t)
}

// pick is one of the values with a rank from lo to hi; young ones are likelier.
func (g *randomGraph) pick(lo, hi int) *graph.Value {
	for range 20 {
		v := g.values[len(g.values)-1-g.r.IntN(min(len(g.values), 1+g.r.IntN(8)))]
		if rank := len(g.shape(v)); rank >= lo && rank <= hi {
			return v
		}
	}
	return nil
}

// chance is true one time of n.
func (g *randomGraph) chance(n int) bool { return g.r.IntN(n) == 0 }

// axis is one that is not the batch.
func (g *randomGraph) axis(v *graph.Value) int {
	if g.fixed {
		return g.r.IntN(len(g.shape(v)))
	}
	return 1 + g.r.IntN(len(g.shape(v))-1)
}

// window is a random one for pools and convolutions of k x l.
func (g *randomGraph) window(k, l int, dilated bool) graph.Window {
	w := graph.Window{Strides: []int{1 + g.r.IntN(2), 1 + g.r.IntN(2)}}
	if dilated && g.chance(3) {
		w.Dilations = []int{1 + g.r.IntN(2), 1 + g.r.IntN(2)}
	}
	switch g.r.IntN(4) {
	case 0:
		w.Auto = []graph.AutoPad{graph.SameUpper, graph.SameLower, graph.Valid}[g.r.IntN(3)]
	case 1:
		w.Pads = []int{g.r.IntN(k), g.r.IntN(l), g.r.IntN(k), g.r.IntN(l)}
	case 2:
		w.Pads = []int{k / 2, l / 2, k / 2, l / 2}
	}
	return w
}

// grow tries to add an operator.
func (g *randomGraph) grow() {
	one := func(op graph.Op, in ...*graph.Value) { g.add(op, 1, in...) }
	x := g.pick(1, 6)
	if g.fixed && g.chance(8) {
		x = g.pick(0, 1)
	}
	if x == nil {
		return
	}
	shape := g.shape(x)
	if len(shape) == 0 { // a number
		switch g.r.IntN(3) {
		case 0:
			one(&graph.Unary{Name: "Sigmoid"}, x)
		case 1:
			one(&graph.Binary{Name: "Add"}, x, g.pick(0, 6))
		default:
			one(&graph.Binary{Name: "Mul"}, g.constant(0, 1), x)
		}
		return
	}
	rank := len(shape)
	switch kind := g.r.IntN(22); kind {
	case 0, 1, 2, 3:
		if x = g.pick(4, 4); x == nil {
			return
		}
		c := g.shape(x)[1]
		groups, out := 1, 1+g.r.IntN(8)
		if g.chance(3) {
			groups, out = c, c*(1+g.r.IntN(2))
		} else if c%2 == 0 && g.chance(3) {
			groups, out = 2, 2+2*g.r.IntN(4)
		}
		k, l := 1+g.r.IntN(3), 1+g.r.IntN(3)
		if g.chance(2) {
			l = k
		}
		limit := 1.5 / math.Sqrt(float64(c/groups*k*l))
		in := []*graph.Value{x, g.constant(-limit, limit, out, c/groups, k, l)}
		if !g.chance(4) {
			in = append(in, g.constant(-.5, .5, out))
		}
		one(&graph.Conv{Window: g.window(k, l, true), Group: groups}, in...)
	case 4:
		if x = g.pick(4, 4); x == nil {
			return
		}
		k, l := 1+g.r.IntN(3), 1+g.r.IntN(3)
		w := g.window(k, l, true)
		w.Ceil = g.chance(2)
		o := &graph.Pool{Window: w, Max: g.chance(2), Kernel: []int{k, l}, CountIncludePad: g.chance(2)}
		if g.chance(4) {
			o = &graph.Pool{Max: g.chance(2)}
		}
		one(o, x)
	case 5, 6:
		name := []string{"Relu", "Relu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Silu", "Gelu", "Erf", "Abs", "Neg", "LeakyRelu", "Reciprocal"}[g.r.IntN(13)]
		one(&graph.Unary{Name: name, Alpha: .25, Beta: .5, Tanh: g.chance(2)}, x)
	case 7:
		one(&graph.Clip{}, x, g.constant(-.3, 0), g.constant(.5, 1))
	case 8, 9, 10: // with another value, of this shape or not
		y := g.pick(0, 6)
		for _, v := range g.values {
			if v != x && slices.Equal(g.shape(v), shape) {
				y = v
			}
		}
		if y != nil {
			g.moved = g.moved || len(g.shape(y)) != rank
			one(&graph.Binary{Name: []string{"Add", "Add", "Sub", "Mul", "Max", "Min", "PRelu"}[g.r.IntN(7)]}, x, y)
		}
	case 11: // with a constant, repeated along some axes
		from := g.r.IntN(rank)
		c := slices.Clone(shape[from:])
		for i := range c {
			if c[i]%randomBatch == 0 || g.chance(2) {
				c[i] = 1
			}
		}
		in := []*graph.Value{x, g.constant(.5, 1.5, c...)}
		if g.chance(3) {
			slices.Reverse(in)
		}
		one(&graph.Binary{Name: []string{"Add", "Sub", "Mul", "Div"}[g.r.IntN(4)]}, in...)
	case 12:
		perm := g.r.Perm(rank)
		if !g.chance(10) || rank < 3 {
			perm = append([]int{0}, perm...)
			perm = slices.Delete(perm, 1+slices.Index(perm[1:], 0), 2+slices.Index(perm[1:], 0))
		}
		g.moved = g.moved || perm[0] != 0
		one(&graph.Transpose{Perm: perm}, x)
	case 13: // two axes as one, or one as two, or all in another way
		if shape[0] != randomBatch || rank < 2 {
			return
		}
		to := slices.Clone(shape)
		to[0] = 0
		switch i := g.axis(x); {
		case g.chance(4):
			to = []int{0, -1}
		case i+1 < rank && g.chance(2):
			to = slices.Replace(to, i, i+2, shape[i]*shape[i+1])
		case shape[i]%2 == 0:
			to = slices.Replace(to, i, i+1, 2, shape[i]/2)
		default:
			to = slices.Insert(to, i, 1)
		}
		one(&graph.Reshape{}, x, integers(to...))
	case 14:
		if rank >= 2 {
			parts := []*graph.Value{x, x}
			if y := g.pick(rank, rank); y != nil && g.chance(2) {
				parts = append(parts, y)
			}
			one(&graph.Concat{Axis: g.axis(x)}, parts...)
		}
	case 15:
		if rank < 2 {
			return
		}
		axis := g.axis(x)
		if d := shape[axis]; d > 1 && g.chance(2) {
			first := 1 + g.r.IntN(d-1)
			g.add(&graph.Split{Axis: axis}, 2, x, integers(first, d-first))
		} else if d > 1 {
			step := []int{1, 1, 2, -1}[g.r.IntN(4)]
			from, to := g.r.IntN(d), d
			if step < 0 {
				from, to = d-1-g.r.IntN(2), -d-1
			}
			one(&graph.Slice{}, x, integers(from), integers(to), integers(axis), integers(step))
		}
	case 16:
		if rank >= 2 {
			axis := g.axis(x)
			one(&graph.Softmax{Axis: axis, Flat: g.chance(3)}, x)
		}
	case 17:
		last := shape[rank-1]
		if rank >= 2 && last%randomBatch != 0 {
			one(&graph.LayerNormalization{Axis: -1, Epsilon: 1e-2}, x, g.constant(.5, 1, last), g.constant(-.5, .5, last))
		}
	case 18:
		if rank < 2 {
			return
		}
		name := []string{"Mean", "Mean", "Max", "Sum"}[g.r.IntN(4)]
		axes := []int{g.axis(x)}
		if other := g.axis(x); other != axes[0] && g.chance(2) {
			axes = append(axes, other)
		}
		if g.fixed && g.chance(3) {
			axes = nil
		}
		one(&graph.Reduce{Name: name, Keep: g.chance(2)}, x, integers(axes...))
	case 19:
		last := shape[rank-1]
		if last%randomBatch == 0 || rank < 2 {
			return
		}
		out := 1 + g.r.IntN(20)
		limit := 1 / math.Sqrt(float64(last))
		if rank == 2 && g.chance(2) {
			one(&graph.Gemm{Alpha: .5, Beta: 2, TransB: true}, x, g.constant(-limit, limit, out, last), g.constant(-.5, .5, out))
			return
		}
		y := g.add(&graph.MatMul{}, 1, x, g.constant(-limit, limit, last, out))
		if y != nil && g.chance(2) {
			one(&graph.Binary{Name: "Add"}, y[0], g.constant(-.5, .5, out))
		}
	case 20: // attention
		if x = g.pick(3, 4); x == nil || g.shape(x)[0] != randomBatch {
			return
		}
		rank = len(g.shape(x))
		perm := []int{0, 1, 3, 2}
		if rank == 3 {
			perm = []int{0, 2, 1}
		}
		if y := g.add(&graph.Transpose{Perm: perm}, 1, x); y != nil {
			one(&graph.MatMul{}, x, y[0])
		}
	default:
		g.rare(x, shape)
	}
}

// rare adds an operator that is seldom seen.
func (g *randomGraph) rare(x *graph.Value, shape []int) {
	rank := len(shape)
	switch g.r.IntN(6) {
	case 0:
		if rank >= 2 && shape[1]%randomBatch != 0 {
			c := shape[1]
			g.add(&graph.BatchNormalization{Epsilon: 1e-3}, 1, x, g.constant(.5, 1, c), g.constant(-.5, .5, c), g.constant(-.5, .5, c), g.constant(.5, 1, c))
		}
	case 1:
		pads := make([]int, 2*rank)
		for i := 1; i < rank; i++ {
			pads[i], pads[rank+i] = g.r.IntN(3), g.r.IntN(3)-1
		}
		mode := []string{"constant", "edge"}[g.r.IntN(2)]
		g.add(&graph.Pad{Mode: mode}, 1, x, integers(pads...), g.constant(-1, 1))
	case 2:
		if rank >= 2 {
			axis := g.axis(x)
			index := []int{g.r.IntN(shape[axis]), -1, 0}
			if i := integers(index...); g.chance(2) {
				i.Const.Shape, i.Const.Ints, i.Shape = []int{}, i.Const.Ints[:1], nil
				g.add(&graph.Gather{Axis: axis}, 1, x, i)
			} else {
				g.add(&graph.Gather{Axis: axis}, 1, x, i)
			}
		}
	case 3:
		to := slices.Repeat([]int{1}, rank)
		to[rank-1] = 2 * (1 + g.r.IntN(2))
		if shape[rank-1] == 1 {
			g.add(&graph.Expand{}, 1, x, integers(to...))
		}
	case 4:
		if y := g.add(&graph.Binary{Name: "Greater"}, 1, x, g.constant(-1, -.9)); y != nil {
			g.add(&graph.Where{}, 1, y[0], x, g.constant(0, 1))
		}
	case 5:
		axis := 1 + g.r.IntN(rank)
		if y := g.add(&graph.Unsqueeze{}, 1, x, integers(axis)); y != nil && g.chance(2) {
			g.add(&graph.Squeeze{}, 1, y[0], integers(axis))
		}
	}
}

// newRandomGraph grows a graph of about the given number of nodes.
func newRandomGraph(seed uint64, nodes int) *randomGraph {
	r := rand.New(rand.NewPCG(seed, 1))
	shape := [][]int{{-1, 3, 7, 6}, {-1, 8, 4, 4}, {-1, 4, 1, 6}, {-1, 6, 8}, {-1, 2, 3, 3}}[r.IntN(5)]
	x := &graph.Value{Name: "x", Type: graph.Float32, Declared: shape}
	g := &randomGraph{Graph: graph.Graph{Inputs: []*graph.Value{x}}, r: r, values: []*graph.Value{x}, known: map[*graph.Value]*graph.Tensor{}}
	if g.fixed = seed%4 == 3; g.fixed {
		g.moved = true
	}
	g.known[x] = uniform(seed, -1, 1, append([]int{randomBatch}, shape[1:]...)...)
	for try := 0; len(g.Nodes) < nodes && try < 20*nodes; try++ {
		g.grow()
	}
	// All ends are outputs, and sometimes what is between.
	read := map[*graph.Value]bool{}
	for _, n := range g.Nodes {
		for _, v := range n.In {
			read[v] = true
		}
	}
	for _, v := range g.values[1:] {
		if !read[v] || g.chance(12) {
			g.Outputs = append(g.Outputs, v)
		}
	}
	return g
}

// TestEvaluateRandomGraphs compares graphs of all kinds of operators with the
// reference.
func TestEvaluateRandomGraphs(t *testing.T) {
	count := 600
	if testing.Short() {
		count = 50
	}
	kinds, skipped := map[string]int{}, 0
	for seed := range uint64(count) {
		g := newRandomGraph(seed, 1+int(seed)%25)
		if len(g.Outputs) == 0 {
			continue
		}
		for _, n := range g.Nodes {
			kinds[n.Op.Kind()]++
		}
		simple := g.Clone()
		var shapes map[string][]int
		if g.fixed {
			shapes = map[string][]int{"x": g.shape(g.Inputs[0])}
		}
		if err := simple.Simplify(shapes); err != nil {
			// A kernel over the axis of the batch does not fit all.
			skipped++
			continue
		}
		e, err := NewEvaluator(simple, EvaluatorOptions{Batch: randomBatch, Threads: 1 + int(seed)%3})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		x := g.known[g.Inputs[0]]
		got, err := e.Evaluate(map[string]*graph.Tensor{"x": x})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, v := range g.Outputs {
			if err := near(got[v.Name], g.known[v]); err != nil {
				t.Errorf("seed %d: %s: %v", seed, v.Name, err)
			}
		}
		if !g.moved {
			if err := sameAlone(e, g, got); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		e.Close()
		if t.Failed() {
			for _, n := range g.Nodes {
				t.Logf("%s %+v of %v", n.Name, n.Op, names(n.In))
			}
			return
		}
	}
	t.Logf("%d of %d graphs skipped; %v", skipped, count, kinds)
	if skipped > count/10 {
		t.Error("too many graphs were skipped")
	}
}

// sameAlone compares the answer for one picture with that in a batch, bit for
// bit.
func sameAlone(e *Evaluator, g *randomGraph, batch map[string]*graph.Tensor) error {
	x := g.known[g.Inputs[0]]
	size := x.Size() / randomBatch
	at := g.r.IntN(randomBatch)
	one := graph.FloatTensor(x.Floats[at*size:(at+1)*size], append([]int{1}, x.Shape[1:]...)...)
	got, err := e.Evaluate(map[string]*graph.Tensor{"x": one})
	if err != nil {
		return err
	}
	for name, y := range got {
		// What has no batch, since nothing of it depends on the input,
		// is the same.
		want := batch[name].Floats
		if size := y.Size(); len(want) == randomBatch*size {
			want = want[at*size : (at+1)*size]
		}
		if !slices.Equal(y.Floats, want) {
			return fmt.Errorf("%s of a picture alone is %v, with others %v", name, y.Floats, want)
		}
	}
	return nil
}

func names(vs []*graph.Value) []string {
	var list []string
	for _, v := range vs {
		if v == nil {
			list = append(list, "-")
		} else {
			list = append(list, fmt.Sprint(v.Name, graph.ShapeString(v.Shape)))
		}
	}
	return list
}

// near allows for the rounding of float32, which many operators add up.
func near(got, want *graph.Tensor) error {
	if got == nil || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("%+v where shape %v was expected", got, want.Shape)
	}
	for i, w := range want.Floats {
		if d := math.Abs(float64(got.Floats[i]) - float64(w)); !(d <= 1e-4*max(1, math.Abs(float64(w)))) {
			return fmt.Errorf("element %d of %v is %g, not %g", i, want.Shape, got.Floats[i], w)
		}
	}
	return nil
}

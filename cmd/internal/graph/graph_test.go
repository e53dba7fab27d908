package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// network builds small graphs.
type network struct {
	Graph
	rand *rand.Rand
}

func newNetwork(shape ...int) (*network, *Value) {
	x := &Value{Name: "x", Type: Float32, Declared: shape}
	return &network{Graph{Inputs: []*Value{x}}, rand.New(rand.NewPCG(1, 2))}, x
}

// add appends a node that is named as its result.
func (n *network) add(name string, op Op, in ...*Value) *Value {
	v := &Value{Name: name}
	n.Nodes = append(n.Nodes, &Node{Name: name, Op: op, In: in, Out: []*Value{v}})
	return v
}

func constant(name string, t *Tensor) *Value {
	return &Value{Name: name, Type: t.Type, Shape: Fixed(t.Shape), Const: t}
}

// random is a constant of numbers from lo to lo+1.
func (n *network) random(name string, lo float64, shape ...int) *Value {
	t := NewTensor(Float32, shape...)
	for i := range t.Floats {
		t.Floats[i] = float32(lo + n.rand.Float64())
	}
	return constant(name, t)
}

func (n *network) conv(name string, x *Value, out, in, k, pad int) *Value {
	op := &Conv{Window: Window{Pads: []int{pad, pad, pad, pad}}, Group: 1}
	return n.add(name, op, x, n.random(name+".w", -.5, out, in, k, k), n.random(name+".b", -.5, out))
}

func (n *network) normalize(name string, x *Value, channels int) *Value {
	return n.add(name, &BatchNormalization{Epsilon: 1e-5}, x, n.random(name+".scale", -.5, channels),
		n.random(name+".bias", -.5, channels), n.random(name+".mean", -.5, channels), n.random(name+".var", .2, channels))
}

// kinds are the operators that are left.
func (g *Graph) kinds() string {
	var list []string
	for _, n := range g.Nodes {
		list = append(list, n.Op.Kind())
	}
	return strings.Join(list, " ")
}

// same compares the outputs of a graph with those of its simplified form, which
// it returns.
func (n *network) same(t *testing.T, shape ...int) *Graph {
	t.Helper()
	simple := n.Clone()
	if err := simple.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	x := n.random("", -.5, shape...).Const
	want, err := n.Evaluate(map[string]*Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	got, err := simple.Evaluate(map[string]*Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		g := got[name]
		if g == nil || !slices.Equal(g.Shape, w.Shape) {
			t.Fatalf("output %q is %v", name, g)
		}
		for i := range w.Floats {
			if d := math.Abs(g.at(i) - w.at(i)); !(d <= 1e-5*max(1, math.Abs(w.at(i)))) {
				t.Fatalf("output %q: element %d is %g, it was %g", name, i, g.at(i), w.at(i))
			}
		}
	}
	return simple
}

func TestFoldBatchNormalization(t *testing.T) {
	for _, c := range []struct {
		name, left string
		build      func(n *network, x *Value) []*Value
	}{
		{"after a convolution", "Conv Relu", func(n *network, x *Value) []*Value {
			return []*Value{n.add("y", &Unary{Name: "Relu"}, n.normalize("bn", n.conv("c", x, 4, 2, 3, 1), 4))}
		}},
		{"two after one", "Conv", func(n *network, x *Value) []*Value {
			return []*Value{n.normalize("y", n.normalize("bn", n.conv("c", x, 4, 2, 3, 1), 4), 4)}
		}},
		{"without bias", "Conv", func(n *network, x *Value) []*Value {
			conv := &Conv{Group: 2}
			return []*Value{n.normalize("y", n.add("c", conv, x, n.random("w", -.5, 4, 1, 1, 1)), 4)}
		}},
		{"before a padded convolution", "BatchNormalization Conv", func(n *network, x *Value) []*Value {
			return []*Value{n.conv("y", n.normalize("bn", x, 2), 4, 2, 3, 1)}
		}},
		{"before one without padding", "BatchNormalization Conv", func(n *network, x *Value) []*Value {
			return []*Value{n.conv("y", n.normalize("bn", x, 2), 4, 2, 3, 0)}
		}},
		{"another reader", "Conv BatchNormalization Add", func(n *network, x *Value) []*Value {
			c := n.conv("c", x, 2, 2, 3, 1)
			return []*Value{n.add("y", &Binary{Name: "Add"}, c, n.normalize("bn", c, 2))}
		}},
		{"an output between", "Conv BatchNormalization", func(n *network, x *Value) []*Value {
			c := n.conv("c", x, 2, 2, 3, 1)
			return []*Value{c, n.normalize("y", c, 2)}
		}},
		{"not right after it", "Conv Relu BatchNormalization", func(n *network, x *Value) []*Value {
			return []*Value{n.normalize("y", n.add("r", &Unary{Name: "Relu"}, n.conv("c", x, 2, 2, 3, 1)), 2)}
		}},
		{"dropout between", "Conv", func(n *network, x *Value) []*Value {
			return []*Value{n.normalize("y", n.add("d", &Dropout{}, n.conv("c", x, 2, 2, 3, 1)), 2)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, x := newNetwork(-1, 2, 5, 5)
			n.Outputs = c.build(n, x)
			if left := n.same(t, 2, 2, 5, 5).kinds(); left != c.left {
				t.Errorf("%s is left, not %s", left, c.left)
			}
		})
	}
}

func TestVariance(t *testing.T) {
	for _, v := range []float32{-1e-5, -1, float32(math.NaN()), float32(math.Inf(1))} {
		n, x := newNetwork(-1, 2, 5, 5)
		y := n.normalize("y", n.conv("c", x, 2, 2, 1, 0), 2)
		n.Nodes[1].In[4].Const.Floats[1] = v
		n.Nodes[1].Op = &BatchNormalization{Epsilon: float64(float32(1e-5))}
		n.Outputs = []*Value{y}
		err := n.Simplify(nil)
		if err == nil || !strings.Contains(err.Error(), `"y"`) || !strings.Contains(err.Error(), "channel 1") {
			t.Errorf("variance %g: %v", v, err)
		}
	}
}

func TestAbsorbPadding(t *testing.T) {
	pads := func(v ...int64) *Value { return constant("", IntTensor(v...)) }
	pad := func(n *network, x *Value, more ...*Value) *Value {
		return n.add("p", &Pad{Mode: "constant"}, append([]*Value{x, pads(0, 0, 0, 1, 0, 0, 2, 1)}, more...)...)
	}
	pool := func(n *network, x *Value, own, count, largest bool) *Value {
		p := &Pool{Kernel: []int{3, 3}, CountIncludePad: count, Max: largest}
		if own {
			p.Pads = []int{0, 1, 0, 1}
		}
		return n.add("y", p, x)
	}
	for _, c := range []struct {
		name, left string
		build      func(n *network, x *Value) *Value
	}{
		{"convolution", "Conv", func(n *network, x *Value) *Value { return n.conv("y", pad(n, x), 3, 2, 3, 1) }},
		{"by axes", "Conv", func(n *network, x *Value) *Value {
			p := n.add("p", &Pad{Mode: "constant"}, x, pads(1, 1), nil, pads(-1))
			return n.conv("y", p, 3, 2, 3, 0)
		}},
		{"other value", "Pad Conv", func(n *network, x *Value) *Value {
			return n.conv("y", pad(n, x, n.random("v", 1)), 3, 2, 3, 1)
		}},
		{"reflected", "Pad Conv", func(n *network, x *Value) *Value {
			return n.conv("y", n.add("p", &Pad{Mode: "reflect"}, x, pads(0, 0, 1, 1, 0, 0, 1, 1)), 3, 2, 3, 0)
		}},
		{"of channels", "Pad Conv", func(n *network, x *Value) *Value {
			return n.conv("y", n.add("p", &Pad{Mode: "constant"}, x, pads(0, 1, 0, 0, 0, 1, 0, 0)), 3, 4, 3, 0)
		}},
		{"cropped", "Pad Conv", func(n *network, x *Value) *Value {
			return n.conv("y", n.add("p", &Pad{Mode: "constant"}, x, pads(0, 0, -1, 0, 0, 0, 1, 0)), 3, 2, 3, 0)
		}},
		{"another reader", "Pad Relu Conv Conv Add", func(n *network, x *Value) *Value {
			p := pad(n, x)
			r := n.conv("r", n.add("relu", &Unary{Name: "Relu"}, p), 3, 2, 3, 0)
			return n.add("y", &Binary{Name: "Add"}, r, n.conv("c", p, 3, 2, 3, 0))
		}},
		{"chosen padding", "Pad Conv", func(n *network, x *Value) *Value {
			return n.add("y", &Conv{Window: Window{Auto: SameUpper}, Group: 1}, pad(n, x), n.random("w", 0, 3, 2, 3, 3))
		}},
		{"mean", "AveragePool", func(n *network, x *Value) *Value { return pool(n, pad(n, x), false, false, false) }},
		{"mean of padding", "AveragePool", func(n *network, x *Value) *Value { return pool(n, pad(n, x), true, true, false) }},
		{"mean without its padding", "Pad AveragePool", func(n *network, x *Value) *Value { return pool(n, pad(n, x), true, false, false) }},
		{"largest", "Pad MaxPool", func(n *network, x *Value) *Value { return pool(n, pad(n, x), false, false, true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, x := newNetwork(-1, 2, 5, 5)
			n.Outputs = []*Value{c.build(n, x)}
			if left := n.same(t, 2, 2, 5, 5).kinds(); left != c.left {
				t.Errorf("%s is left, not %s", left, c.left)
			}
		})
	}
}

func TestIdentities(t *testing.T) {
	n, x := newNetwork(-1, 2, 5, 5)
	a := n.add("a", &Identity{}, x)
	a = n.add("b", &Pad{Mode: "constant"}, a, constant("zeros", IntTensor(make([]int64, 8)...)))
	a = n.add("c", &Cast{To: Float32}, n.add("d", &Dropout{}, a))
	a = n.add("e", &Concat{Axis: 1}, n.add("f", &Transpose{Perm: []int{0, 1, 2, 3}}, a))
	a = n.add("g", &Unary{Name: "Relu"}, a)
	n.add("unused", &Unary{Name: "Exp"}, a)
	n.Outputs = []*Value{n.add("y", &Identity{}, a)}
	if left := n.same(t, 1, 2, 5, 5).kinds(); left != "Relu Identity" { // which names the output
		t.Errorf("%s is left", left)
	}
}

func TestSoftmaxOfOneAxis(t *testing.T) {
	for _, c := range []struct {
		shape []int
		axis  int
		want  Softmax
	}{
		{[]int{-1, 3}, 1, Softmax{Axis: 1}},
		{[]int{-1, 3, 4}, -1, Softmax{Axis: 2}},
		{[]int{-1, 3, 1, 1}, 1, Softmax{Axis: 1}},
		{[]int{-1, 1, 4, 1}, 1, Softmax{Axis: 2}},
		{[]int{-1, 1, 1}, 1, Softmax{Axis: 1}},
		{[]int{-1, 3, 4}, 1, Softmax{Axis: 1, Flat: true}},
		{[]int{-1, 1}, 0, Softmax{Axis: 0}},
	} {
		n, x := newNetwork(c.shape...)
		n.Outputs = []*Value{n.add("y", &Softmax{Axis: c.axis, Flat: true}, x)}
		shape := slices.Clone(c.shape)
		shape[0] = 2
		if got := n.same(t, shape...).Nodes[0].Op; *got.(*Softmax) != c.want {
			t.Errorf("axis %d of %v becomes %+v", c.axis, c.shape, got)
		}
	}
}

// TestReversedSlice is a slice of the shape of its input that does something.
func TestReversedSlice(t *testing.T) {
	n, x := newNetwork(3)
	list := func(v int64) *Value { return constant("", IntTensor(v)) }
	s := n.add("s", &Slice{}, x, list(-1), list(math.MinInt64), list(0), list(-1))
	n.Outputs = []*Value{n.add("y", &Unary{Name: "Neg"}, s)}
	n.same(t, 3)
	y, err := n.Evaluate(map[string]*Tensor{"x": FloatTensor([]float32{1, 2, 3}, 3)})
	if err != nil || !slices.Equal(y["y"].Floats, []float32{-3, -2, -1}) {
		t.Errorf("%v, %v", y["y"], err)
	}
}

// TestBatch works out shapes that depend on the batch.
func TestBatch(t *testing.T) {
	n, x := newNetwork(-1, 4, 2, 2)
	shape := n.add("shape", &Shape{End: math.MaxInt}, x)
	batch := n.add("batch", &Gather{}, shape, constant("first", IntTensor(0)))
	pixels := n.add("pixels", &Binary{Name: "Mul"}, batch, constant("four", IntTensor(4)))
	wanted := n.add("wanted", &Concat{}, pixels, constant("rest", IntTensor(4)))
	n.Outputs = []*Value{n.add("y", &Reshape{}, x, wanted), n.add("z", &Flatten{Axis: 1}, x)}
	g := n.same(t, 3, 4, 2, 2)
	if left := g.kinds(); left != "Reshape Flatten" {
		t.Errorf("%s is left", left)
	}
	if got := g.Outputs[0].Shape; !slices.Equal(got, []Dim{{4, 0}, {0, 4}}) || got[0].String() != "4N" {
		t.Errorf("shape %v", got)
	}
	if got := g.Outputs[1].Shape; !slices.Equal(got, []Dim{{1, 0}, {0, 16}}) {
		t.Errorf("shape %v", got)
	}
	fixed := n.Clone()
	if err := fixed.Simplify(map[string][]int{"x": {5, 4, 2, 2}}); err != nil {
		t.Fatal(err)
	}
	if got := fixed.Outputs[0].Shape; !slices.Equal(got, Fixed([]int{20, 4})) {
		t.Errorf("shape %v", got)
	}
}

func TestBatchSquared(t *testing.T) {
	n, x := newNetwork(-1, 4)
	product := n.add("product", &Gemm{Alpha: 1, TransB: true}, x, x)
	n.Outputs = []*Value{n.add("y", &Reshape{}, product, constant("all", IntTensor(-1)))}
	err := n.Simplify(nil)
	if err == nil || !strings.Contains(err.Error(), `"y"`) || !strings.Contains(err.Error(), "batch") {
		t.Errorf("%v", err)
	}
}

// TestBatchCut takes the first pictures of a batch, which may have fewer.
func TestBatchCut(t *testing.T) {
	list := func(v int64) *Value { return constant("", IntTensor(v)) }
	n, x := newNetwork(-1, 4)
	n.Outputs = []*Value{n.add("y", &Slice{}, x, list(0), list(64), list(0))}
	err := n.Simplify(nil)
	if err == nil || !strings.Contains(err.Error(), `"y"`) || !strings.Contains(err.Error(), "batch") {
		t.Errorf("%v", err)
	}
}

func TestInputShapes(t *testing.T) {
	build := func(declared ...int) *network {
		n, x := newNetwork(declared...)
		n.Outputs = []*Value{n.add("y", &Unary{Name: "Relu"}, x)}
		return n
	}
	for _, c := range []struct {
		declared []int
		given    map[string][]int
		want     string // of the error
	}{
		{[]int{-1, 3}, nil, ""},
		{[]int{-1, -1}, nil, "left free"},
		{nil, nil, "not declared"},
		{nil, map[string][]int{"x": {-1, 7}}, ""},
		{[]int{-1, 3}, map[string][]int{"x": {3}}, "declares"},
		{[]int{-1, 3}, map[string][]int{"z": {3}}, `no input "z"`},
		{[]int{-1, 3}, map[string][]int{"x": {-2, 3}}, "left free"},
		{[]int{-1, 3}, map[string][]int{"x": {1, math.MaxInt}}, "too large"},
	} {
		err := build(c.declared...).Infer(c.given)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("declared %v, given %v: %v", c.declared, c.given, err)
		}
	}
}

// TestFoldKeepsWork leaves products of constants to the run.
func TestFoldKeepsWork(t *testing.T) {
	n, x := newNetwork(-1, 2)
	w := n.add("w", &MatMul{}, n.random("a", 0, 2, 3), n.random("b", 0, 3, 2))
	turned := n.add("t", &Transpose{}, n.random("c", 0, 2, 2))
	n.Outputs = []*Value{n.add("y", &MatMul{}, n.add("z", &MatMul{}, x, w), turned)}
	if left := n.same(t, 3, 2).kinds(); left != "MatMul MatMul MatMul" {
		t.Errorf("%s is left", left)
	}
}

func TestEvaluateErrors(t *testing.T) {
	n, x := newNetwork(2)
	n.Outputs = []*Value{n.add("y", &Binary{Name: "Add"}, x, constant("w", NewTensor(Float32, 3)))}
	for _, x := range []*Tensor{nil, NewTensor(Int64, 2), NewTensor(Float32, 2)} {
		_, err := n.Evaluate(map[string]*Tensor{"x": x})
		if err == nil {
			t.Errorf("%v is no error", x)
		}
	}
}

// TestSqueezeKeepsTheBatch: Squeeze without axes drops those of length 1, but
// not that of a batch of one picture.
func TestSqueezeKeepsTheBatch(t *testing.T) {
	n, x := newNetwork(-1, 2, 1, 1)
	n.Outputs = []*Value{n.add("y", &Squeeze{}, x)}
	if err := n.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 3} {
		y, err := n.Evaluate(map[string]*Tensor{"x": NewTensor(Float32, batch, 2, 1, 1)})
		if err != nil || !slices.Equal(y["y"].Shape, []int{batch, 2}) {
			t.Errorf("batch %d: %v, %v", batch, y["y"], err)
		}
	}
}

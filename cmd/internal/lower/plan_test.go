package lower

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// network builds small graphs.
type network struct {
	graph.Graph
}

func newNetwork(t graph.Type, shape ...int) (*network, *graph.Value) {
	x := &graph.Value{Name: "x", Type: t, Declared: shape}
	return &network{graph.Graph{Inputs: []*graph.Value{x}}}, x
}

// add appends a node with one result.
func (n *network) add(op graph.Op, in ...*graph.Value) *graph.Value {
	v := &graph.Value{Name: fmt.Sprintf("%s%d", op.Kind(), len(n.Nodes))}
	n.Nodes = append(n.Nodes, &graph.Node{Name: v.Name, Op: op, In: in, Out: []*graph.Value{v}})
	return v
}

func constantValue(t *graph.Tensor) *graph.Value {
	return &graph.Value{Name: "c", Type: t.Type, Shape: graph.Fixed(t.Shape), Const: t}
}

// ones is a constant.
func ones(shape ...int) *graph.Value {
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range t.Floats {
		t.Floats[i] = 1
	}
	return constantValue(t)
}

func integers(v ...int64) *graph.Value { return constantValue(graph.IntTensor(v...)) }

func (n *network) conv(x *graph.Value, in, out, k int) *graph.Value {
	pad := k / 2
	return n.add(&graph.Conv{Group: 1, Window: graph.Window{Pads: []int{pad, pad, pad, pad}}}, x, ones(out, in, k, k), ones(out))
}

func (n *network) depthwise(x *graph.Value, channels int) *graph.Value {
	return n.add(&graph.Conv{Group: channels, Window: graph.Window{Pads: []int{1, 1, 1, 1}}}, x, ones(channels, 1, 3, 3), ones(channels))
}

func (n *network) relu(x *graph.Value) *graph.Value { return n.add(&graph.Unary{Name: "Relu"}, x) }

func (n *network) sum(a, b *graph.Value) *graph.Value {
	return n.add(&graph.Binary{Name: "Add"}, a, b)
}

// planned simplifies and plans.
func (n *network) planned(t *testing.T, batch int, outputs ...*graph.Value) *Program {
	t.Helper()
	n.Outputs = outputs
	if err := n.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	p, err := Plan(&n.Graph, batch)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// describe names the steps and what was fused into them.
func describe(p *Program) string {
	var list []string
	product := func(kind string, add *Value, bias []float32, act Activation) string {
		if bias != nil {
			kind += "+bias"
		}
		if add != nil {
			kind += "+add"
		}
		if act.Name != "" {
			kind += "+" + act.Name
		}
		return kind
	}
	for _, s := range p.Steps {
		name := strings.TrimPrefix(fmt.Sprintf("%T", s), "*lower.")
		switch s := s.(type) {
		case *Conv:
			name = product(name, s.Add, s.Bias, s.Act) + s.Parameters.describe()
			if s.Pool {
				name += "+pool"
			}
		case *Dense:
			name = product(name, s.Add, s.Bias, s.Act) + s.Parameters.describe()
		case *Unary:
			name = s.Act.Name
		case *Binary:
			name = s.Op
		case *Separable:
			for _, c := range []*Conv{s.Expand, s.Depthwise, s.Project} {
				if c != nil {
					name += product("/", c.Add, c.Bias, c.Act)
				}
			}
		case *Scale:
			name = fmt.Sprint("Scale", s.Factor, s.Offset)
		case *Reference:
			name = "Reference:" + s.Node.Op.Kind()
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func (p Parameters) describe() string {
	switch {
	case p.W == nil:
		return ""
	case p.B == nil:
		return "(W)"
	}
	return "(W,B)"
}

// parameter adds an input of fixed shape.
func (n *network) parameter(shape ...int) *graph.Value {
	v := &graph.Value{Name: fmt.Sprint("p", len(n.Inputs)), Type: graph.Float32, Declared: shape}
	n.Inputs = append(n.Inputs, v)
	return v
}

// trained is a small network of parameters, with dropout.
func trained() (*network, *graph.Value) {
	n, x := newNetwork(graph.Float32, -1, 9, 8, 3)
	x = n.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, x)
	filters := n.add(&graph.WeightStandardization{}, n.parameter(3, 3, 3, 4), n.parameter(4))
	filters = n.add(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, filters)
	x = n.relu(n.add(&graph.Conv{Group: 1}, x, filters, n.parameter(4)))
	x = n.add(&graph.Pool{Max: true, Kernel: []int{2, 2}, Window: graph.Window{Strides: []int{2, 2}}}, x)
	x = n.add(&graph.Dropout{Rate: 0.5, Stream: 7}, x)
	x = n.add(&graph.Flatten{Axis: 1}, n.add(&graph.Transpose{Perm: []int{0, 2, 3, 1}}, x))
	x = n.relu(n.add(&graph.Gemm{Alpha: 1, Beta: 1}, x, n.parameter(36, 5), n.parameter(5)))
	return n, n.add(&graph.Gemm{Alpha: 1, Beta: 1, TransB: true}, x, n.parameter(2, 5))
}

// TestPlanTraining: parameters lie in memory as kernels read them, dropout is a
// step in training alone, and then no two results share memory.
func TestPlanTraining(t *testing.T) {
	n, y := trained()
	n.Outputs = []*graph.Value{y}
	if err := n.Infer(nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		want string
		plan func(*graph.Graph, int) (*Program, error)
	}{
		{"WeightStandardization Conv+Relu(W,B)+pool Dropout Dense+Relu(W,B) Copy Dense(W)", PlanTraining},
		{"WeightStandardization Conv+Relu(W,B)+pool Dense+Relu(W,B) Copy Dense(W)", Plan},
	} {
		p, err := test.plan(&n.Graph, 5)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(p); got != test.want {
			t.Errorf("%s, not %s", got, test.want)
		}
		checkMemory(t, 0, p)
		sum := 0
		for _, l := range p.lives() {
			sum += (l.buffer.size(5) + alignment - 1) / alignment * alignment
		}
		if p.keep != (p.Memory == sum) {
			t.Errorf("%s: %d numbers, all buffers have %d", test.want, p.Memory, sum)
		}
		for _, s := range p.Steps {
			if d, ok := s.(*Dropout); ok && (d.Rate != 0.5 || d.Stream != 7) {
				t.Errorf("dropout of %v, stream %d", d.Rate, d.Stream)
			}
		}
	}
}

// TestPlanTrainingKeepsItsBatch, though it needs much memory.
func TestPlanTrainingKeepsItsBatch(t *testing.T) {
	n, x := newNetwork(graph.Float32, -1, 1<<20)
	n.Outputs = []*graph.Value{n.add(&graph.Unary{Name: "Sqrt"}, n.add(&graph.Unary{Name: "Sqrt"}, x))}
	if err := n.Infer(nil); err != nil {
		t.Fatal(err)
	}
	p, err := PlanTraining(&n.Graph, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if p.Batch != 1000 || p.Memory != 2000<<20 {
		t.Errorf("a batch of %d, %d numbers", p.Batch, p.Memory)
	}
}

// TestSteps: which steps a graph becomes.
func TestSteps(t *testing.T) {
	for _, c := range []struct {
		name, want string
		build      func() (*network, []*graph.Value)
	}{
		{"bytes to a convolution", "Scale[0.5] [-1] Conv+bias+Clip Reduce Dense+bias Softmax", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Uint8, -1, 8, 8, 3)
			x = n.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, n.add(&graph.Cast{To: graph.Float32}, x))
			x = n.add(&graph.Binary{Name: "Sub"}, n.add(&graph.Binary{Name: "Div"}, x, constantValue(graph.FloatTensor([]float32{2}, 1))), ones(1))
			x = n.add(&graph.Clip{}, n.conv(x, 3, 4, 3), ones(), ones())
			x = n.add(&graph.Flatten{Axis: 1}, n.add(&graph.Pool{}, x))
			x = n.add(&graph.Gemm{Alpha: 1, Beta: 1, TransB: true}, x, ones(2, 4), ones(2))
			return n, []*graph.Value{n.add(&graph.Softmax{Axis: -1}, x)}
		}},
		{"bytes with numbers for each channel", "Scale[1 1 1] [3 3 3] Conv+bias Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Uint8, -1, 8, 8, 3)
			x = n.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, n.add(&graph.Cast{To: graph.Float32}, x))
			x = n.sum(x, ones(3, 1, 1))
			x = n.add(&graph.Conv{Group: 3}, n.sum(ones(1, 3, 1, 1), x), ones(3, 1, 1, 1), ones(3))
			return n, []*graph.Value{n.conv(x, 3, 4, 1)}
		}},
		{"bytes that somebody else reads", "Scale[1] [0] Add Conv+bias Copy Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Uint8, -1, 8, 8, 3)
			x = n.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, n.add(&graph.Cast{To: graph.Float32}, x))
			return n, []*graph.Value{n.sum(x, ones(3, 1, 1)), n.conv(x, 3, 4, 1)}
		}},
		{"pooling", "Copy Conv+bias+Relu+pool Conv+bias+Relu Pool Conv+bias Pool Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 4, 21, 21)
			pool := func(x *graph.Value, k, stride int, ceil bool) *graph.Value {
				return n.add(&graph.Pool{Max: true, Kernel: []int{k, k}, Window: graph.Window{Strides: []int{stride, stride}, Ceil: ceil}}, x)
			}
			x = pool(n.relu(n.conv(x, 4, 4, 3)), 2, 2, false)
			x = pool(n.relu(n.conv(x, 4, 4, 3)), 3, 2, true)
			return n, []*graph.Value{pool(n.conv(x, 4, 4, 3), 2, 2, true)}
		}},
		{"residual block", "Copy Conv+bias+Relu Conv+bias Conv+bias+add+Relu Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 4, 6, 6)
			return n, []*graph.Value{n.relu(n.sum(n.conv(n.relu(n.conv(x, 4, 4, 3)), 4, 4, 3), n.conv(x, 4, 4, 1)))}
		}},
		{"a sum that the graph gives, too", "Copy Conv+bias Relu Copy Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 4, 6, 6)
			y := n.conv(x, 4, 4, 3)
			return n, []*graph.Value{y, n.relu(y)}
		}},
		{"shuffled channels", "Copy Conv+bias Copy Conv+bias Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 6, 5, 5)
			x = n.add(&graph.Reshape{}, n.conv(x, 6, 6, 1), integers(0, 2, 3, 5, 5))
			x = n.add(&graph.Reshape{}, n.add(&graph.Transpose{Perm: []int{0, 2, 1, 3, 4}}, x), integers(0, 6, 5, 5))
			return n, []*graph.Value{n.conv(x, 6, 6, 1)}
		}},
		{"pixels to tokens", "Copy Conv+bias LayerNorm Dense+bias+Gelu Dense+bias+add", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 3, 8, 8)
			x = n.add(&graph.Reshape{}, n.conv(x, 3, 4, 1), integers(0, 4, -1))
			x = n.add(&graph.Transpose{Perm: []int{0, 2, 1}}, x)
			y := n.add(&graph.LayerNormalization{Axis: -1, Epsilon: 1e-6}, x, ones(4), ones(4))
			y = n.add(&graph.Unary{Name: "Gelu"}, n.sum(ones(8), n.add(&graph.MatMul{}, y, ones(4, 8))))
			y = n.sum(n.add(&graph.MatMul{}, y, ones(8, 4)), ones(4))
			return n, []*graph.Value{n.sum(x, y)}
		}},
		{"map to a vector in ONNX' order", "Copy Conv+bias Copy Dense+bias", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 3, 4, 4)
			x = n.add(&graph.Flatten{Axis: 1}, n.conv(x, 3, 2, 3))
			return n, []*graph.Value{n.add(&graph.Gemm{Alpha: 1, Beta: 1}, x, ones(32, 5), ones(5))}
		}},
		{"squeeze and excite", "Copy Conv+bias Reduce Conv+bias+Sigmoid Mul Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 4, 6, 6)
			x = n.conv(x, 4, 4, 3)
			gate := n.add(&graph.Unary{Name: "Sigmoid"}, n.conv(n.add(&graph.Pool{}, x), 4, 4, 1))
			return n, []*graph.Value{n.add(&graph.Binary{Name: "Mul"}, x, gate)}
		}},
		{"factors and summands of channels", "Copy Conv+bias+Relu Conv+bias Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 4, 6, 6)
			x = n.conv(x, 4, 4, 3)
			x = n.relu(n.sum(n.add(&graph.Binary{Name: "Mul"}, ones(4, 1, 1), x), ones(1, 4, 1, 1)))
			return n, []*graph.Value{n.add(&graph.Binary{Name: "Mul"}, n.conv(x, 4, 4, 1), ones(1))}
		}},
		{"factors that are no channels", "Copy Conv+bias Mul Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 6, 6, 6)
			return n, []*graph.Value{n.add(&graph.Binary{Name: "Mul"}, n.conv(x, 6, 6, 3), ones(6, 1))}
		}},
		{"scaled layers", "Dense+bias+add", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 5, 4)
			y := n.sum(n.add(&graph.MatMul{}, x, ones(4, 4)), ones(4))
			return n, []*graph.Value{n.sum(x, n.add(&graph.Binary{Name: "Mul"}, y, ones(4)))}
		}},
		{"inverted residual", "Copy Separable/+bias+Relu/+bias+Relu/+bias+add Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 2, 6, 6)
			y := n.relu(n.depthwise(n.relu(n.conv(x, 2, 8, 1)), 8))
			return n, []*graph.Value{n.sum(x, n.conv(y, 8, 2, 1))}
		}},
		{"what is between is read elsewhere", "Copy Conv+bias Separable/+bias/+bias Copy Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 2, 6, 6)
			y := n.conv(x, 2, 8, 1)
			return n, []*graph.Value{y, n.conv(n.depthwise(y, 8), 8, 2, 1)}
		}},
		{"weights larger than maps", "Copy Conv+bias Conv+bias Conv+bias Copy", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 64, 2, 2)
			return n, []*graph.Value{n.conv(n.depthwise(n.conv(x, 64, 64, 1), 64), 64, 64, 1)}
		}},
		{"a single number", "Reduce Mul Add Sqrt", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, 2, 3)
			x = n.add(&graph.Binary{Name: "Mul"}, n.add(&graph.Reduce{Name: "Mean"}, x), ones())
			return n, []*graph.Value{n.add(&graph.Unary{Name: "Sqrt"}, n.sum(ones(), x))}
		}},
		{"no kernel", "Reference:Tile Sqrt", func() (*network, []*graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 4)
			return n, []*graph.Value{n.add(&graph.Unary{Name: "Sqrt"}, n.add(&graph.Tile{}, x, integers(1, 2)))}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, outputs := c.build()
			if got := describe(n.planned(t, 4, outputs...)); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
}

// TestMemory: buffers that live at the same time never share memory, at any
// batch, and all lie in the memory of the program.
func TestMemory(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		n, x := newNetwork(graph.Float32, -1, 1+r.IntN(40))
		widths := map[*graph.Value]int{x: x.Declared[1]}
		values := []*graph.Value{x}
		for range 1 + r.IntN(60) {
			v := values[len(values)-1-r.IntN(min(len(values), 6))]
			w := values[r.IntN(len(values))]
			var y *graph.Value
			switch r.IntN(4) {
			case 0:
				y = n.add(&graph.Concat{Axis: 1}, v, w)
				widths[y] = widths[v] + widths[w]
			case 1:
				to := 1 + r.IntN(widths[v])
				y = n.add(&graph.Slice{}, v, integers(0), integers(int64(to)), integers(1))
				widths[y] = to
			case 2:
				out := 1 + r.IntN(50)
				y = n.add(&graph.MatMul{}, v, ones(widths[v], out))
				widths[y] = out
			default:
				y = n.add(&graph.Unary{Name: "Sqrt"}, v)
				widths[y] = widths[v]
			}
			if widths[y] < 2000 {
				values = append(values, y)
			}
		}
		outputs := []*graph.Value{values[len(values)-1], values[len(values)/2]}
		if outputs[0] == outputs[1] || outputs[1] == x {
			continue
		}
		program := n.planned(t, 1+r.IntN(9), outputs...)
		checkMemory(t, seed, program)
		if err := program.Shrink(1 + r.IntN(program.Batch)); err != nil {
			t.Fatal(err)
		}
		checkMemory(t, seed, program)
		for _, batch := range []int{0, program.Batch + 1} {
			if program.Shrink(batch) == nil {
				t.Errorf("shrunk from %d pictures to %d", program.Batch, batch)
			}
		}
	}
}

func checkMemory(t *testing.T, seed uint64, p *Program) {
	t.Helper()
	type span struct{ from, to, first, last int }
	spans := map[*Buffer]*span{}
	for i, s := range p.Steps {
		for _, v := range s.reads() {
			if l := spans[v.Buffer]; l != nil {
				l.last = i
			} else if !slices.ContainsFunc(p.Inputs, func(in *Value) bool { return in.Buffer == v.Buffer }) {
				t.Fatalf("seed %d: step %d reads what no step before it makes", seed, i)
			}
		}
		for _, v := range s.writes() {
			spans[v.Buffer] = &span{v.Buffer.Offset, v.Buffer.Offset + v.Size(p.Batch), i, i}
		}
	}
	for _, v := range p.Outputs {
		spans[v.Buffer].last = len(p.Steps)
	}
	sum := 0
	for a, x := range spans {
		sum += (x.to - x.from + alignment - 1) / alignment * alignment
		if x.from < 0 || x.to > p.Memory {
			t.Fatalf("seed %d: %d to %d of %d", seed, x.from, x.to, p.Memory)
		}
		for b, y := range spans {
			if a != b && x.first <= y.last && y.first <= x.last && x.from < y.to && y.from < x.to {
				t.Fatalf("seed %d: %+v and %+v", seed, *x, *y)
			}
		}
	}
	if p.Memory > sum {
		t.Errorf("seed %d: %d numbers, all buffers have %d", seed, p.Memory, sum)
	}
}

// TestHostile: what would take too much memory or time is refused before
// anything is allocated.
func TestHostile(t *testing.T) {
	for _, c := range []struct {
		name, want string
		build      func() (*network, *graph.Value)
	}{
		{"memory", "memory for", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 1, 1)
			a := n.add(&graph.Expand{}, x, integers(1, 1<<14, 1<<14))
			b := n.add(&graph.Unary{Name: "Sqrt"}, a)
			return n, n.sum(a, b)
		}},
		{"work", "multiplications", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 1, 1)
			a := n.add(&graph.Expand{}, x, integers(1, 1<<12, 1<<12))
			for range 200 {
				a = n.add(&graph.MatMul{}, a, a)
			}
			return n, a
		}},
		{"weights of many steps", "weights of all steps", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 512, 1, 1)
			w := ones(512, 512, 1, 1)
			for range 1000 {
				x = n.add(&graph.Conv{Group: 1}, x, w)
			}
			return n, x
		}},
		{"scaled weights of many steps", "the copies would be too large", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 512)
			w := ones(512, 512)
			for range 1000 {
				x = n.add(&graph.Gemm{Alpha: .5, Beta: 1}, x, w)
			}
			return n, x
		}},
		{"padding that no result shows", "memory for", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 2, 1, 1)
			w := graph.Window{Pads: []int{15000, 15000, 15000, 15000}, Strides: []int{20000, 20000}}
			return n, n.add(&graph.Conv{Group: 1, Window: w}, x, ones(2, 2, 1, 1))
		}},
		{"no kernel", "too long", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 64, 1<<16)
			return n, n.add(&graph.Conv{Group: 1}, x, ones(64, 64, 1<<10))
		}},
		{"steps", "more than", func() (*network, *graph.Value) {
			n, x := newNetwork(graph.Float32, -1, 1)
			for range MaxSteps + 1 {
				x = n.add(&graph.Unary{Name: "Sqrt"}, x)
			}
			return n, x
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, y := c.build()
			n.Outputs = []*graph.Value{y}
			if err := n.Simplify(nil); err != nil {
				t.Fatal(err)
			}
			if _, err := Plan(&n.Graph, 1); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestBatchShrinks: where the memory of a batch is too large, fewer pictures
// are computed at once.
func TestBatchShrinks(t *testing.T) {
	n, x := newNetwork(graph.Float32, -1, 1<<20)
	p := n.planned(t, 1000, n.add(&graph.Unary{Name: "Sqrt"}, n.add(&graph.Unary{Name: "Sqrt"}, x)))
	if p.Batch != 32 {
		t.Errorf("a batch of %d", p.Batch)
	}
}

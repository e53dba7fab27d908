package graph

import (
	"strings"
	"testing"
)

func TestFeatures(t *testing.T) {
	relu := func(n *network, name string, x *Value) *Value { return n.add(name, &Unary{Name: "Relu"}, x) }
	flat := func(n *network, name string, x *Value) *Value {
		return n.add(name, &Flatten{Axis: 1}, n.add(name+".pool", &Pool{}, x))
	}
	gemm := func(n *network, name string, x *Value, in int) *Value {
		return n.add(name, &Gemm{Alpha: 1, Beta: 1, TransB: true}, x, n.random(name+".w", 0, 3, in))
	}
	for _, c := range []struct {
		name    string
		build   func(n *network, x *Value) []*Value
		value   string
		pooling Pooling
		length  int
	}{
		{"Gemm", func(n *network, x *Value) []*Value { return []*Value{gemm(n, "y", flat(n, "f", x), 2)} }, "f", AsIs, 2},
		{"Softmax after Gemm", func(n *network, x *Value) []*Value {
			return []*Value{n.add("y", &Softmax{Axis: 1}, gemm(n, "g", flat(n, "f", x), 2))}
		}, "f", AsIs, 2},
		{"MatMul and Add", func(n *network, x *Value) []*Value {
			return []*Value{n.add("y", &Binary{Name: "Add"}, n.random("b", 0, 3), n.add("m", &MatMul{}, flat(n, "f", x), n.random("w", 0, 2, 3)))}
		}, "f", AsIs, 2},
		{"MatMul and Add the other way", func(n *network, x *Value) []*Value {
			return []*Value{n.add("y", &Binary{Name: "Add"}, n.add("m", &MatMul{}, flat(n, "f", x), n.random("w", 0, 2, 3)), n.random("b", 0, 3))}
		}, "f", AsIs, 2},
		{"1x1 convolution", func(n *network, x *Value) []*Value {
			return []*Value{flat(n, "y", relu(n, "r", n.conv("c", relu(n, "last", x), 3, 2, 1, 0)))}
		}, "last", MeanPixel, 2},
		{"3x3 convolution", func(n *network, x *Value) []*Value { return []*Value{flat(n, "y", n.conv("c", x, 3, 2, 3, 1))} }, "y", AsIs, 3},
		{"a skip before the pool", func(n *network, x *Value) []*Value {
			return []*Value{flat(n, "y", n.add("s", &Binary{Name: "Add"}, x, n.conv("c", x, 2, 2, 1, 0)))}
		}, "y", AsIs, 2},
		{"map", func(n *network, x *Value) []*Value { return []*Value{n.conv("y", x, 3, 2, 1, 0)} }, "y", MeanPixel, 3},
		{"tokens", func(n *network, x *Value) []*Value {
			r := n.add("r", &Reshape{}, x, constant("s", IntTensor(0, 2, 25)))
			return []*Value{n.add("y", &Transpose{Perm: []int{0, 2, 1}}, r)}
		}, "y", FirstToken, 2},
		{"named", func(n *network, x *Value) []*Value {
			f := flat(n, "pooler_output", x)
			return []*Value{gemm(n, "logits", f, 2), f}
		}, "pooler_output", AsIs, 2},
		{"two products", func(n *network, x *Value) []*Value {
			return []*Value{gemm(n, "y", relu(n, "hidden", gemm(n, "g", flat(n, "f", x), 2)), 3)}
		}, "hidden", AsIs, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, x := newNetwork(-1, 2, 5, 5)
			n.Outputs = c.build(n, x)
			if err := n.Simplify(nil); err != nil {
				t.Fatal(err)
			}
			f, err := n.Features()
			if err != nil {
				t.Fatal(err)
			}
			if f.Value.Name != c.value || f.Pooling != c.pooling || f.Length != c.length {
				t.Errorf("%q, %s, %d numbers: %s", f.Value.Name, f.Pooling, f.Length, f.Reason)
			}
		})
	}
}

func TestNoFeatures(t *testing.T) {
	list := func(v ...int64) *Value { return constant("", IntTensor(v...)) }
	for want, build := range map[string]func(n *network, x *Value) *Value{
		"[10N,5]":     func(n *network, x *Value) *Value { return n.add("y", &Reshape{}, x, list(-1, 5)) },
		"[N,2,5,5,1]": func(n *network, x *Value) *Value { return n.add("y", &Unsqueeze{}, x, list(-1)) },
		"int64":       func(n *network, x *Value) *Value { return n.add("y", &Cast{To: Int64}, x) },
		"[1,2,5,5]": func(n *network, x *Value) *Value { // of the first picture
			return n.add("y", &Slice{}, x, list(0), list(1), list(0))
		},
	} {
		n, x := newNetwork(-1, 2, 5, 5)
		n.Outputs = []*Value{build(n, x)}
		if err := n.Simplify(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Features(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestFixedBatch has features where the batch is 1, and nothing else.
func TestFixedBatch(t *testing.T) {
	n, x := newNetwork(1, 2, 5, 5)
	n.Outputs = []*Value{n.add("y", &Reshape{}, x, constant("s", IntTensor(1, -1)))}
	if err := n.Simplify(nil); err != nil {
		t.Fatal(err)
	}
	if f, err := n.Features(); err != nil || f.Length != 50 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestCut(t *testing.T) {
	n, x := newNetwork(2)
	n.Outputs = []*Value{n.add("y", &Unary{Name: "Relu"}, n.add("a", &Unary{Name: "Neg"}, x))}
	for _, name := range []string{"a", "y", "x"} {
		g := n.Clone()
		if err := g.Cut(name); err != nil || g.Outputs[0].Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := n.Clone().Cut("z"); err == nil {
		t.Error("z was found")
	}
}

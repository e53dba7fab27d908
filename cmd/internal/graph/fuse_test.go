package graph

import "testing"

// TestFuse writes operators with simple ones, as exporters do, and looks what
// they become. Those that mean something else stay, and all give the same.
func TestFuse(t *testing.T) {
	number := func(v float32) *Value { return constant("", FloatTensor([]float32{v})) }
	list := func(v int64) *Value { return constant("", IntTensor(v)) }
	binary := func(n *network, name string, a, b *Value) *Value {
		v := n.add("v", &Binary{Name: name}, a, b)
		return v
	}
	unary := func(n *network, name string, x *Value) *Value { return n.add("u", &Unary{Name: name}, x) }
	clip := func(n *network, x *Value, lo, hi float32) *Value {
		return n.add("c", &Clip{}, x, number(lo), number(hi))
	}
	mean := func(n *network, x *Value, axis int64) *Value {
		return n.add("m", &Reduce{Name: "Mean", Keep: true}, x, list(axis))
	}
	// norm is the normalization up to the parameters.
	norm := func(n *network, x *Value, axis int64, epsilon float32, twice bool) *Value {
		d := binary(n, "Sub", x, mean(n, x, axis))
		e := d
		if twice {
			e = binary(n, "Sub", x, mean(n, x, axis))
		}
		variance := mean(n, binary(n, "Pow", e, number(2)), axis)
		return binary(n, "Div", d, unary(n, "Sqrt", binary(n, "Add", variance, number(epsilon))))
	}
	gelu := func(n *network, x *Value, root, one, half float32) *Value {
		e := unary(n, "Erf", binary(n, "Div", x, number(root)))
		return binary(n, "Mul", binary(n, "Mul", x, binary(n, "Add", e, number(one))), number(half))
	}
	for _, c := range []struct {
		name, left string
		build      func(n *network, x *Value) *Value
	}{
		{"silu", "Silu", func(n *network, x *Value) *Value { return binary(n, "Mul", x, unary(n, "Sigmoid", x)) }},
		{"silu the other way", "Silu", func(n *network, x *Value) *Value { return binary(n, "Mul", unary(n, "Sigmoid", x), x) }},
		{"gate of another", "Neg Sigmoid Mul", func(n *network, x *Value) *Value {
			return binary(n, "Mul", x, unary(n, "Sigmoid", unary(n, "Neg", x)))
		}},
		{"hard sigmoid", "HardSigmoid", func(n *network, x *Value) *Value {
			return binary(n, "Div", clip(n, binary(n, "Add", x, number(3)), 0, 6), number(6))
		}},
		{"hard swish", "HardSwish", func(n *network, x *Value) *Value {
			return binary(n, "Div", binary(n, "Mul", x, clip(n, binary(n, "Add", x, number(3)), 0, 6)), number(6))
		}},
		{"hard swish, divided first", "HardSwish", func(n *network, x *Value) *Value {
			return binary(n, "Mul", binary(n, "Div", clip(n, binary(n, "Add", number(3), x), 0, 6), number(6)), x)
		}},
		{"hard swish by a factor", "HardSwish", func(n *network, x *Value) *Value {
			return binary(n, "Mul", x, binary(n, "Mul", number(1./6), clip(n, binary(n, "Add", x, number(3)), 0, 6)))
		}},
		{"hard swish of a hard sigmoid", "HardSwish", func(n *network, x *Value) *Value {
			return binary(n, "Mul", x, n.add("h", &Unary{Name: "HardSigmoid", Alpha: float64(float32(1. / 6)), Beta: 0.5}, x))
		}},
		{"other bounds", "Add Clip Mul Div", func(n *network, x *Value) *Value {
			return binary(n, "Div", binary(n, "Mul", x, clip(n, binary(n, "Add", x, number(3)), 0, 5)), number(6))
		}},
		{"gelu", "Gelu", func(n *network, x *Value) *Value { return gelu(n, x, 1.4142135, 1, 0.5) }},
		{"gelu, halved first", "Gelu", func(n *network, x *Value) *Value {
			e := unary(n, "Erf", binary(n, "Mul", x, number(0.70710677)))
			return binary(n, "Mul", binary(n, "Mul", x, number(0.5)), binary(n, "Add", number(1), e))
		}},
		{"not gelu", "Div Erf Add Mul Mul", func(n *network, x *Value) *Value { return gelu(n, x, 1.4, 1, 0.5) }},
		{"not halved", "Div Erf Add Mul Mul", func(n *network, x *Value) *Value { return gelu(n, x, 1.4142135, 1, 1) }},
		{"layer normalization", "LayerNormalization", func(n *network, x *Value) *Value {
			return binary(n, "Add", binary(n, "Mul", norm(n, x, -1, 1e-5, false), n.random("g", 0, 5)), n.random("b", 0, 5))
		}},
		{"layer normalization with two differences", "LayerNormalization", func(n *network, x *Value) *Value {
			return binary(n, "Add", n.random("b", 0, 5), binary(n, "Mul", n.random("g", 0, 5), norm(n, x, 3, 1e-6, true)))
		}},
		{"layer normalization without bias", "LayerNormalization", func(n *network, x *Value) *Value {
			return binary(n, "Mul", norm(n, x, -1, 1e-5, false), n.random("g", 0, 5))
		}},
		{"normalization over another axis", "ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul", func(n *network, x *Value) *Value {
			return binary(n, "Mul", norm(n, x, -2, 1e-5, false), n.random("g", 0, 5))
		}},
		{"layer normalization with one factor", "ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul", func(n *network, x *Value) *Value {
			return binary(n, "Mul", norm(n, x, -1, 1e-5, false), n.random("g", 0, 1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, x := newNetwork(-1, 2, 5, 5)
			y := c.build(n, x)
			y.Name = "y"
			n.Outputs = []*Value{y}
			if left := n.same(t, 2, 2, 5, 5).kinds(); left != c.left {
				t.Errorf("%s is left, not %s", left, c.left)
			}
		})
	}
}

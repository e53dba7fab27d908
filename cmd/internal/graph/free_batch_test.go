package graph

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestFreeBatch: graphs that were exported for a fixed batch give each of more
// pictures what they give it alone.
func TestFreeBatch(t *testing.T) {
	list := func(v ...int64) *Value { return constant("", IntTensor(v...)) }
	for name, c := range map[string]struct {
		batch int
		build func(n *network, x *Value) *Value
		fails string
	}{
		"reshaped":  {1, func(n *network, x *Value) *Value { return n.add("y", &Reshape{}, x, list(1, 50)) }, ""},
		"flattened": {1, func(n *network, x *Value) *Value { return n.add("y", &Reshape{}, x, list(1, -1)) }, ""},
		"of two":    {2, func(n *network, x *Value) *Value { return n.add("y", &Reshape{}, x, list(2, -1)) }, ""},
		"twice": {1, func(n *network, x *Value) *Value {
			return n.add("y", &Reshape{}, n.add("r", &Reshape{}, n.conv("c", x, 4, 2, 3, 1), list(1, 2, 2, 25)), list(1, 100))
		}, ""},
		"by a shape that is computed": {1, func(n *network, x *Value) *Value {
			return n.add("y", &Reshape{}, x, n.add("s", &Concat{}, list(1), list(-1)))
		}, ""},
		"with a class token": {1, func(n *network, x *Value) *Value {
			tokens := n.add("t", &Reshape{}, x, list(1, 2, 25))
			all := n.add("a", &Concat{Axis: 1}, n.random("token", 0, 1, 1, 25), tokens)
			return n.add("y", &Reshape{}, n.add("p", &Binary{Name: "Add"}, all, n.random("position", 0, 1, 3, 25)), list(1, 75))
		}, ""},
		"with a token at the end": {1, func(n *network, x *Value) *Value {
			tokens := n.add("t", &Reshape{}, x, list(1, 2, 25))
			return n.add("y", &Concat{Axis: -2}, tokens, n.random("token", 0, 1, 1, 25))
		}, ""},
		"from the batch's axis": {1, func(n *network, x *Value) *Value {
			turned := n.add("t", &Transpose{Perm: []int{1, 0, 2, 3}}, x) // [2,N,5,5]
			return n.add("y", &Reshape{}, turned, list(1, 2, 25))
		}, "shape [1 2 25]"},
		"joined to a token of two": {2, func(n *network, x *Value) *Value {
			return n.add("y", &Concat{Axis: 1}, n.add("t", &Reshape{}, x, list(2, 2, 25)), n.random("token", 0, 2, 1, 25))
		}, "along axis 1"},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(c.batch, 2, 5, 5)
			n.Outputs = []*Value{c.build(n, x)}
			free := n.Clone()
			shapes := map[string][]int{"x": {-1, 2, 5, 5}}
			err := free.FreeBatch(shapes, c.batch)
			if err == nil {
				err = free.Simplify(shapes)
			}
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := free.Outputs[0].Shape[0]; d != (Dim{Batch: 1}) {
				t.Errorf("%v rows", d)
			}
			const count = 6
			input := NewTensor(Float32, count, 2, 5, 5)
			for i := range input.Floats {
				input.Floats[i] = float32(math.Sin(float64(i)))
			}
			got, err := free.Evaluate(map[string]*Tensor{"x": input})
			if err != nil {
				t.Fatal(err)
			}
			var want []float32
			for part := range slices.Chunk(input.Floats, c.batch*50) {
				one, err := n.Evaluate(map[string]*Tensor{"x": FloatTensor(part, c.batch, 2, 5, 5)})
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, one["y"].Floats...)
			}
			if !slices.Equal(got["y"].Floats, want) {
				t.Errorf("%v, want %v", got["y"].Floats, want)
			}
		})
	}
}

package nn

import (
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// TestOperatorGradients trains what comes before and in each operator that
// families of networks have, and compares with finite differences.
func TestOperatorGradients(t *testing.T) {
	workers := kernel.NewWorkers(2)
	defer workers.Close()
	pads := func(p ...int) graph.Window { return graph.Window{Pads: p} }
	clip := func(s *suffix, x *graph.Value, lo, hi float32) *graph.Value {
		return s.add(&graph.Clip{}, x, s.constant([]int{}, lo), s.constant([]int{}, hi))
	}
	unary := func(name string) func(s *suffix, x *graph.Value) *graph.Value {
		return func(s *suffix, x *graph.Value) *graph.Value { return s.add(&graph.Unary{Name: name}, x) }
	}
	same := &graph.Conv{Group: 1, Window: pads(1, 1, 1, 1)}
	// Of 4 channels of 6x7 each: what to add, and how many channels it has.
	for name, test := range map[string]struct {
		build    func(s *suffix, x *graph.Value) *graph.Value
		channels int
	}{
		"depthwise, clipped": {func(s *suffix, x *graph.Value) *graph.Value {
			return clip(s, s.conv(&graph.Conv{Group: 4, Window: pads(1, 1, 1, 1)}, x, 3, 3, 1, 4), -0.3, 0.3)
		}, 4},
		"depthwise, uneven padding": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.conv(&graph.Conv{Group: 4, Window: graph.Window{Pads: []int{0, 0, 1, 1}, Strides: []int{2, 2}}}, x, 3, 3, 1, 4)
		}, 4},
		"groups": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Unary{Name: "Relu"}, s.conv(&graph.Conv{Group: 2, Window: pads(1, 1, 1, 1)}, x, 3, 3, 2, 6))
		}, 6},
		"one row, dilated": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.conv(&graph.Conv{Group: 1, Window: graph.Window{Pads: []int{0, 2, 0, 2}, Dilations: []int{1, 2}}}, x, 1, 3, 4, 5)
		}, 5},
		"hard swish": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Unary{Name: "HardSwish"}, s.conv(same, x, 3, 3, 4, 5))
		}, 5},
		"swish, with a summand": {func(s *suffix, x *graph.Value) *graph.Value {
			y := s.add(&graph.Binary{Name: "Add"}, s.conv(same, x, 3, 3, 4, 4), x)
			return s.add(&graph.Binary{Name: "Mul"}, y, s.add(&graph.Unary{Name: "Sigmoid"}, y))
		}, 4},
		"squeeze and excite": {func(s *suffix, x *graph.Value) *graph.Value {
			y := s.add(&graph.Unary{Name: "Relu"}, s.conv(&graph.Conv{Group: 1}, s.add(&graph.Pool{}, x), 1, 1, 4, 3))
			y = s.add(&graph.Unary{Name: "HardSigmoid", Alpha: 0.2, Beta: 0.5}, s.conv(&graph.Conv{Group: 1}, y, 1, 1, 3, 4))
			return s.add(&graph.Binary{Name: "Mul"}, x, y)
		}, 4},
		"squeeze and excite with Gemm": {func(s *suffix, x *graph.Value) *graph.Value {
			y := s.add(&graph.Flatten{Axis: 1}, s.add(&graph.Pool{}, x))
			y = s.add(&graph.Unary{Name: "Tanh"}, s.add(&graph.Gemm{Alpha: 1, Beta: 1}, y, s.parameter(4, 3), s.parameter(3)))
			y = s.add(&graph.Unary{Name: "Sigmoid"}, s.add(&graph.Gemm{Alpha: 1, Beta: 1}, y, s.parameter(3, 4), s.parameter(4)))
			return s.add(&graph.Binary{Name: "Mul"}, s.add(&graph.Unsqueeze{}, y, integers(2, 3)), x)
		}, 4},
		"square": {func(s *suffix, x *graph.Value) *graph.Value { return s.add(&graph.Binary{Name: "Mul"}, x, x) }, 4},
		"factors and summands": {func(s *suffix, x *graph.Value) *graph.Value {
			x = s.add(&graph.Binary{Name: "Mul"}, x, s.constant([]int{4, 1, 1}))
			x = s.add(&graph.Binary{Name: "Add"}, x, s.constant([]int{4, 1, 1}))
			x = s.add(&graph.Binary{Name: "Sub"}, s.constant([]int{1}, 0.5), x)
			return s.add(&graph.Binary{Name: "Div"}, x, s.constant([]int{1}, 3))
		}, 4},
		"constant weights": {func(s *suffix, x *graph.Value) *graph.Value {
			x = s.add(&graph.Conv{Group: 1}, x, s.constant([]int{5, 4, 1, 2}), s.constant([]int{5}))
			return s.add(&graph.Unary{Name: "Sigmoid"}, s.add(&graph.Conv{Group: 5}, x, s.constant([]int{5, 1, 1, 1})))
		}, 5},
		"average pool": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Pool{Kernel: []int{3, 3}, Window: graph.Window{Pads: []int{1, 1, 1, 1}, Strides: []int{2, 2}}}, x)
		}, 4},
		"largest of 3x3": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Pool{Max: true, Kernel: []int{3, 3}, Window: graph.Window{Pads: []int{1, 1, 1, 1}, Strides: []int{2, 2}}}, x)
		}, 4},
		"largest of all": {func(s *suffix, x *graph.Value) *graph.Value { return s.add(&graph.Pool{Max: true}, x) }, 4},
		"concat and slice": {func(s *suffix, x *graph.Value) *graph.Value {
			y := s.add(&graph.Slice{}, x, integers(1), integers(3), integers(1))
			x = s.add(&graph.Concat{Axis: 1}, s.conv(same, y, 3, 3, 2, 3), x, y)
			return s.add(&graph.Slice{}, x, integers(8), integers(0), integers(1), integers(-3))
		}, 3},
		"two halves": {func(s *suffix, x *graph.Value) *graph.Value {
			y := s.add(&graph.Slice{}, x, integers(0), integers(2), integers(1))
			z := s.add(&graph.Slice{}, x, integers(2), integers(4), integers(1))
			return s.add(&graph.Concat{Axis: 1}, s.add(&graph.Unary{Name: "Sigmoid"}, y), s.add(&graph.Unary{Name: "Tanh"}, z))
		}, 4},
		"pool beside a convolution": {func(s *suffix, x *graph.Value) *graph.Value {
			y := s.conv(same, x, 3, 3, 4, 3)
			z := s.add(&graph.Pool{Max: true, Kernel: []int{3, 3}, Window: pads(1, 1, 1, 1)}, x)
			return s.add(&graph.Concat{Axis: 1}, y, s.add(&graph.Unary{Name: "Tanh"}, z))
		}, 7},
		"the same weights on frozen values": {func(s *suffix, x *graph.Value) *graph.Value {
			w, b := s.add(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, s.parameter(3, 3, 3, 4)), s.parameter(4)
			image := s.Nodes[2].Out[0]
			for _, view := range []*graph.Value{image, s.add(&graph.Unary{Name: "Exp"}, image)} {
				y := s.add(&graph.Conv{Group: 1, Window: pads(1, 1, 1, 1)}, view, w, b)
				x = s.add(&graph.Binary{Name: "Mul"}, x, s.add(&graph.Unary{Name: "Sigmoid"}, y))
			}
			return x
		}, 4},
		"the same weights on maps of two sizes": {func(s *suffix, x *graph.Value) *graph.Value {
			w, b := s.add(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, s.parameter(3, 3, 4, 5)), s.parameter(5)
			dw, db := s.add(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, s.parameter(3, 3, 1, 5)), s.parameter(5)
			var both []*graph.Value
			for _, view := range []*graph.Value{x, s.add(&graph.Slice{}, x, integers(0, 1), integers(4, 6), integers(2, 3))} {
				y := clip(s, s.add(same, view, w, b), -0.3, 0.3)
				y = s.add(&graph.Conv{Group: 5, Window: pads(1, 1, 1, 1)}, y, dw, db)
				both = append(both, s.add(&graph.Flatten{Axis: 1}, s.add(&graph.Pool{}, y)))
			}
			return s.add(&graph.Unsqueeze{}, s.add(&graph.Concat{Axis: 1}, both...), integers(2, 3))
		}, 10},
		"padding": {func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Pad{Mode: "constant"}, x, integers(0, 0, 1, 2, 0, 0, 0, 1))
		}, 4},
		"shuffled channels": {func(s *suffix, x *graph.Value) *graph.Value {
			x = s.add(&graph.Transpose{Perm: []int{0, 2, 1, 3, 4}}, s.add(&graph.Reshape{}, x, integers(0, 2, 2, 6, 7)))
			return s.conv(same, s.add(&graph.Reshape{}, x, integers(0, 4, 6, 7)), 3, 3, 4, 2)
		}, 2},
		"leaky": {unary("LeakyRelu"), 4}, "exp": {unary("Exp"), 4}, "abs": {unary("Abs"), 4}, "neg": {unary("Neg"), 4},
	} {
		t.Run(name, func(t *testing.T) {
			s, x := newSuffix()
			x = test.build(s, s.conv(same, x, 3, 3, 3, 4))
			x = s.add(&graph.Unary{Name: "Tanh"}, s.conv(&graph.Conv{Group: 1}, x, 1, 1, test.channels, 3))
			train, err := s.train(workers, s.head(x, 3))
			if err != nil {
				t.Fatal(err)
			}
			s.checkGradients(t, train)
		})
	}
}

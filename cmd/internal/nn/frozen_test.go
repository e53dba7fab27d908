package nn

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// suffix builds graphs of which a part is trained: constants that are frozen,
// and inputs that are parameters.
type suffix struct {
	graph.Graph
	weights
}

func newSuffix() (*suffix, *graph.Value) {
	image := &graph.Value{Name: "image", Type: graph.Uint8, Declared: []int{-1, 6, 7, 3}}
	s := &suffix{Graph: graph.Graph{Inputs: []*graph.Value{image}}}
	x := s.add(&graph.Binary{Name: "Mul"}, s.add(&graph.Cast{To: graph.Float32}, image), s.constant([]int{1}, 1./255))
	return s, s.add(&graph.Transpose{Perm: []int{0, 3, 1, 2}}, x)
}

func (s *suffix) add(op graph.Op, in ...*graph.Value) *graph.Value {
	v := &graph.Value{Name: fmt.Sprint(op.Kind(), len(s.Nodes))}
	s.Nodes = append(s.Nodes, &graph.Node{Name: v.Name, Op: op, In: in, Out: []*graph.Value{v}})
	return v
}

// random are numbers that are the same for the same seed.
func random(seed uint64, size int) []float32 {
	data := make([]float32, size)
	for i := range data {
		data[i] = float32(rng.Float64(rng.At(seed, uint64(i)+1)) - 0.45)
	}
	return data
}

// constant adds numbers: random ones, if none are given.
func (s *suffix) constant(shape []int, data ...float32) *graph.Value {
	if data == nil {
		data = random(uint64(len(s.Nodes)), sizeOf(shape))
	}
	t := graph.FloatTensor(data, shape...)
	return &graph.Value{Name: "constant", Type: t.Type, Shape: graph.Fixed(shape), Const: t}
}

func (s *suffix) parameter(shape ...int) *graph.Value {
	v := &graph.Value{Name: fmt.Sprint("parameter", len(s.params)), Type: graph.Float32, Declared: shape}
	s.Inputs = append(s.Inputs, v)
	s.weights.add(model.Param{Name: v.Name, Shape: shape, Data: random(uint64(len(s.params))+100, sizeOf(shape))})
	return v
}

// conv adds a convolution of parameters, [KH,KW,C/Groups,M], in ONNX' layout.
func (s *suffix) conv(o *graph.Conv, x *graph.Value, shape ...int) *graph.Value {
	return s.add(o, x, s.add(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, s.parameter(shape...)), s.parameter(shape[3]))
}

func sizeOf(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

// train infers the shapes of the graph with logits, and makes the graph of a
// training step for a batch of three.
func (s *suffix) train(workers *kernel.Workers, logits *graph.Value) (*trainingGraph, error) {
	s.Outputs = []*graph.Value{logits}
	if err := s.Infer(nil); err != nil {
		return nil, err
	}
	return newTrainingGraph(workers, &bufferPool{}, &s.Graph, &s.weights, 3, &trainingState{seed: 1, step: 1})
}

// head adds logits of two classes to a map of channels.
func (s *suffix) head(x *graph.Value, channels int) *graph.Value {
	x = s.add(&graph.Flatten{Axis: 1}, s.add(&graph.Pool{}, x))
	return s.add(&graph.Gemm{Alpha: 1, Beta: 1}, x, s.parameter(channels, 1), s.parameter(1))
}

// TestFrozen trains what comes after operators that have no gradient, and
// compares the gradients with finite differences of the reference.
func TestFrozen(t *testing.T) {
	workers := kernel.NewWorkers(2)
	defer workers.Close()
	s, x := newSuffix()
	x = s.add(&graph.Conv{Group: 3, Window: graph.Window{Dilations: []int{2, 1}}}, x, s.constant([]int{6, 1, 2, 3}), s.constant([]int{6}))
	x = s.add(&graph.Unary{Name: "Sigmoid"}, x)
	x = s.add(&graph.Concat{Axis: 1}, x, s.add(&graph.Unary{Name: "Exp"}, x))
	frozen := s.add(&graph.Softmax{Axis: 1}, x)
	x = s.add(&graph.Unary{Name: "Relu"}, s.conv(&graph.Conv{Group: 1, Window: graph.Window{Pads: []int{1, 1, 1, 1}}}, frozen, 3, 3, 12, 5))
	// Twice the same parameters, and a value that three read.
	w, b := s.add(&graph.Transpose{Perm: []int{3, 2, 0, 1}}, s.parameter(1, 1, 5, 5)), s.parameter(5)
	y := s.add(&graph.Conv{Group: 1}, x, w, b)
	y = s.add(&graph.Binary{Name: "Add"}, y, x)
	y = s.add(&graph.Binary{Name: "Add"}, s.add(&graph.Conv{Group: 1}, y, w, b), x)
	// And a frozen summand.
	y = s.add(&graph.Binary{Name: "Add"}, y, s.add(&graph.Conv{Group: 1}, frozen, s.constant([]int{5, 12, 1, 1})))
	train, err := s.train(workers, s.head(y, 5))
	if err != nil {
		t.Fatal(err)
	}
	s.checkGradients(t, train)
}

// checkGradients compares the gradients with finite differences of the
// reference.
func (s *suffix) checkGradients(t *testing.T, train *trainingGraph) {
	t.Helper()
	images, labels := noise(&model.Network{Height: 6, Width: 7, Channels: 3, Classes: []string{"a", "b"}}, 3, 1)
	train.load(images)
	copy(train.labels, labels)
	copy(train.weights, []float32{1, 1, 1})
	for range 2 {
		if err := train.run(); err != nil {
			t.Fatal(err)
		}
	}

	inputs := map[string]*graph.Tensor{"image": graph.NewTensor(graph.Uint8, 3, 6, 7, 3)}
	for i, image := range images {
		for k, v := range image {
			inputs["image"].Ints[i*len(image)+k] = int64(v)
		}
	}
	for _, p := range s.params {
		inputs[p.Name] = graph.FloatTensor(p.Data, p.Shape...)
	}
	loss := func() float64 {
		out, err := s.Evaluate(inputs)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.
		for i, z := range out[s.Outputs[0].Name].Floats {
			sum += crossEntropy64([]float64{float64(z)}, labels[i]) / 3
		}
		return sum
	}
	if want := loss(); math.Abs(train.found.loss-want) > 1e-5 {
		t.Errorf("loss %v, want %v", train.found.loss, want)
	}
	const h = 2e-3
	for i, p := range s.params {
		v, err := train.params[i].Grad()
		if err != nil {
			t.Fatal(err)
		}
		got := floats(v)
		for k := 0; k < len(got); k += 1 + len(got)/20 {
			old := p.Data[k]
			p.Data[k] = old + h
			up := loss()
			p.Data[k] = old - h
			down := loss()
			p.Data[k] = old
			if want := (up - down) / (2 * h); math.Abs(float64(got[k])-want) > 2e-4+0.01*math.Abs(want) {
				t.Errorf("%s[%d]: gradient %v, want %v", p.Name, k, got[k], want)
			}
		}
	}
}

// TestNoGradient: what has no gradient cannot come after parameters, and is
// named when the graph is made.
func TestNoGradient(t *testing.T) {
	workers := kernel.NewWorkers(1)
	defer workers.Close()
	for want, build := range map[string]func(s *suffix, x *graph.Value) *graph.Value{
		"Gelu has no gradient": func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Unary{Name: "Gelu"}, s.add(&graph.Unary{Name: "Relu"}, x))
		},
		"Pow has no gradient": func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Binary{Name: "Pow"}, x, s.constant([]int{1}, 2))
		},
		"Softmax has no gradient": func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Softmax{Axis: 1}, x)
		},
		"Tile has no gradient": func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.Tile{}, x, integers(1, 1, 1, 2))
		},
		"MatMul has no gradient": func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.MatMul{}, x, s.add(&graph.Transpose{Perm: []int{0, 1, 3, 2}}, x))
		},
		"LayerNormalization has no gradient": func(s *suffix, x *graph.Value) *graph.Value {
			return s.add(&graph.LayerNormalization{Axis: 3}, x, s.constant([]int{5}))
		},
	} {
		s, x := newSuffix()
		x = build(s, s.conv(&graph.Conv{Group: 1}, x, 3, 3, 3, 4))
		node := s.Nodes[len(s.Nodes)-1].Name
		x = s.add(&graph.Flatten{Axis: 1}, s.add(&graph.Reduce{Name: "Mean"}, x, integers(1, 2, 3)))
		_, err := s.train(workers, s.add(&graph.Gemm{Alpha: 1, Beta: 1}, x, s.parameter(1, 1), s.parameter(1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		} else if !strings.Contains(err.Error(), node) {
			t.Errorf("%s: %v does not name node %s", want, err, node)
		}
	}
}

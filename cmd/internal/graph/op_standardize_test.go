package graph

import (
	"math"
	"testing"
)

// TestWeightStandardization: the weights of a channel have a mean of zero and,
// with its gain, the variance that keeps that of the input.
func TestWeightStandardization(t *testing.T) {
	raw, gain := NewTensor(Float32, 3, 3, 4, 2), FloatTensor([]float32{1, -0.5}, 2)
	for i := range raw.Floats {
		raw.Floats[i] = float32(i%7) + float32(i%2)*10
	}
	y := NewTensor(Float32, 3, 3, 4, 2)
	if err := new(WeightStandardization).eval([]*Tensor{raw, gain}, []*Tensor{y}); err != nil {
		t.Fatal(err)
	}
	for m, g := range gain.Floats {
		var sum, squares float64
		for i := m; i < y.Size(); i += 2 {
			sum += y.at(i)
			squares += y.at(i) * y.at(i)
		}
		if want := 2 * float64(g*g); math.Abs(sum) > 1e-5 || math.Abs(squares-want) > 1e-4 {
			t.Errorf("channel %d: sum %v, squares %v, want 0 and %v", m, sum, squares, want)
		}
	}
	describe := func(shape ...int) *info { return &info{Type: Float32, Shape: shape} }
	for _, in := range [][]*info{{describe(3, 3, 4, 2)}, {describe(3, 3, 4, 2), describe(4)}, {describe(9, 2), describe(2)}} {
		if _, err := new(WeightStandardization).infer(in, 1); err == nil {
			t.Errorf("%d inputs of shape %v were taken", len(in), in[0].Shape)
		}
	}
}

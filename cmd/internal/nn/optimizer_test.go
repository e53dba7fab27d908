package nn

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// fixedGrad is a parameter with a gradient that the test sets.
type fixedGrad struct{ value, grad *tensor.Dense }

func (f fixedGrad) Value() gorgonia.Value         { return f.value }
func (f fixedGrad) Grad() (gorgonia.Value, error) { return f.grad, nil }

// TestKerasRMSprop compares two steps with numbers worked out by hand from the
// formulas of Keras 2.2.4. With epsilon under the root, as in Keras 3, the
// first step of a gradient of 1e-4 would be 0.31 of the learning rate, not
// 3.15.
func TestKerasRMSprop(t *testing.T) {
	const lr = 0.0005
	tests := []struct {
		gradient   [2]float32
		steps      [2]float64 // in units of the learning rate
		average    float64    // after both
		resolution float64
	}{
		// sqrt(0.1*1e-8) = 3.16228e-5, 1e-4/3.17228e-5 = 3.15231; then
		// a = 0.9*1e-9 + 0.1*1e-8 = 1.9e-9, root 4.35890e-5.
		{[2]float32{1e-4, 1e-4}, [2]float64{3.15231, 2.28891}, 1.9e-9, 2e-4},
		// sqrt(0.1*4) = 0.632456, -2/0.632456 = -3.16228; then a =
		// 0.9*0.4 + 0.1*1 = 0.46, root 0.678233.
		{[2]float32{-2, 1}, [2]float64{-3.16228, 1.47442}, 0.46, 2e-4},
		{[2]float32{0, 0}, [2]float64{0, 0}, 0, 0},
	}
	workers := kernel.NewWorkers(1)
	defer workers.Close()
	for _, test := range tests {
		data := []float32{0}
		w := &weights{params: []model.Param{{Name: "w", Shape: []int{1}, Data: data}}}
		solver := newOptimizer(workers, Options{Rho: 0.9, Eps: 1e-7}.rule, &trainingState{}, w)
		solver.lr = lr
		for i, g := range test.gradient {
			before := data[0]
			value := tensor.New(tensor.WithShape(1), tensor.WithBacking(data))
			grad := tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{g}))
			if err := solver.Step([]gorgonia.ValueGrad{fixedGrad{value, grad}}); err != nil {
				t.Fatal(err)
			}
			if got := float64(before-data[0]) / lr; math.Abs(got-test.steps[i]) > test.resolution {
				t.Errorf("gradients %v, step %d: %v times the learning rate, want %v", test.gradient, i+1, got, test.steps[i])
			}
		}
		if got := float64(solver.slots[0][0][0]); math.Abs(got-test.average) > 1e-6*test.average+1e-29 {
			t.Errorf("gradients %v: average %v, want %v", test.gradient, got, test.average)
		}
	}
}

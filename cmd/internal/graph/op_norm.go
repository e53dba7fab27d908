package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// BatchNormalization is (x-mean)/sqrt(variance+Epsilon)*scale + bias for each
// channel, of the inputs x [N,C,...], scale, bias, mean and variance [C].
type BatchNormalization struct{ Epsilon float64 }

// Kind implements Op.
func (*BatchNormalization) Kind() string { return "BatchNormalization" }

func (o *BatchNormalization) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 5, 5); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in...); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("an input of shape %v", x)
	}
	for _, p := range in[1:] {
		if !slices.Equal(p.Shape, x[1:2]) {
			return nil, fmt.Errorf("parameters of shape %v for an input of shape %v", p.Shape, x)
		}
	}
	if v := in[4].Data; v != nil {
		if err := o.check(v); err != nil {
			return nil, err
		}
	}
	return single(outputs, Float32, x)
}

// check refuses a variance of which there is no root or no quotient.
func (o *BatchNormalization) check(variance *Tensor) error {
	for i, v := range variance.Floats {
		if sum := float64(v) + o.Epsilon; !(sum > 0) || math.IsInf(sum, 0) {
			return fmt.Errorf("channel %d has the variance %g, and epsilon is %g: the sum must be positive", i, v, o.Epsilon)
		}
	}
	return nil
}

// affine is the factor and the summand for each channel.
func (o *BatchNormalization) affine(scale, bias, mean, variance *Tensor) (factor, summand []float64) {
	for c := range scale.Floats {
		f := scale.at(c) / math.Sqrt(variance.at(c)+o.Epsilon)
		factor = append(factor, f)
		summand = append(summand, bias.at(c)-mean.at(c)*f)
	}
	return factor, summand
}

func (o *BatchNormalization) eval(in, out []*Tensor) error {
	if err := o.check(in[4]); err != nil {
		return err
	}
	factor, summand := o.affine(in[1], in[2], in[3], in[4])
	plane := sizeOf(in[0].Shape[2:])
	for i, v := range in[0].Floats {
		c := i / plane % len(factor)
		out[0].Floats[i] = float32(float64(v)*factor[c] + summand[c])
	}
	return nil
}

// LayerNormalization subtracts the mean over the axes from Axis on, divides by
// the root of the variance plus Epsilon, multiplies by the second input and
// adds the third, which is optional. The mean and the inverse root are
// outputs, too.
type LayerNormalization struct {
	Axis    int
	Epsilon float64
}

// Kind implements Op.
func (*LayerNormalization) Kind() string { return "LayerNormalization" }

func (o *LayerNormalization) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 3); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in...); err != nil {
		return nil, err
	}
	x := in[0].Shape
	axis, err := axisOf(o.Axis, len(x))
	if err != nil {
		return nil, err
	}
	for _, p := range in[1:] {
		if p == nil {
			continue
		}
		if shape, err := broadcast(x[axis:], p.Shape); err != nil || !slices.Equal(shape, x[axis:]) {
			return nil, fmt.Errorf("parameters of shape %v for the axes %v", p.Shape, x[axis:])
		}
	}
	if outputs > 3 {
		return nil, errOutputs
	}
	moments := slices.Clone(x)
	for i := axis; i < len(x); i++ {
		moments[i] = 1
	}
	return []info{{Type: Float32, Shape: x}, {Type: Float32, Shape: moments}, {Type: Float32, Shape: moments}}[:outputs], nil
}

func (o *LayerNormalization) eval(in, out []*Tensor) error {
	x, y := in[0], out[0]
	axis, err := axisOf(o.Axis, len(x.Shape))
	if err != nil {
		return err
	}
	part := x.Shape[axis:]
	n := sizeOf(part)
	scale := expand(in[1], part)
	var bias *Tensor
	if b := optional(in, 2); b != nil {
		bias = expand(b, part)
	}
	for g := 0; n > 0 && g*n < x.Size(); g++ {
		row := x.Floats[g*n:][:n]
		var mean, variance float64
		for _, v := range row {
			mean += float64(v)
		}
		mean /= float64(n)
		for _, v := range row {
			variance += (float64(v) - mean) * (float64(v) - mean)
		}
		inverse := 1 / math.Sqrt(variance/float64(n)+o.Epsilon)
		for i, v := range row {
			z := (float64(v) - mean) * inverse * scale.at(i)
			if bias != nil {
				z += bias.at(i)
			}
			y.Floats[g*n+i] = float32(z)
		}
		for k, v := range []float64{mean, inverse} {
			if k+1 < len(out) {
				out[k+1].set(g, v)
			}
		}
	}
	return nil
}

// expand repeats a tensor to a larger shape.
func expand(t *Tensor, shape []int) *Tensor {
	y := NewTensor(t.Type, shape...)
	copyStrided(whole(y), strided{t, 0, broadcastStrides(t.Shape, shape)}, shape)
	return y
}

// Softmax is that over one axis, or, where Flat is set, over all axes from Axis
// on as if they were one.
type Softmax struct {
	Axis int
	Flat bool
}

// Kind implements Op.
func (*Softmax) Kind() string { return "Softmax" }

func (o *Softmax) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in[0]); err != nil {
		return nil, err
	}
	if _, err := axisOf(o.Axis, len(in[0].Shape)); err != nil {
		return nil, err
	}
	return single(outputs, Float32, in[0].Shape)
}

func (o *Softmax) eval(in, out []*Tensor) error {
	x, y := in[0].Floats, out[0].Floats
	axis, err := axisOf(o.Axis, len(in[0].Shape))
	if err != nil {
		return err
	}
	n, step := in[0].Shape[axis], sizeOf(in[0].Shape[axis+1:])
	if o.Flat {
		n, step = n*step, 1
	}
	for first := range x {
		if first/step%n != 0 {
			continue // not the first element of its row
		}
		most, sum := math.Inf(-1), 0.0
		for k := range n {
			most = max(most, float64(x[first+k*step]))
		}
		for k := range n {
			sum += math.Exp(float64(x[first+k*step]) - most)
		}
		for k := range n {
			y[first+k*step] = float32(math.Exp(float64(x[first+k*step])-most) / sum)
		}
	}
	return nil
}

// Reduce is the Mean, Sum, Max, Min or Prod over the axes that the second input
// lists; over all of them where it is absent or empty, or over none with Noop.
type Reduce struct {
	Name string // without "Reduce"
	Keep bool   // the axes remain, as 1
	Noop bool
}

// Kind implements Op.
func (o *Reduce) Kind() string { return "Reduce" + o.Name }

// axes reports for every axis of the input whether it goes.
func (o *Reduce) axes(rank int, list []int) ([]bool, error) {
	chosen, err := axesOf(list, rank)
	if err != nil || len(list) > 0 || o.Noop {
		return chosen, err
	}
	return slices.Repeat([]bool{true}, rank), nil
}

func (o *Reduce) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 2); err != nil {
		return nil, err
	}
	x := in[0]
	if x.Type == Bool || o.Name == "Mean" && x.Type != Float32 {
		return nil, fmt.Errorf("an input is %v", x.Type)
	}
	var list []int
	if a := optional(in, 1); a != nil {
		var err error
		if list, err = a.integers(); err != nil {
			return nil, err
		}
	}
	chosen, err := o.axes(len(x.Shape), list)
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for i, d := range x.Shape {
		switch {
		case !chosen[i]:
			shape = append(shape, d)
		case d == 0 && o.Name != "Sum" && o.Name != "Prod":
			return nil, errors.New("an input without elements")
		case o.Keep:
			shape = append(shape, 1)
		}
	}
	return single(outputs, x.Type, shape)
}

func (o *Reduce) eval(in, out []*Tensor) error {
	x, y := in[0], out[0]
	var list []int
	if a := optional(in, 1); a != nil {
		list = integersOf(a)
	}
	chosen, err := o.axes(len(x.Shape), list)
	if err != nil {
		return err
	}
	kept := slices.Clone(x.Shape)
	for i := range kept {
		if chosen[i] {
			kept[i] = 1
		}
	}
	into := broadcastStrides(kept, x.Shape) // 0 along the axes that go
	sums := make([]float64, y.Size())
	seen := make([]bool, y.Size())
	if o.Name == "Prod" {
		sums = slices.Repeat([]float64{1}, y.Size())
	}
	n, s := lastOf(x.Shape, 1), lastOf(into, 0)
	eachRow(x.Shape, [][]int{stridesOf(x.Shape), into}, func(at []int) {
		for k := range n {
			v, to := x.at(at[0]+k), at[1]+k*s
			switch {
			case o.Name == "Mean" || o.Name == "Sum":
				sums[to] += v
			case o.Name == "Prod":
				sums[to] *= v
			case !seen[to]:
				sums[to] = v
			case o.Name == "Max":
				sums[to] = max(sums[to], v)
			case o.Name == "Min":
				sums[to] = min(sums[to], v)
			}
			seen[to] = true
		}
	})
	for i, v := range sums {
		if o.Name == "Mean" {
			v /= float64(x.Size() / y.Size())
		}
		y.set(i, v)
	}
	return nil
}

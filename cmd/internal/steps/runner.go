package steps

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
)

// Runner has the memory of a program, and computes its steps in it. It is for
// one goroutine at a time.
type Runner struct {
	Program *lower.Program
	Workers *kernel.Workers // may be exchanged between two runs

	memory []float32 // of the program

	// What steps compute that has no place in memory: integers. Inputs,
	// too.
	tensors map[*lower.Buffer]*graph.Tensor
	bytes   map[*lower.Buffer][]byte // inputs that are bytes

	turned []float32 // weights of a convolution while it is compiled
	packs  Packs

	parameters Parameters // where inputs are such
	places     []byte     // of the largest in windows, which nobody reads
}

// Packs is the packed weights of a [*lower.Conv] or [*lower.Dense], if they do
// not change. Runners of one program share them.
type Packs map[lower.Step]any

// Parameters are the inputs of a program that are weights: their memory belongs
// to somebody else, who may change them between two runs. The zero value is
// none.
type Parameters struct {
	Data    map[*lower.Buffer][]float32
	Version *uint64 // changes with the numbers
}

// New returns what runs a program in memory, which has at least as many numbers
// as the program needs. It takes packed weights from packs, and adds those that
// it packs.
func New(workers *kernel.Workers, p *lower.Program, memory []float32, parameters Parameters, packs Packs) *Runner {
	return &Runner{
		Program: p, Workers: workers, memory: memory, parameters: parameters, packs: packs,
		tensors: map[*lower.Buffer]*graph.Tensor{}, bytes: map[*lower.Buffer][]byte{},
	}
}

// CompileAll gives the functions that compute the steps of the program, in
// their order. Each computes its step for n pictures, up to the batch of the
// program, of what the inputs and the steps before have left in memory.
func (r *Runner) CompileAll() ([]func(n int) error, error) {
	list := make([]func(n int) error, len(r.Program.Steps))
	for i, step := range r.Program.Steps {
		var err error
		if list[i], err = r.Compile(step); err != nil {
			return nil, fmt.Errorf("node %q: %w", step.Name(), err)
		}
	}
	r.turned = nil
	return list, nil
}

// SetInputs takes the inputs of the next run.
func (r *Runner) SetInputs(inputs []*graph.Tensor) {
	clear(r.tensors)
	clear(r.bytes)
	for i, v := range r.Program.Inputs {
		r.tensors[v.Buffer] = inputs[i]
	}
}

// SetBytes takes the first inputs of the next run, which are all but those that
// are parameters.
func (r *Runner) SetBytes(inputs ...[]byte) {
	clear(r.tensors)
	clear(r.bytes)
	for i, bytes := range inputs {
		r.bytes[r.Program.Inputs[i].Buffer] = bytes
	}
}

// Floats is the memory of a value for n pictures.
func (r *Runner) Floats(v *lower.Value, n int) []float32 {
	b := v.Buffer
	if b.Const != nil {
		return b.Const.Floats
	}
	if t := r.tensors[b]; t != nil {
		return t.Floats
	}
	if data := r.parameters.Data[b]; data != nil {
		return data
	}
	size := v.Size(n)
	return r.memory[b.Offset:][:size:size]
}

// Tensor is a value, whose axes are in their order in memory, as a tensor.
func (r *Runner) Tensor(v *lower.Value, n int) *graph.Tensor {
	b := v.Buffer
	t := &graph.Tensor{Type: v.Type(), Shape: v.Dims(n)}
	switch {
	case b.ShapeOnly:
	case v.Type() == graph.Float32:
		t.Floats = r.Floats(v, n)
	case b.Const != nil:
		t.Ints = b.Const.Ints
	case r.tensors[b] != nil:
		t.Ints = r.tensors[b].Ints
	default: // an input of bytes
		t.Ints = make([]int64, len(r.bytes[b]))
		for i, v := range r.bytes[b] {
			t.Ints[i] = int64(v)
		}
	}
	return t
}

// input is the bytes of a value that is an input.
func (r *Runner) input(v *lower.Value) []byte {
	t := r.tensors[v.Buffer]
	if t == nil {
		return r.bytes[v.Buffer]
	}
	bytes := make([]byte, len(t.Ints))
	for i, v := range t.Ints {
		bytes[i] = byte(v)
	}
	return bytes
}

package nn

import (
	"gorgonia.org/tensor"
)

// memory is what the operations of plans compute into. Plans that never run at the same time share one: nothing in it has to
// outlast a run.
type memory struct{ buffers [][]float32 }

// room hands out the buffers of a memory to one plan.
type room struct {
	memory *memory
	taken  []bool // of memory.buffers
}

// dense returns a tensor in the smallest free buffer that it fits in, or a new one. Its contents are undefined.
func (r *room) dense(shape ...int) *tensor.Dense {
	size := tensor.Shape(shape).TotalSize()
	best := -1
	for i, b := range r.memory.buffers {
		if i == len(r.taken) {
			r.taken = append(r.taken, false)
		}
		if !r.taken[i] && len(b) >= size && (best < 0 || len(b) < len(r.memory.buffers[best])) {
			best = i
		}
	}
	if best < 0 {
		best = len(r.memory.buffers)
		r.memory.buffers = append(r.memory.buffers, make([]float32, size))
		r.taken = append(r.taken, false)
	}
	r.taken[best] = true
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(r.memory.buffers[best][:size:size]))
}

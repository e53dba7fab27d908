package nn

import (
	"gorgonia.org/tensor"
)

// bufferPool is the memory that the operations of graphs compute into. Graphs
// that never run at the same time share one: nothing in it has to outlast a
// run.
type bufferPool struct{ buffers [][]float32 }

// arena hands out the buffers of a bufferPool to one graph.
type arena struct {
	buffers *bufferPool
	taken   []bool // of buffers.buffers
}

// tensor returns a tensor in the smallest free buffer that it fits in, or a new
// one. Its contents are undefined.
func (r *arena) tensor(shape ...int) *tensor.Dense {
	size := tensor.Shape(shape).TotalSize()
	best := -1
	for i, b := range r.buffers.buffers {
		if i == len(r.taken) {
			r.taken = append(r.taken, false)
		}
		if !r.taken[i] && len(b) >= size && (best < 0 || len(b) < len(r.buffers.buffers[best])) {
			best = i
		}
	}
	if best < 0 {
		best = len(r.buffers.buffers)
		r.buffers.buffers = append(r.buffers.buffers, make([]float32, size))
		r.taken = append(r.taken, false)
	}
	r.taken[best] = true
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(r.buffers.buffers[best][:size:size]))
}

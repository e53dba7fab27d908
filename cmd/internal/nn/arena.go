package nn

// bufferPool is the memory that the operations of graphs compute into. Graphs
// that never run at the same time share one: nothing in it has to outlast a
// run.
type bufferPool struct{ buffers [][]float32 }

// arena hands out the buffers of a bufferPool to one graph.
type arena struct {
	buffers *bufferPool
	taken   []bool // of buffers.buffers
}

// floats is the memory of a tensor.
func (a *arena) floats(size int) []float32 {
	best := -1
	for i, b := range a.buffers.buffers {
		if i == len(a.taken) {
			a.taken = append(a.taken, false)
		}
		if !a.taken[i] && len(b) >= size && (best < 0 || len(b) < len(a.buffers.buffers[best])) {
			best = i
		}
	}
	if best < 0 {
		best = len(a.buffers.buffers)
		a.buffers.buffers = append(a.buffers.buffers, make([]float32, size))
		a.taken = append(a.taken, false)
	}
	a.taken[best] = true
	return a.buffers.buffers[best][:size:size]
}

package lower

import (
	"fmt"
	"slices"
	"sort"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// program finishes the plan.
func (p *planner) program(batch int) (*Program, error) {
	r := &Program{Steps: p.steps, most: MaxMemory}
	if p.training {
		r.keep, r.most = true, MaxMemory*batch
	}
	for _, v := range p.graph.Inputs {
		r.Inputs = append(r.Inputs, p.values[v])
	}
	for _, v := range p.graph.Outputs {
		y := p.value(v)
		if y == nil {
			return nil, fmt.Errorf("output %q is computed by no node", v.Name)
		}
		r.Outputs = append(r.Outputs, p.inOrder(y, plain(len(y.Shape))))
	}
	if p.err != nil {
		return nil, p.err
	}
	r.Steps = p.steps
	r.removeUnused()
	r.fuseSeparable()
	if err := r.checkPacked(p.constants); err != nil {
		return nil, err
	}
	for _, s := range r.Steps {
		if s, ok := s.(*Scale); ok {
			s.round()
		}
	}
	for r.Batch = batch; ; r.Batch = (r.Batch + 1) / 2 {
		size := r.allocate()
		switch {
		case size <= comfort || (r.Batch == 1 || p.training) && size <= r.most:
			return r, nil
		case r.Batch == 1 || p.training:
			return nil, fmt.Errorf("the graph needs memory for %d numbers, at most %d are allowed", size, r.most)
		}
	}
}

// Shrink plans the memory anew, for at most batch pictures, which are no more
// than before.
func (r *Program) Shrink(batch int) error {
	if batch < 1 || batch > r.Batch {
		return fmt.Errorf("a batch of %d: from 1 to %d were expected", batch, r.Batch)
	}
	r.Batch = batch
	r.allocate()
	return nil
}

// round makes float32 of the factors and offsets.
func (s *Scale) round() {
	for i, f := range s.factor {
		s.Factor = append(s.Factor, float32(f))
		s.Offset = append(s.Offset, float32(s.offset[i]))
	}
}

// removeUnused drops steps that make nothing that is read.
func (r *Program) removeUnused() {
	used := map[*Buffer]bool{}
	for _, v := range r.Outputs {
		used[v.Buffer] = true
	}
	var kept []Step
	for _, s := range slices.Backward(r.Steps) {
		if !slices.ContainsFunc(s.writes(), func(v *Value) bool { return used[v.Buffer] }) {
			continue
		}
		for _, v := range s.reads() {
			used[v.Buffer] = true
		}
		kept = append(kept, s)
	}
	slices.Reverse(kept)
	r.Steps = kept
}

// alignment of buffers, in elements: 64 bytes.
const alignment = 16

// life is from the step that makes a buffer to the last that reads it.
type life struct {
	buffer      *Buffer
	first, last int
}

// lives gives the lives of the buffers that steps make, in the order in which
// they begin. Outputs live to the end, and so do all if they are to be kept.
func (r *Program) lives() []*life {
	var list []*life
	of := map[*Buffer]*life{}
	for i, s := range r.Steps {
		for _, v := range s.writes() {
			l := &life{v.Buffer, i, i}
			if r.keep {
				l.last = len(r.Steps)
			}
			of[v.Buffer], list = l, append(list, l)
		}
		for _, v := range s.reads() {
			if l := of[v.Buffer]; l != nil {
				l.last = max(l.last, i)
			}
		}
	}
	for _, v := range r.Outputs {
		if l := of[v.Buffer]; l != nil {
			l.last = len(r.Steps)
		}
	}
	return list
}

// allocate places the buffers for the batch, and returns how many elements they
// need, with what the step that needs most of it has for itself. Integers have
// no place, but count. Each buffer takes the smallest gap between those that
// live.
func (r *Program) allocate() int {
	own := 0
	for _, s := range r.Steps {
		own = max(own, scratch(s, r.Batch))
	}
	if own > r.most {
		return own
	}
	others := own
	top := 0
	var live []*life // by offset
	for _, l := range r.lives() {
		size := l.buffer.size(r.Batch)
		if size > r.most {
			return size
		}
		if l.buffer.Type != graph.Float32 {
			others += 2 * size
			continue
		}
		live = slices.DeleteFunc(live, func(o *life) bool { return o.last < l.first })
		best, room, at := -1, 0, 0
		for _, o := range append(slices.Clone(live), &life{buffer: &Buffer{Offset: top}}) {
			gap := o.buffer.Offset - at
			if gap >= size && (best < 0 || gap < room) {
				best, room = at, gap
			}
			if o.buffer.size != nil {
				at = o.end(r.Batch)
			}
		}
		if best < 0 {
			best = at
		}
		l.buffer.Offset = best
		top = max(top, l.end(r.Batch))
		if top+others > r.most {
			return top + others
		}
		place := sort.Search(len(live), func(i int) bool { return live[i].buffer.Offset > best })
		live = slices.Insert(live, place, l)
	}
	r.Memory = top
	return top + others
}

// end is the offset after a buffer.
func (l *life) end(batch int) int {
	return (l.buffer.Offset + l.buffer.size(batch) + alignment - 1) / alignment * alignment
}

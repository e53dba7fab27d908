package nn

import (
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
)

// parameters are the inputs of a program that are weights: their memory belongs
// to somebody else, who may change them between two runs.
type parameters struct {
	data    map[*lower.Buffer][]float32
	version *uint64 // changes with the numbers
}

// newParameters are those of the program of a network: its inputs after the
// first.
func newParameters(p *lower.Program, w *weights) parameters {
	data := map[*lower.Buffer][]float32{}
	for i, v := range p.Inputs[1:] {
		data[v.Buffer] = w.params[i].Data
	}
	return parameters{data, &w.version}
}

// repacking gives a function that packs what stands in place of constants,
// before a step reads it, unless that was done and nothing has changed since.
func (s *stepGraph) repacking(p lower.Parameters, pack func(ws *kernel.Workers, w, b []float32)) func(n int) {
	if p.W == nil {
		return func(int) {}
	}
	given := s.data[p.W.Buffer] != nil && (p.B == nil || s.data[p.B.Buffer] != nil)
	done, version := false, uint64(0)
	return func(n int) {
		if given {
			if done && version == *s.version {
				return
			}
			done, version = true, *s.version
		}
		pack(s.workers, s.floats(p.W, n), s.optional(p.B, n))
	}
}

package nn

import (
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// newParameters are those of the program of a network: its inputs after the
// first.
func newParameters(p *lower.Program, w *weights) steps.Parameters {
	data := map[*lower.Buffer][]float32{}
	for i, v := range p.Inputs[1:] {
		data[v.Buffer] = w.params[i].Data
	}
	return steps.Parameters{Data: data, Version: &w.version}
}

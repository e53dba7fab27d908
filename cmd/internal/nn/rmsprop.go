package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// rmsProp is a gorgonia.Solver: the RMSprop of Keras 2.2.4. Gorgonia's own adds epsilon under the root.
type rmsProp struct {
	pool     *kernel.Pool
	rule     kernel.RMSProp
	averages [][]float32
}

var _ gorgonia.Solver = (*rmsProp)(nil)

// newRMSProp starts with averages of zero for the parameters.
func newRMSProp(pool *kernel.Pool, rule kernel.RMSProp, w *weights) *rmsProp {
	s := &rmsProp{pool: pool, rule: rule}
	for _, p := range w.net.Params {
		s.averages = append(s.averages, make([]float32, len(p.Data)))
	}
	return s
}

// Step implements gorgonia.Solver. The parameters must come in the order of the network.
func (s *rmsProp) Step(params []gorgonia.ValueGrad) error {
	if len(params) != len(s.averages) {
		return fmt.Errorf("%d parameters for an optimiser of %d", len(params), len(s.averages))
	}
	for i, p := range params {
		gradient, err := p.Grad()
		if err != nil {
			return err
		}
		s.rule.Update(s.pool, floats(p.Value()), s.averages[i], floats(gradient))
	}
	return nil
}

func (s *rmsProp) snapshot() [][]float32 {
	averages := make([][]float32, len(s.averages))
	for i, a := range s.averages {
		averages[i] = slices.Clone(a)
	}
	return averages
}

func (s *rmsProp) restore(averages [][]float32) error {
	if len(averages) != len(s.averages) {
		return fmt.Errorf("the state of another network: %d tensors, not %d", len(averages), len(s.averages))
	}
	for i, a := range averages {
		if len(a) != len(s.averages[i]) {
			return fmt.Errorf("the state of another network: tensor %d has %d numbers, not %d", i+1, len(a), len(s.averages[i]))
		}
	}
	for i, a := range averages {
		copy(s.averages[i], a)
	}
	return nil
}

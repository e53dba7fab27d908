package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// rule is how an optimiser changes weights.
type rule interface {
	// slots names what is remembered of every weight, each a number that
	// starts at zero.
	slots() []string
	// update changes w and its slots for the gradient g. steps count from
	// 1. decay is the share of the weights that the learning rate
	// multiplies.
	update(ws *kernel.Workers, w, g []float32, slots [][]float32, step uint64, lr, decay float64)
}

// rmsProp is the RMSprop of Keras 2.2.4. Gorgonia's own adds epsilon under the
// root.
type rmsProp struct{ rho, eps float64 }

func (rmsProp) slots() []string { return []string{"square"} }

func (r rmsProp) update(ws *kernel.Workers, w, g []float32, slots [][]float32, _ uint64, lr, _ float64) {
	kernel.RMSProp{LR: lr, Rho: r.rho, Eps: r.eps}.Update(ws, w, slots[0], g)
}

type adam struct{ beta1, beta2, eps float64 }

func (adam) slots() []string { return []string{"mean", "square"} }

func (a adam) update(ws *kernel.Workers, w, g []float32, slots [][]float32, step uint64, lr, decay float64) {
	kernel.Adam{LR: lr, Beta1: a.beta1, Beta2: a.beta2, Eps: a.eps, WeightDecay: decay}.Update(ws, w, slots[0], slots[1], g, step)
}

type sgd struct{ momentum float64 }

func (sgd) slots() []string { return []string{"momentum"} }

func (s sgd) update(ws *kernel.Workers, w, g []float32, slots [][]float32, _ uint64, lr, decay float64) {
	kernel.SGD{LR: lr, Momentum: s.momentum, WeightDecay: decay}.Update(ws, w, slots[0], g)
}

// muon is for the weights of a convolution.
type muon struct {
	rows, cols int
	momentum   float64
}

func (muon) slots() []string { return []string{"momentum"} }

func (m muon) update(ws *kernel.Workers, w, g []float32, slots [][]float32, _ uint64, lr, decay float64) {
	kernel.Muon{Rows: m.rows, Cols: m.cols, LR: lr, Momentum: m.momentum, WeightDecay: decay}.Update(ws, w, slots[0], g)
}

// optimizer is a gorgonia.Solver that follows rules.
type optimizer struct {
	workers   *kernel.Workers
	lr, decay float64
	state     *trainingState // which counts the steps
	params    []model.Param
	rules     []rule        // of each parameter
	slots     [][][]float32 // of each parameter
	matrices  []int         // parameters that muon changes, those of most work first
	others    []int
}

var _ gorgonia.Solver = (*optimizer)(nil)

func newOptimizer(workers *kernel.Workers, ruleOf func(model.Param) rule, state *trainingState, w *weights) *optimizer {
	o := &optimizer{workers: workers, state: state, params: w.params}
	for _, p := range w.params {
		r := ruleOf(p)
		slots := make([][]float32, len(r.slots()))
		for k := range slots {
			slots[k] = make([]float32, len(p.Data))
		}
		o.rules, o.slots = append(o.rules, r), append(o.slots, slots)
	}
	for i, r := range o.rules {
		if _, ok := r.(muon); ok {
			o.matrices = append(o.matrices, i)
		} else {
			o.others = append(o.others, i)
		}
	}
	work := func(i int) int { m := o.rules[i].(muon); return m.rows * m.cols * m.cols }
	slices.SortStableFunc(o.matrices, func(a, b int) int { return work(b) - work(a) })
	return o
}

// Step implements gorgonia.Solver. The parameters must come in the order of the
// weights. What has one dimension, biases and gains, does not decay: it has no
// scale that could be lost.
func (o *optimizer) Step(params []gorgonia.ValueGrad) error {
	if len(params) != len(o.params) {
		return fmt.Errorf("%d parameters for an optimiser of %d", len(params), len(o.params))
	}
	gradients := make([][]float32, len(params))
	for i, p := range params {
		gradient, err := p.Grad()
		if err != nil {
			return err
		}
		gradients[i] = floats(gradient)
	}
	update := func(i int, ws *kernel.Workers) {
		decay := o.decay
		if len(o.params[i].Shape) < 2 {
			decay = 0
		}
		o.rules[i].update(ws, floats(params[i].Value()), gradients[i], o.slots[i], o.state.step, o.lr, decay)
	}
	for _, i := range o.others {
		update(i, o.workers)
	}
	// A matrix is some fifty phases of microseconds, which are slower on
	// several threads than the matrices side by side.
	o.workers.Each(len(o.matrices), func(k int, alone *kernel.Workers) { update(o.matrices[k], alone) })
	return nil
}

// tensors are the slots by name, in memory that they share: the first of each
// parameter, then the second.
func (o *optimizer) tensors() []model.Param {
	var tensors []model.Param
	for k, more := 0, true; more; k++ {
		more = false
		for i, p := range o.params {
			if names := o.rules[i].slots(); k < len(names) {
				tensors = append(tensors, model.Param{Name: names[k] + "/" + p.Name, Shape: p.Shape, Data: o.slots[i][k]})
				more = true
			}
		}
	}
	return tensors
}

package nn

import (
	"errors"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// Tuner changes parameters of any graph, batch by batch, as a [Trainer] does
// those of a network.
type Tuner struct {
	training
	row     int // numbers of a picture
	classes int
}

// NewTuner prepares to train the parameters of a graph that
// [graph.Graph.Simplify] has simplified. Its first input is float32 [N,...], the
// others are the parameters, each of its fixed shape, and its only output is
// logits [N,K]. The parameters are copied. A step that depends on them and has
// no gradient is an error that names it. Options.WeightStandardization and
// Options.Teacher are for networks only. Close releases the threads.
func NewTuner(g *graph.Graph, params []model.Param, o Options) (*Tuner, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	in, out := g.Inputs[0], g.Outputs[0]
	switch {
	case o.WeightStandardization:
		return nil, errors.New("train: a graph whose weights are to be standardized")
	case o.Teacher != Distillation{}:
		return nil, errors.New("train: a graph that is to have a teacher")
	case len(g.Inputs) != 1+len(params):
		return nil, fmt.Errorf("train: %d parameters for a graph of %d inputs", len(params), len(g.Inputs))
	case in.Type != graph.Float32 || len(out.Shape) != 2 || !out.Shape[1].Fixed():
		return nil, fmt.Errorf("train: a graph that takes %v and gives %s", in.Type, graph.ShapeString(out.Shape))
	}
	t := &Tuner{row: row(in), classes: out.Shape[1].Const}
	w := &weights{}
	w.add(cloneParams(params)...)
	if err := t.start(o, w, g); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return t, nil
}

// Step trains on one batch of 1 to Options.Batch pictures, as [Trainer.Step]
// does. x has what the graph takes of each, [n,...].
func (t *Tuner) Step(x []float32, labels []int, weights []float32) (loss float64, correct int, err error) {
	n := len(labels)
	err = t.check(n, labels, weights, t.classes)
	switch bad := kernel.FirstNonFinite(x); {
	case err != nil:
	case len(x) != n*t.row:
		err = fmt.Errorf("%d numbers for %d pictures of %d", len(x), n, t.row)
	case bad >= 0:
		err = fmt.Errorf("picture %d of the batch: %v", bad/t.row+1, x[bad])
	}
	if err != nil {
		return 0, 0, fmt.Errorf("train: %w", err)
	}
	return t.step(n, func(cg *trainingGraph) { copy(cg.numbers, x) }, labels, weights)
}

// Params returns a copy of the parameters as they are to be used: the averages,
// with Options.EMADecay.
func (t *Tuner) Params() []model.Param {
	if t.ema != nil {
		return cloneParams(t.ema)
	}
	return cloneParams(t.weights.params)
}

// Options are those of the Tuner, with the defaults, but for Threads.
func (t *Tuner) Options() Options {
	o := t.options
	o.Threads = 0
	return o
}

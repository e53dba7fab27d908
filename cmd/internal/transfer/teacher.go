package transfer

import (
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// Teacher answers for pictures, and shows the features that its answers are made
// of.
type Teacher struct {
	// Features is the shape of those that are shown, zero where none are.
	Features model.FeatureMap

	predictor *nn.GraphPredictor
}

// NewTeacher prepares the graph of a classifier, as [Classifier] has it, of so
// many answers, for a student whose features are of a shape, zero where it
// cannot learn any. The features are what the last linear layer reads. Where that
// is a mean over places they are shown before it, at the finest grid that divides
// the places of both evenly, as means over those that come to one. The graph is
// not changed. Close releases the threads.
func NewTeacher(of *graph.Graph, answers int, student model.FeatureMap, batch, threads int) (*Teacher, error) {
	g := of.Clone()
	t := &Teacher{}
	if student != (model.FeatureMap{}) {
		t.show(g, answers, student)
	}
	if err := g.Simplify(nil); err != nil {
		return nil, err
	}
	e, err := nn.NewEvaluator(g, nn.EvaluatorOptions{Batch: batch, Threads: threads})
	if err != nil {
		return nil, err
	}
	t.predictor = nn.NewGraphPredictor(e, answers)
	return t, nil
}

// show makes the features the second output of the graph.
func (t *Teacher) show(g *graph.Graph, answers int, student model.FeatureMap) {
	var e ending
	makers := g.Makers()
	dense, err := e.findDense(makers, g.Outputs[0], answers)
	if err != nil {
		return // answers alone
	}
	v := dense.In[0]
	t.Features = model.FeatureMap{Height: 1, Width: 1, Channels: len(e.weights) / len(e.bias)}
	if maps, err := e.findMean(makers, v); err == nil {
		t.Features = model.FeatureMap{Height: commonDivisor(e.Height, student.Height), Width: commonDivisor(e.Width, student.Width), Channels: e.channels}
		v = t.places(g, maps, e)
	}
	if v.Name == "" {
		v.Name = "features"
	}
	g.Outputs = append(g.Outputs[:1:1], v)
}

// places adds to the graph what divides the maps among the places of the
// features, [N,Height,Width,Channels].
func (t *Teacher) places(g *graph.Graph, v *graph.Value, e ending) *graph.Value {
	add := func(op graph.Op) {
		next := &graph.Value{Type: graph.Float32}
		g.Nodes = append(g.Nodes, &graph.Node{Op: op, In: []*graph.Value{v}, Out: []*graph.Value{next}})
		v = next
	}
	if e.last {
		add(&graph.Transpose{Perm: []int{0, 3, 1, 2}})
	}
	window := []int{e.Height / t.Features.Height, e.Width / t.Features.Width}
	add(&graph.Pool{Kernel: window, Window: graph.Window{Strides: window}})
	add(&graph.Transpose{Perm: []int{0, 2, 3, 1}})
	return v
}

// commonDivisor is the greatest of two numbers above 0.
func commonDivisor(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// Close releases the threads.
func (t *Teacher) Close() { t.predictor.Close() }

// Ask returns for each picture a row of probabilities, and if it shows features
// a row of these, [Height][Width][Channels]. A number that is none is an error.
func (t *Teacher) Ask(images [][]byte) (answers, features [][]float32, err error) {
	if t.Features == (model.FeatureMap{}) {
		answers, err = t.predictor.Predict(images)
		return answers, nil, err
	}
	return t.predictor.PredictAndShow(images, t.Features.Size())
}

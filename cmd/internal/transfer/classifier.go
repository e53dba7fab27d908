package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// Classifier is a network that answers for pictures.
type Classifier struct {
	// Graph takes uint8 [N,Side,Side,3] as "image" and gives float32
	// [N,Answers] as "probabilities". It is simplified.
	Graph *graph.Graph

	Side    int
	Context int // the side of the second view, its input "context"; 0 where there is none
	Answers int
	// Output says in words which output of the file these are, and what is
	// done to it.
	Output string
	// DeclaredSide is that of the file where it is another than Side, else 0.
	DeclaredSide int
}

// ParseGraph reads the graph of a model, simplified.
func ParseGraph(file []byte) (*graph.Graph, error) {
	m, err := onnx.Parse(file)
	if err != nil {
		return nil, err
	}
	return m.Graph, m.Graph.Simplify(nil)
}

// ParseClassifier reads a model that [Backbone.Encode] made.
func ParseClassifier(file []byte) (*Classifier, error) {
	g, err := ParseGraph(file)
	if err != nil {
		return nil, err
	}
	twoViews := len(g.Inputs) == 2 && g.Inputs[0].Name == inputName && g.Inputs[1].Name == contextName
	if len(g.Inputs) != 1 && !twoViews || len(g.Outputs) != 1 {
		return nil, errors.New("it has several inputs or outputs")
	}
	for _, in := range g.Inputs {
		if in.Type != graph.Uint8 || len(in.Shape) != 4 || in.Shape[1] != in.Shape[2] || !in.Shape[1].Fixed() || in.Shape[3].Const != channels {
			return nil, fmt.Errorf("its input is %v of shape %s", in.Type, graph.ShapeString(in.Shape))
		}
	}
	out := g.Outputs[0]
	if len(out.Shape) != 2 || !out.Shape[1].Fixed() {
		return nil, fmt.Errorf("its output is of shape %s", graph.ShapeString(out.Shape))
	}
	c := &Classifier{Graph: g, Side: g.Inputs[0].Shape[1].Const, Answers: out.Shape[1].Const, Output: "the probabilities"}
	if twoViews {
		c.Context = g.Inputs[1].Shape[1].Const
	}
	return c, nil
}

// Head returns the last layer of a model that [Backbone.Encode] made: weights
// [K][D] and biases [K].
func (c *Classifier) Head() (weights, bias []float32, err error) {
	makers := c.Graph.Makers()
	if last := makers[c.Graph.Outputs[0]]; last != nil {
		if dense := makers[last.In[0]]; dense != nil {
			g, ok := dense.Op.(*graph.Gemm)
			if ok && g.TransB && len(dense.In) == 3 && dense.In[1].Const != nil && dense.In[2].Const != nil {
				return dense.In[1].Const.Floats, dense.In[2].Const.Floats, nil
			}
		}
	}
	return nil, nil, errors.New("the model does not end in a linear head")
}

// An AnswersError is a network none of whose outputs has an answer for each
// label.
type AnswersError struct {
	Path    string
	Labels  int
	Outputs []string // their names and shapes
}

func (e *AnswersError) Error() string {
	return fmt.Sprintf("%s has no output of %d answers, one for each label: its outputs are %s", e.Path, e.Labels, strings.Join(e.Outputs, ", "))
}

// Classifier makes a classifier for pictures of a side, 0 as for Backbone, of
// a network that has an output of as many answers as there are labels. Where
// the network ends in no softmax or sigmoid of its own, a softmax is added.
func (f *File) Classifier(side, labels int) (*Classifier, error) {
	own := f.input.side
	if side == 0 {
		side = cmp.Or(own, defaultSide)
	}
	c, answers, err := f.answers(side, labels)
	if err != nil && own != 0 && own != side {
		if _, _, failed := f.answers(own, labels); failed == nil {
			return nil, &SideError{f.path, side, own, err}
		}
	}
	var none *AnswersError
	switch {
	case errors.As(err, &none):
		return nil, err
	case err != nil:
		return nil, f.fault(err)
	}
	classifier := &Classifier{Side: side, Answers: labels, Output: c.answer(answers)}
	if own != side {
		classifier.DeclaredSide = own
	}
	c.takeBytes(side, f.options.Normalization)
	if err := c.graph.Simplify(nil); err != nil {
		return nil, f.fault(err)
	}
	classifier.Graph = c.graph
	return classifier, nil
}

// answers finds the output of the answers for pictures of a side.
func (f *File) answers(side, labels int) (*cut, *graph.Value, error) {
	g, in, err := f.simplified(side, "")
	if err != nil {
		return nil, nil, err
	}
	c := &cut{graph: g, planes: in.planes}
	none := &AnswersError{Path: f.path, Labels: labels}
	for _, v := range g.Outputs {
		if v.Const == nil && v.Type == graph.Float32 && answersFor(v.Shape, g.Inputs[0].Shape[0], labels) {
			return c, v, nil
		}
		none.Outputs = append(none.Outputs, fmt.Sprintf("%q %s", v.Name, graph.ShapeString(v.Shape)))
	}
	return nil, nil, none
}

// answersFor reports whether a shape is [N,K], or [N,K,1,1] as older networks
// have it.
func answersFor(shape []graph.Dim, batch graph.Dim, labels int) bool {
	if len(shape) < 2 || shape[0] != batch || shape[1] != (graph.Dim{Const: labels}) {
		return false
	}
	return !slices.ContainsFunc(shape[2:], func(d graph.Dim) bool { return d != graph.Dim{Const: 1} })
}

// answer makes the probabilities the only output of the graph, and says what is
// done for that.
func (c *cut) answer(v *graph.Value) string {
	text := fmt.Sprintf("%q %s", v.Name, graph.ShapeString(v.Shape))
	add := func(op graph.Op) {
		out := &graph.Value{}
		c.graph.Nodes = append(c.graph.Nodes, &graph.Node{Op: op, In: []*graph.Value{v}, Out: []*graph.Value{out}})
		v = out
	}
	kind := squashing(c.graph.Makers(), v)
	if len(v.Shape) > 2 {
		add(&graph.Flatten{Axis: 1})
	}
	switch kind {
	case "Softmax":
		text += ", which are probabilities"
	case "Sigmoid":
		text += ", each a probability of its own"
	default:
		add(&graph.Softmax{Axis: 1})
		text += " and the softmax of them"
	}
	v.Name = answersName
	c.graph.Outputs = []*graph.Value{v}
	return text
}

// squashing is the operator that makes probabilities of logits, or "".
func squashing(makers map[*graph.Value]*graph.Node, v *graph.Value) string {
	for n := makers[v]; n != nil; n = makers[n.In[0]] {
		switch o := n.Op.(type) {
		case *graph.Softmax:
			return "Softmax"
		case *graph.Unary:
			if o.Name == "Sigmoid" {
				return "Sigmoid"
			}
			return ""
		case *graph.Reshape, *graph.Flatten, *graph.Identity:
		default:
			return ""
		}
	}
	return ""
}

// DeclaredText is that of a [Backbone].
func (c *Classifier) DeclaredText(name string) string {
	return declaredText(name, c.DeclaredSide, c.Side)
}

// Evaluator returns what answers for pictures, batch at once on some threads.
// The answers do not depend on either.
func (c *Classifier) Evaluator(batch, threads int) (*nn.Evaluator, error) {
	return nn.NewEvaluator(c.Graph, nn.EvaluatorOptions{Batch: batch, Threads: threads})
}

// Predictor returns what answers for up to batch pictures at once. Close lets go
// of its threads.
func (c *Classifier) Predictor(batch, threads int) (*nn.GraphPredictor, error) {
	e, err := c.Evaluator(batch, threads)
	if err != nil {
		return nil, err
	}
	return nn.NewGraphPredictor(e, c.Answers), nil
}

package lower

import "github.com/opensandwich/oi/cmd/internal/graph"

// PlanTraining plans the computation of a graph, whose shapes were inferred, as
// it is trained: for exactly batch pictures, with dropout, and with each result
// in memory of its own, since gradients are computed of them.
func PlanTraining(g *graph.Graph, batch int) (*Program, error) { return plan(g, batch, true) }

// same is the first input of a node.
func (p *planner) same(n *graph.Node) *Value {
	x := p.value(n.In[0])
	return x.view(x.Shape, x.Order)
}

func (p *planner) dropout(n *graph.Node, o *graph.Dropout) *Value {
	if !p.training || o.Rate == 0 {
		return p.same(n)
	}
	x := p.value(n.In[0])
	y := result(n.Out[0], x.Order)
	p.emit(&Dropout{named(n.Name), x, y, o.Rate, o.Stream})
	return y
}

func (p *planner) standardize(n *graph.Node) *Value {
	x, gain := p.value(n.In[0]), p.value(n.In[1])
	shape, ok := fixed(x.Shape)
	if !ok {
		return nil
	}
	x = p.inOrder(x, plain(4))
	y := result(n.Out[0], plain(4))
	p.emit(&WeightStandardization{named(n.Name), x, gain, y, sizeOf(shape[:3]), shape[3]})
	return y
}

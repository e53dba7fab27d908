package lower

import (
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// binary plans an operator with a kernel, in the step before if that is
// possible.
func (p *planner) binary(n *graph.Node, o *graph.Binary) *Value {
	switch o.Name {
	case "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu":
	default:
		return nil
	}
	if len(n.In) < 2 {
		return nil
	}
	shape := n.Out[0].Shape
	operands := make([]*Value, len(n.In))
	for i, v := range n.In {
		operands[i] = p.value(v).padded(len(shape))
	}
	if len(operands) == 2 {
		if y := p.scale(operands, o.Name); y != nil {
			return y
		}
		if y := p.channels(operands, o.Name); y != nil {
			return y
		}
		if o.Name == "Add" {
			if y := p.addToProduct(operands, shape); y != nil {
				return y
			}
		}
	}
	order := commonOrder(operands, shape)
	for i, v := range operands {
		operands[i] = p.inOrder(v, order)
	}
	a := operands[0]
	for _, b := range operands[1:] {
		y := newValue(n.Out[0].Name, graph.Float32, broadcast(a.Shape, b.Shape), order)
		p.emit(&Binary{named(n.Name), a, b, y, o.Name})
		a = y
	}
	return a
}

// broadcast is the shape of a result; both have as many axes.
func broadcast(a, b []graph.Dim) []graph.Dim {
	shape := slices.Clone(a)
	for i, d := range b {
		if shape[i] == one {
			shape[i] = d
		}
	}
	return shape
}

// commonOrder is that of an operand that is as large as the result.
func commonOrder(operands []*Value, shape []graph.Dim) []int {
	var order []int
	for _, v := range operands {
		if slices.Equal(v.Shape, shape) && (order == nil || v.Buffer.Const == nil) {
			if order = v.Order; v.Buffer.Const == nil {
				break
			}
		}
	}
	if order == nil {
		order = plain(len(shape))
	}
	return order
}

// scale puts a factor or a summand into the step that makes numbers of bytes:
// one number, or one for each channel, the last axis in memory.
func (p *planner) scale(operands []*Value, op string) *Value {
	for i, x := range operands {
		s, ok := p.alone(x).(*Scale)
		c := channelConstant(x, operands[1-i])
		if ok && c != nil && len(c) <= maxScaleChannels && s.fold(op, c, i == 1) {
			return x.view(x.Shape, x.Order)
		}
	}
	return nil
}

// channelConstant is a constant of one number, or of one for each place along
// the last axis of x in memory; or nil.
func channelConstant(x, v *Value) []float32 {
	c := v.Buffer.Const
	if c == nil || len(x.Order) == 0 {
		return nil
	}
	last := x.Order[len(x.Order)-1]
	for axis, d := range v.Shape {
		if d != one && (axis != last || d != x.Shape[axis]) {
			return nil
		}
	}
	return c.Floats
}

// fold multiplies or adds numbers; turned is set if they are the first operand.
func (s *Scale) fold(op string, numbers []float32, turned bool) bool {
	if op == "Div" && turned || op != "Mul" && op != "Div" && op != "Add" && op != "Sub" {
		return false
	}
	s.widen(len(numbers))
	for i := range s.factor {
		c := float64(numbers[i%len(numbers)])
		f, o := &s.factor[i], &s.offset[i]
		switch {
		case op == "Mul":
			*f, *o = *f*c, *o*c
		case op == "Div":
			*f, *o = *f/c, *o/c
		case op == "Add":
			*o += c
		case turned:
			*f, *o = -*f, c-*o
		default:
			*o -= c
		}
	}
	return true
}

// channels puts a factor or a summand, one number or one for each channel, into
// the convolution or product that makes the other operand.
func (p *planner) channels(operands []*Value, op string) *Value {
	for i, x := range operands {
		c := channelConstant(x, operands[1-i])
		if c == nil || op != "Mul" && op != "Add" {
			continue
		}
		var channels, rows int
		var weights, bias *[]float32
		switch s := p.alone(x).(type) {
		case *Conv:
			if s.Act.Name != "" || s.Add != nil || s.Weights == nil {
				continue
			}
			channels, rows = s.Weights.Shape[0], 1
			if op == "Mul" {
				own := *s.Weights
				s.Weights = &own
			}
			weights, bias = &s.Weights.Floats, &s.Bias
		case *Dense:
			if s.Act.Name != "" || s.Add != nil || s.Weights == nil {
				continue
			}
			channels, rows = s.Out, s.In
			if s.Transposed {
				rows = 1
			}
			weights, bias = &s.Weights, &s.Bias
		default:
			continue
		}
		if !p.spend(channels) {
			return nil
		}
		if op == "Add" {
			*bias = changed(*bias, channels, func(k int, v float64) float64 { return v + float64(c[k%len(c)]) })
			return x.view(x.Shape, x.Order)
		}
		if !p.spend(len(*weights)) {
			return nil
		}
		each := len(*weights) / channels / rows // neighbours of one channel
		*weights = changed(*weights, len(*weights), func(k int, v float64) float64 { return v * float64(c[k/each%channels%len(c)]) })
		if *bias != nil {
			*bias = changed(*bias, channels, func(k int, v float64) float64 { return v * float64(c[k%len(c)]) })
		}
		return x.view(x.Shape, x.Order)
	}
	return nil
}

// changed is n numbers, which are zero where there are none, changed.
func changed(x []float32, n int, change func(k int, v float64) float64) []float32 {
	y := make([]float32, n)
	copy(y, x)
	for k, v := range y {
		y[k] = float32(change(k, float64(v)))
	}
	return y
}

// addToProduct puts the addition of another value of the same shape and order
// into the convolution or product that makes one operand.
func (p *planner) addToProduct(operands []*Value, shape []graph.Dim) *Value {
	for i := range operands {
		// The later step has its input as early as the other.
		x, other := operands[1-i], operands[i]
		if !slices.Equal(x.Shape, shape) {
			continue
		}
		var add **Value
		var y *Value
		switch s := p.alone(x).(type) {
		case *Conv:
			if s.Act.Name == "" && s.Add == nil {
				add, y = &s.Add, s.Y
			}
		case *Dense:
			if s.Act.Name == "" && s.Add == nil {
				add, y = &s.Add, s.Y
			}
		}
		if add == nil || other.Buffer.Const != nil || other.Buffer == x.Buffer || !slices.Equal(other.Shape, shape) {
			continue
		}
		if other = p.alreadyInOrder(other, x.Order); other == nil || !p.before(other, x) {
			continue
		}
		*add = other.view(y.Shape, y.Order)
		if !slices.Equal(y.Shape, shape) {
			*add = other // the same elements in the same order
		}
		p.read[other.Buffer] = true
		return x.view(x.Shape, x.Order)
	}
	return nil
}

// before reports whether a value is there when the step that makes another
// runs.
func (p *planner) before(v, other *Value) bool {
	made, ok := p.maker[v.Buffer]
	return !ok || made < p.maker[other.Buffer]
}

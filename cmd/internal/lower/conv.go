package lower

import (
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

var (
	positiveInf = float32(math.Inf(1))
	negativeInf = float32(math.Inf(-1))
)

// window gives the numbers of a window over pictures of h x w.
func window(o *graph.Window, kernel []int, h, w int) (Window, bool) {
	pads, err := o.Padding([]int{h, w}, kernel)
	if err != nil {
		return Window{}, false
	}
	v := Window{
		KH: kernel[0], KW: kernel[1], StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		PadTop: pads[0], PadLeft: pads[1], PadBottom: pads[2], PadRight: pads[3],
	}
	if o.Strides != nil {
		v.StrideH, v.StrideW = o.Strides[0], o.Strides[1]
	}
	if o.Dilations != nil {
		v.DilationH, v.DilationW = o.Dilations[0], o.Dilations[1]
	}
	const most = 1 << 16
	return v, max(v.KH, v.KW, v.StrideH, v.StrideW, v.DilationH, v.DilationW, v.PadTop, v.PadLeft, v.PadBottom, v.PadRight) <= most
}

// out is the height and width of the result over pictures of h x w.
func (v Window) out(h, w int) (int, int) {
	return (h+v.PadTop+v.PadBottom-v.DilationH*(v.KH-1)-1)/v.StrideH + 1,
		(w+v.PadLeft+v.PadRight-v.DilationW*(v.KW-1)-1)/v.StrideW + 1
}

// maxValues bounds the elements of a tensor that kernels take.
const maxValues = math.MaxInt32

func (p *planner) conv(n *graph.Node, o *graph.Conv) *Value {
	x := p.value(n.In[0])
	w, bias, params, ok := p.weights(n, []int{2, 3, 1, 0})
	if len(x.Shape) != 4 || !ok {
		return nil
	}
	size, ok := fixed(x.Shape[1:])
	if !ok {
		return nil
	}
	s := &Conv{named: named(n.Name), Weights: w, Bias: bias, Parameters: params, Groups: o.Group}
	v, ok := window(&o.Window, s.Filters()[2:], size[1], size[2])
	padded := product(product(size[1]+v.PadTop+v.PadBottom, size[2]+v.PadLeft+v.PadRight), size[0])
	if !ok || padded > maxValues {
		return nil
	}
	s.Window = v
	if p.scaleChannels(x, s) {
		return x.view(x.Shape, x.Order)
	}
	s.X = p.inOrder(x, channelsLast())
	s.Y = result(n.Out[0], channelsLast())
	p.emit(s)
	return s.Y
}

// weights are those of a convolution or a product, constants or, in the given
// order, parameters, and the biases, if there are any. They are both of one
// kind, or there is no kernel.
func (p *planner) weights(n *graph.Node, order []int) (w *graph.Tensor, bias []float32, params Parameters, ok bool) {
	if w = constantIn(n, 1); w != nil {
		b := constantIn(n, 2)
		if b != nil {
			bias = b.Floats
		}
		return w, bias, params, b != nil || absent(n, 2)
	}
	v := p.value(n.In[1])
	if _, ok := fixed(v.Shape); !ok || len(v.Shape) != len(order) || constantIn(n, 2) != nil {
		return nil, nil, params, false
	}
	if !absent(n, 2) {
		if params.B = p.value(n.In[2]); len(params.B.Shape) != 1 {
			return nil, nil, params, false
		}
	}
	params.W = p.inOrder(v, order)
	return nil, nil, params, true
}

// batchNorm is a convolution of each channel with one weight.
func (p *planner) batchNorm(n *graph.Node, o *graph.BatchNormalization) *Value {
	x := p.value(n.In[0])
	var parameters [4]*graph.Tensor
	for i := range parameters {
		if parameters[i] = constantIn(n, i+1); parameters[i] == nil {
			return nil
		}
	}
	if len(x.Shape) != 4 {
		return nil
	}
	if _, ok := fixed(x.Shape[1:]); !ok {
		return nil
	}
	channels := parameters[0].Size()
	if !p.spend(2 * channels) {
		return nil
	}
	s := &Conv{
		named: named(n.Name), Groups: channels, Weights: graph.NewTensor(graph.Float32, channels, 1, 1, 1), Bias: make([]float32, channels),
		Window: Window{KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
	}
	for c, variance := range parameters[3].Floats {
		f := float64(parameters[0].Floats[c]) / math.Sqrt(float64(variance)+o.Epsilon)
		s.Weights.Floats[c] = float32(f)
		s.Bias[c] = float32(float64(parameters[1].Floats[c]) - float64(parameters[2].Floats[c])*f)
	}
	if p.scaleChannels(x, s) {
		return x.view(x.Shape, x.Order)
	}
	s.X = p.inOrder(x, channelsLast())
	s.Y = result(n.Out[0], channelsLast())
	p.emit(s)
	return s.Y
}

// scaleChannels puts a convolution of each channel with one weight, as which
// the normalization of pictures is written, into the step that makes numbers of
// their bytes. It reports whether it did.
func (p *planner) scaleChannels(x *Value, c *Conv) bool {
	plainWindow := Window{KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	if c.Weights == nil {
		return false
	}
	channels := len(c.Weights.Floats)
	if channels > maxScaleChannels || c.Window != plainWindow || c.Groups != channels || c.Weights.Shape[0] != channels {
		return false
	}
	s, ok := p.alone(x).(*Scale)
	if !ok || x.Order[len(x.Order)-1] != 1 {
		return false
	}
	s.widen(channels)
	for i, w := range c.Weights.Floats {
		s.factor[i] *= float64(w)
		s.offset[i] *= float64(w)
		if c.Bias != nil {
			s.offset[i] += float64(c.Bias[i])
		}
	}
	return true
}

// widen gives the step numbers for each channel.
func (s *Scale) widen(channels int) {
	if len(s.factor) < channels {
		s.factor, s.offset = slices.Repeat(s.factor, channels), slices.Repeat(s.offset, channels)
	}
}

func (p *planner) pool(n *graph.Node, o *graph.Pool) *Value {
	x := p.value(n.In[0])
	if o.Kernel == nil {
		return p.reduceAxes(n, x, plain(len(x.Shape))[2:], !o.Max)
	}
	if len(x.Shape) != 4 {
		return nil
	}
	size, ok := fixed(x.Shape[1:])
	if !ok {
		return nil
	}
	v, ok := window(&o.Window, o.Kernel, size[1], size[2])
	if !ok {
		return nil
	}
	s := &Pool{named: named(n.Name), Window: v, Mean: !o.Max, CountPadding: !o.Max && o.CountIncludePad}
	// A last window that hangs over the end needs more padding.
	oh, ow := v.out(size[1], size[2])
	for _, f := range []struct {
		more, pad *int
		have      int
		want      graph.Dim
		stride    int
	}{
		{&s.UncountedBottom, &s.PadBottom, oh, n.Out[0].Shape[2], v.StrideH},
		{&s.UncountedRight, &s.PadRight, ow, n.Out[0].Shape[3], v.StrideW},
	} {
		*f.more = (f.want.Const - f.have) * f.stride
		*f.pad += *f.more
	}
	if h, w := s.out(size[1], size[2]); h != n.Out[0].Shape[2].Const || w != n.Out[0].Shape[3].Const {
		return nil
	}
	if y := p.poolConv(n, x, s); y != nil {
		return y
	}
	s.X = p.inOrder(x, channelsLast())
	s.Y = result(n.Out[0], channelsLast())
	p.emit(s)
	return s.Y
}

// poolConv puts the largest of each 2x2 into the convolution with Relu that
// makes x, if that is possible.
func (p *planner) poolConv(n *graph.Node, x *Value, s *Pool) *Value {
	c, ok := p.alone(x).(*Conv)
	if !ok || c.Pool || c.Act.Name != "Relu" || c.Add != nil || c.Groups != 1 || !slices.Equal(x.Shape, c.Y.Shape) || !x.lies(c.Y.Order) {
		return nil
	}
	halves := Window{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1}
	square := Window{c.KH, c.KH, c.StrideH, c.StrideH, 1, 1, c.PadTop, c.PadTop, c.PadTop, c.PadTop}
	if s.Mean || s.Window != halves || c.Window != square {
		return nil
	}
	c.Pool, c.Y = true, result(n.Out[0], channelsLast())
	p.maker[c.Y.Buffer] = p.maker[x.Buffer]
	return c.Y
}

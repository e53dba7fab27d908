package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// node writes a node of the graph, in the version of the file.
func (e *encoder) node(n *graph.Node) error {
	in := make([]string, len(n.In))
	constants := e.attributesOf(n)
	for i, v := range n.In {
		if !slices.Contains(constants, i) {
			in[i] = e.name(v)
		}
	}
	out := make([]string, len(n.Out))
	for i, v := range n.Out {
		out[i] = e.name(v)
	}
	if _, ok := n.Op.(*graph.Split); !ok { // whose parts are counted
		for len(out) > 1 && out[len(out)-1] == "" {
			out = out[:len(out)-1]
		}
	}
	switch o := n.Op.(type) {
	case *graph.Unary:
		return e.unary(o, in, out)
	case *graph.Binary:
		name := o.Name
		if name == "Add" && len(in) != 2 {
			name = "Sum"
		}
		if name == "Mod" {
			e.emit(name, in, out, encodeFlag("fmod", o.Fmod))
			return nil
		}
		e.emit(name, in, out)
	case *graph.Clip:
		var bounds [][]byte
		for i, name := range []string{"", "min", "max"} {
			if slices.Contains(constants, i) {
				bounds = append(bounds, encodeFloat(name, float64(n.In[i].Const.Floats[0])))
			}
		}
		e.emit("Clip", in, out, bounds...)
	case *graph.Cast:
		e.emit("Cast", in, out, encodeInt("to", int(elemOf(o.To))))
	case *graph.Conv:
		var kernel []int
		for _, d := range n.In[1].Shape[2:] {
			kernel = append(kernel, d.Const)
		}
		attributes, err := window(&o.Window, n.In[0], kernel)
		if err != nil {
			return err
		}
		e.emit("Conv", in, out, append(attributes, encodeInt("group", o.Group))...)
	case *graph.Pool:
		return e.pool(n, o, in, out)
	case *graph.BatchNormalization:
		e.emit("BatchNormalization", in, out, encodeFloat("epsilon", o.Epsilon))
	case *graph.LayerNormalization:
		e.emit("LayerNormalization", in, out, encodeInt("axis", o.Axis), encodeFloat("epsilon", o.Epsilon))
	case *graph.Softmax:
		if o.Flat && e.opset >= 13 {
			return fmt.Errorf("%w: softmax over several axes in version %d of the operators", ErrUnsupported, e.opset)
		}
		e.emit("Softmax", in, out, encodeAxis(o.Axis, n.In[0]))
	case *graph.Gemm:
		if len(in) < 3 {
			in = append(in, e.number(0)) // must be there below version 11
		}
		e.emit("Gemm", in, out, encodeFloat("alpha", o.Alpha), encodeFloat("beta", o.Beta), encodeFlag("transA", o.TransA), encodeFlag("transB", o.TransB))
	default:
		return e.move(n, in, out)
	}
	return nil
}

func (e *encoder) unary(o *graph.Unary, in, out []string) error {
	sixth := [][]byte{encodeFloat("alpha", 1./6), encodeFloat("beta", 0.5)}
	switch o.Name {
	case "HardSwish":
		e.emit("Mul", []string{in[0], e.then("HardSigmoid", in, sixth...)}, out)
	case "Silu":
		e.emit("Mul", []string{in[0], e.then("Sigmoid", in)}, out)
	case "Gelu":
		if o.Tanh {
			e.emit("Gelu", in, out, encodeString("approximate", "tanh"))
			return nil
		}
		erf := e.then("Erf", []string{e.then("Mul", []string{in[0], e.number(1 / math.Sqrt2)})})
		half := e.then("Mul", []string{in[0], e.number(0.5)})
		e.emit("Mul", []string{half, e.then("Add", []string{erf, e.number(1)})}, out)
	case "HardSigmoid":
		e.emit(o.Name, in, out, encodeFloat("alpha", o.Alpha), encodeFloat("beta", o.Beta))
	case "LeakyRelu":
		e.emit(o.Name, in, out, encodeFloat("alpha", o.Alpha))
	default:
		e.emit(o.Name, in, out)
	}
	return nil
}

func (e *encoder) pool(n *graph.Node, o *graph.Pool, in, out []string) error {
	if o.Kernel == nil {
		e.emit(o.Kind(), in, out)
		return nil
	}
	attributes, err := window(&o.Window, n.In[0], o.Kernel)
	if err != nil {
		return err
	}
	if o.CountIncludePad && !o.Max && !o.Ceil {
		if in, attributes, err = e.padded(n.In[0], o, in, attributes); err != nil {
			return err
		}
	}
	if o.Ceil {
		attributes = append(attributes, encodeInt("ceil_mode", 1))
	}
	if !o.Max {
		attributes = append(attributes, encodeFlag("count_include_pad", o.CountIncludePad))
	}
	e.emit(o.Kind(), in, out, attributes...)
	return nil
}

// padded pads with an operator of its own before a mean that counts what is
// padded: whether OpenCV 4.6 counts it depends on who made the model.
func (e *encoder) padded(x *graph.Value, o *graph.Pool, in []string, attributes [][]byte) ([]string, [][]byte, error) {
	sides, err := fixedSides(x)
	if err != nil {
		return nil, nil, err
	}
	pads, err := o.Padding(sides, o.Kernel)
	if err != nil || slices.Max(pads) == 0 {
		return in, attributes, err
	}
	all := slices.Concat([]int{0, 0}, pads[:len(sides)], []int{0, 0}, pads[len(sides):])
	inputs, mode := []string{in[0]}, [][]byte{encodeString("mode", "constant")}
	if e.opset < 11 {
		mode = append(mode, encodeInts("pads", all), encodeFloat("value", 0))
	} else {
		list := graph.IntTensor()
		for _, p := range all {
			list.Ints = append(list.Ints, int64(p))
		}
		list.Shape = []int{len(all)}
		inputs = append(inputs, e.constant(list))
	}
	window := o.Window
	window.Pads, window.Auto = make([]int, len(pads)), graph.NotSet
	for i := range sides {
		sides[i] += pads[i] + pads[len(sides)+i]
	}
	attributes, err = windowOf(&window, sides, o.Kernel)
	return []string{e.then("Pad", inputs, mode...)}, attributes, err
}

// attributesOf lists the constant inputs of a node that are attributes in the
// version of the file.
func (e *encoder) attributesOf(n *graph.Node) []int {
	since, places := 0, []int{1}
	switch o := n.Op.(type) {
	case *graph.Clip:
		since, places = 11, []int{1, 2}
	case *graph.Pad:
		since, places = 11, []int{1, 2, 3}
	case *graph.Split, *graph.Squeeze, *graph.Unsqueeze:
		since = 13
	case *graph.Reduce:
		since = 18
		if o.Name == "Sum" {
			since = 13
		}
	}
	if e.opset >= since {
		return nil
	}
	return slices.DeleteFunc(places, func(i int) bool { return i >= len(n.In) || n.In[i] == nil })
}

// move writes operators that change shapes and places.
func (e *encoder) move(n *graph.Node, in, out []string) error {
	var attributes [][]byte
	axes := "axes"
	switch o := n.Op.(type) {
	case *graph.Reduce:
		attributes = append(attributes, encodeFlag("keepdims", o.Keep))
		if o.Noop {
			attributes = append(attributes, encodeInt("noop_with_empty_axes", 1))
		}
	case *graph.Split:
		attributes = append(attributes, encodeAxis(o.Axis, n.In[0]))
		axes = "split"
		if len(n.In) < 2 && e.opset >= 18 {
			attributes = append(attributes, encodeInt("num_outputs", o.Parts))
		}
		if len(n.In) < 2 && o.Parts != len(out) {
			return fmt.Errorf("%w: %d of %d parts", ErrUnsupported, len(out), o.Parts)
		}
	case *graph.Pad:
		return e.pad(n, o, in, out)
	case *graph.Concat:
		attributes = append(attributes, encodeAxis(o.Axis, n.In[0]))
	case *graph.Flatten:
		attributes = append(attributes, encodeAxis(o.Axis, n.In[0]))
	case *graph.Gather:
		attributes = append(attributes, encodeAxis(o.Axis, n.In[0]))
	case *graph.Transpose:
		if o.Perm != nil {
			attributes = append(attributes, encodeInts("perm", o.Perm))
		}
	case *graph.Shape:
		if o.Start != 0 {
			attributes = append(attributes, encodeInt("start", o.Start))
		}
		if o.End != math.MaxInt {
			attributes = append(attributes, encodeInt("end", o.End))
		}
	case *graph.Reshape:
		if o.AllowZero {
			attributes = append(attributes, encodeInt("allowzero", 1))
		}
	case *graph.ConstantOfShape:
		if o.Value != nil {
			attributes = append(attributes, onnxproto.AppendBytes(attributeHead("value", kindTensor), onnxproto.AttributeTensor, encodeTensor("", o.Value)))
		}
	case *graph.Dropout, *graph.WeightStandardization:
		return fmt.Errorf("%w: a graph that is not simplified", ErrUnsupported)
	}
	for _, i := range e.attributesOf(n) {
		list := listOf(n.In[i])
		for k, axis := range list {
			if axis < 0 { // of the result, where Unsqueeze makes them
				list[k] += max(len(n.In[0].Shape), len(n.Out[0].Shape))
			}
		}
		attributes = append(attributes, encodeInts(axes, list))
	}
	e.emit(n.Op.Kind(), in, out, attributes...)
	return nil
}

// pad writes the numbers for all axes, whatever axes they were given for.
func (e *encoder) pad(n *graph.Node, o *graph.Pad, in, out []string) error {
	mode := encodeString("mode", o.Mode)
	if e.opset >= 11 {
		if len(in) > 3 && in[3] != "" && e.opset < 18 {
			return fmt.Errorf("%w: padding of some axes in version %d of the operators", ErrUnsupported, e.opset)
		}
		e.emit("Pad", in, out, mode)
		return nil
	}
	pads := listOf(n.In[1])
	if len(n.In) > 3 && n.In[3] != nil {
		rank, given := len(n.In[0].Shape), listOf(n.In[3])
		all := make([]int, 2*rank)
		for i, axis := range given {
			axis = (axis + rank) % rank
			all[axis], all[rank+axis] = pads[i], pads[len(given)+i]
		}
		pads = all
	}
	value := 0.0
	if len(n.In) > 2 && n.In[2] != nil {
		value = float64(n.In[2].Const.Floats[0])
	}
	e.emit("Pad", in, out, mode, encodeInts("pads", pads), encodeFloat("value", value))
	return nil
}

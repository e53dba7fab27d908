package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// converted is what a node of a file becomes: an operator, with constants in
// place of some inputs, or a constant.
type converted struct {
	op       graph.Op
	inputs   map[int]*graph.Tensor
	constant *graph.Tensor
}

// attributes hands out those of a node, of which all must be asked for: one
// that is not known may change the meaning.
type attributes struct {
	node  node
	opset int
	loads *loader
	asked map[string]bool
	err   error
}

// find returns an attribute, or nil; one of another kind is an error.
func (a *attributes) find(name string, want kind) *attribute {
	a.asked[name] = true
	for i := range a.node.attributes {
		if got := &a.node.attributes[i]; got.name == name {
			if got.kind != want && a.err == nil {
				a.err = fmt.Errorf("attribute %s is of kind %v, %v was expected", name, got.kind, want)
			}
			return got
		}
	}
	return nil
}

func (a *attributes) int(name string, absent int) int {
	if got := a.find(name, kindInt); got != nil {
		return int(got.number)
	}
	return absent
}

// flag is an integer that must be 0 or 1.
func (a *attributes) flag(name string, absent bool) bool {
	v := 0
	if absent {
		v = 1
	}
	v = a.int(name, v)
	if v != 0 && v != 1 && a.err == nil {
		a.err = fmt.Errorf("attribute %s is %d", name, v)
	}
	return v == 1
}

// float gives an attribute as the number of digits that its file had in mind:
// 1e-5 as float32 is not 1e-5.
func (a *attributes) float(name string, absent float32) float64 {
	if got := a.find(name, kindFloat); got != nil {
		return float64(got.float)
	}
	return float64(absent)
}

func (a *attributes) text(name, absent string) string {
	if got := a.find(name, kindString); got != nil {
		return got.text
	}
	return absent
}

// ints is nil where the attribute is absent.
func (a *attributes) ints(name string) []int {
	got := a.find(name, kindInts)
	if got == nil {
		return nil
	}
	list := make([]int, len(got.ints))
	for i, v := range got.ints {
		list[i] = int(v)
	}
	return list
}

// list is an attribute as a tensor, or nil.
func (a *attributes) list(name string) *graph.Tensor {
	if got := a.find(name, kindInts); got != nil {
		return graph.IntTensor(got.ints...)
	}
	return nil
}

// tensor is the attribute of a tensor, or nil.
func (a *attributes) tensor(name string) *graph.Tensor {
	got := a.find(name, kindTensor)
	if got == nil {
		return nil
	}
	if got.tensor == nil {
		if a.err == nil {
			a.err = fmt.Errorf("attribute %s has no tensor", name)
		}
		return nil
	}
	t, err := a.loads.load(*got.tensor)
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("attribute %s: %w", name, err)
	}
	return t
}

// refuse says that a value of an attribute is not supported.
func (a *attributes) refuse(bad bool, name string) {
	if bad && a.err == nil {
		a.err = fmt.Errorf("%w: this value of attribute %s", ErrUnsupported, name)
	}
}

// operator is how nodes of an operator are read.
type operator struct {
	since int // the first version of the operators that has it
	read  func(a *attributes) converted
}

// convert reads a node.
func (b *builder) convert(n node) (converted, error) {
	o, ok := operators[n.op]
	if !ok {
		return converted{}, fmt.Errorf("%w: operator %s", ErrUnsupported, n.op)
	}
	version := int(b.opsets[""])
	if version < o.since {
		return converted{}, fmt.Errorf("operator %s exists since version %d, the model has version %d of the operators", n.op, o.since, version)
	}
	for i, a := range n.attributes {
		if slices.ContainsFunc(n.attributes[:i], func(b attribute) bool { return a.name == b.name }) {
			return converted{}, fmt.Errorf("attribute %s is given twice", a.name)
		}
	}
	a := &attributes{node: n, opset: version, loads: b.loader, asked: map[string]bool{}}
	c := o.read(a)
	if a.err != nil {
		return converted{}, a.err
	}
	for _, given := range n.attributes {
		if !a.asked[given.name] {
			return converted{}, fmt.Errorf("%w: attribute %s", ErrUnsupported, given.name)
		}
	}
	return c, nil
}

// plain is an operator without attributes.
func plain(since int, op graph.Op) operator {
	return operator{since, func(*attributes) converted { return converted{op: op} }}
}

func oneInput(since int, name string) operator { return plain(since, &graph.Unary{Name: name}) }

func twoInputs(since int, name string) operator { return plain(since, &graph.Binary{Name: name}) }

// reading is an operator with attributes.
func reading(since int, read func(a *attributes) graph.Op) operator {
	return operator{since, func(a *attributes) converted { return converted{op: read(a)} }}
}

// operators are those that are known. Where versions differ in meaning, each
// becomes what the newest can say.
var operators = map[string]operator{
	"Abs": oneInput(1, "Abs"), "Ceil": oneInput(1, "Ceil"), "Erf": oneInput(9, "Erf"), "Exp": oneInput(1, "Exp"),
	"Floor": oneInput(1, "Floor"), "HardSwish": oneInput(14, "HardSwish"), "Log": oneInput(1, "Log"), "Neg": oneInput(1, "Neg"),
	"Not": oneInput(1, "Not"), "Reciprocal": oneInput(1, "Reciprocal"), "Relu": oneInput(1, "Relu"), "Sigmoid": oneInput(1, "Sigmoid"),
	"Sqrt": oneInput(1, "Sqrt"), "Tanh": oneInput(1, "Tanh"),

	"Add": pair(7, "Add"), "Sub": twoInputs(7, "Sub"), "Mul": twoInputs(7, "Mul"), "Div": twoInputs(7, "Div"), "Pow": twoInputs(7, "Pow"),
	"Max": twoInputs(6, "Max"), "Min": twoInputs(6, "Min"), "Sum": twoInputs(6, "Add"), "PRelu": twoInputs(7, "PRelu"), "And": twoInputs(7, "And"), "Or": twoInputs(7, "Or"),
	"Equal": twoInputs(7, "Equal"), "Greater": twoInputs(7, "Greater"), "Less": twoInputs(7, "Less"),
	"GreaterOrEqual": twoInputs(12, "GreaterOrEqual"), "LessOrEqual": twoInputs(12, "LessOrEqual"),

	"Where": plain(9, &graph.Where{}), "Expand": plain(8, &graph.Expand{}), "Tile": plain(6, &graph.Tile{}),
	"Identity": plain(1, &graph.Identity{}), "Size": plain(1, &graph.Size{}), "MatMul": plain(1, &graph.MatMul{}),
	"Range":             plain(11, &graph.Range{}),
	"GlobalAveragePool": plain(1, &graph.Pool{}), "GlobalMaxPool": plain(1, &graph.Pool{Max: true}),

	"ReduceMean": reduce("Mean", 18), "ReduceSum": reduce("Sum", 13), "ReduceMax": reduce("Max", 18),
	"ReduceMin": reduce("Min", 18), "ReduceProd": reduce("Prod", 18),

	"Mod":       reading(10, func(a *attributes) graph.Op { return &graph.Binary{Name: "Mod", Fmod: a.flag("fmod", false)} }),
	"LeakyRelu": reading(6, func(a *attributes) graph.Op { return &graph.Unary{Name: "LeakyRelu", Alpha: a.float("alpha", 0.01)} }),
	"HardSigmoid": reading(6, func(a *attributes) graph.Op {
		return &graph.Unary{Name: "HardSigmoid", Alpha: a.float("alpha", 0.2), Beta: a.float("beta", 0.5)}
	}),
	"Gelu": reading(20, func(a *attributes) graph.Op {
		way := a.text("approximate", "none")
		a.refuse(way != "none" && way != "tanh", "approximate")
		return &graph.Unary{Name: "Gelu", Tanh: way == "tanh"}
	}),
	"Cast": reading(6, func(a *attributes) graph.Op {
		a.flag("saturate", true) // of 8-bit floats
		t, err := typeOf(elem(a.int("to", 0)))
		if a.err == nil {
			a.err = err
		}
		return &graph.Cast{To: t}
	}),
	"Concat":  reading(4, func(a *attributes) graph.Op { return &graph.Concat{Axis: a.required("axis")} }),
	"Flatten": reading(1, func(a *attributes) graph.Op { return &graph.Flatten{Axis: a.int("axis", 1)} }),
	"Gather":  reading(1, func(a *attributes) graph.Op { return &graph.Gather{Axis: a.int("axis", 0)} }),
	"Reshape": reading(5, func(a *attributes) graph.Op { return &graph.Reshape{AllowZero: a.flag("allowzero", false)} }),
	"Shape": reading(1, func(a *attributes) graph.Op {
		return &graph.Shape{Start: a.int("start", 0), End: a.int("end", math.MaxInt)}
	}),
	"Transpose": reading(1, func(a *attributes) graph.Op { return &graph.Transpose{Perm: a.ints("perm")} }),
	"Softmax":   reading(1, readSoftmax),
	"Gemm": reading(7, func(a *attributes) graph.Op {
		if a.opset < 11 && len(a.node.in) != 3 && a.err == nil {
			a.err = fmt.Errorf("it has %d inputs where version %d of the operators has 3", len(a.node.in), a.opset)
		}
		return &graph.Gemm{Alpha: a.float("alpha", 1), Beta: a.float("beta", 1), TransA: a.flag("transA", false), TransB: a.flag("transB", false)}
	}),
	"Conv": reading(1, func(a *attributes) graph.Op {
		return &graph.Conv{Window: a.window(), Group: a.int("group", 1), Kernel: a.ints("kernel_shape")}
	}),
	"MaxPool":            reading(1, func(a *attributes) graph.Op { return readPool(a, true) }),
	"AveragePool":        reading(1, func(a *attributes) graph.Op { return readPool(a, false) }),
	"BatchNormalization": reading(7, readBatchNormalization),
	"LayerNormalization": reading(17, func(a *attributes) graph.Op {
		a.refuse(a.int("stash_type", 1) != 1, "stash_type")
		return &graph.LayerNormalization{Axis: a.int("axis", -1), Epsilon: a.float("epsilon", 1e-5)}
	}),
	"Dropout": reading(7, func(a *attributes) graph.Op {
		if a.opset < 12 {
			a.float("ratio", 0.5)
		}
		a.int("seed", 0)
		return &graph.Dropout{}
	}),

	"Clip":            {6, readClip},
	"Pad":             {2, readPad},
	"Slice":           {1, readSlice},
	"Split":           {2, readSplit},
	"Squeeze":         {1, func(a *attributes) converted { return axesAsInput(a, &graph.Squeeze{}, 13) }},
	"Unsqueeze":       {1, func(a *attributes) converted { return axesAsInput(a, &graph.Unsqueeze{}, 13) }},
	"Constant":        {1, readConstant},
	"ConstantOfShape": reading(9, func(a *attributes) graph.Op { return &graph.ConstantOfShape{Value: a.tensor("value")} }),
}

// pair is an operator of exactly two inputs that in the graph may have more.
func pair(since int, name string) operator {
	return reading(since, func(a *attributes) graph.Op {
		if len(a.node.in) != 2 {
			a.err = fmt.Errorf("it has %d inputs where 2 were expected", len(a.node.in))
		}
		return &graph.Binary{Name: name}
	})
}

// required is an integer that must be there.
func (a *attributes) required(name string) int {
	if a.find(name, kindInt) == nil && a.err == nil {
		a.err = fmt.Errorf("attribute %s is missing", name)
	}
	return a.int(name, 0)
}

// window reads what convolutions and pools have in common.
func (a *attributes) window() graph.Window {
	w := graph.Window{
		Strides: a.ints("strides"), Pads: a.ints("pads"), Dilations: a.ints("dilations"),
		Auto: graph.AutoPad(a.text("auto_pad", string(graph.NotSet))),
	}
	if w.Auto != graph.NotSet && slices.ContainsFunc(w.Pads, func(p int) bool { return p != 0 }) && a.err == nil {
		a.err = fmt.Errorf("it has both pads and auto_pad %s", w.Auto)
	}
	return w
}

func readPool(a *attributes, largest bool) graph.Op {
	p := &graph.Pool{Window: a.window(), Max: largest, Kernel: a.ints("kernel_shape")}
	p.Ceil = a.flag("ceil_mode", false)
	if largest {
		a.int("storage_order", 0) // of the indices, a second output
	} else {
		p.CountIncludePad = a.flag("count_include_pad", false)
	}
	if len(p.Kernel) == 0 && a.err == nil {
		a.err = errors.New("attribute kernel_shape is missing")
	}
	return p
}

// readSoftmax: below version 13 the axes from axis on are one.
func readSoftmax(a *attributes) graph.Op {
	if a.opset < 13 {
		return &graph.Softmax{Axis: a.int("axis", 1), Flat: true}
	}
	return &graph.Softmax{Axis: a.int("axis", -1)}
}

func readBatchNormalization(a *attributes) graph.Op {
	a.float("momentum", 0.9) // of training
	a.refuse(a.opset < 9 && !a.flag("spatial", true), "spatial")
	a.refuse(a.opset >= 14 && a.flag("training_mode", false), "training_mode")
	return &graph.BatchNormalization{Epsilon: a.float("epsilon", 1e-5)}
}

// axesAsInput puts the attribute axes of old versions where newer ones have
// their second input.
func axesAsInput(a *attributes, op graph.Op, since int) converted {
	c := converted{op: op}
	if a.opset < since {
		c.inputs = map[int]*graph.Tensor{1: a.list("axes")}
		a.inputs(1)
	}
	return c
}

// inputs refuses more inputs than a version has.
func (a *attributes) inputs(most int) {
	if len(a.node.in) > most && a.err == nil {
		a.err = fmt.Errorf("it has %d inputs where version %d of the operators has %d", len(a.node.in), a.opset, most)
	}
}

func reduce(name string, axesInput int) operator {
	return operator{1, func(a *attributes) converted {
		op := &graph.Reduce{Name: name, Keep: a.flag("keepdims", true)}
		if a.opset >= axesInput {
			op.Noop = a.flag("noop_with_empty_axes", false)
		}
		return axesAsInput(a, op, axesInput)
	}}
}

func readClip(a *attributes) converted {
	c := converted{op: &graph.Clip{}}
	if a.opset < 11 {
		a.inputs(1)
		c.inputs = map[int]*graph.Tensor{
			1: graph.FloatTensor([]float32{float32(a.float("min", -math.MaxFloat32))}),
			2: graph.FloatTensor([]float32{float32(a.float("max", math.MaxFloat32))}),
		}
	}
	return c
}

func readPad(a *attributes) converted {
	c := converted{op: &graph.Pad{Mode: a.text("mode", "constant")}}
	if a.opset < 11 {
		a.inputs(1)
		c.inputs = map[int]*graph.Tensor{
			1: a.list("pads"), 2: graph.FloatTensor([]float32{float32(a.float("value", 0))}),
		}
	} else if a.opset < 18 {
		a.inputs(3)
	}
	return c
}

func readSlice(a *attributes) converted {
	c := converted{op: &graph.Slice{}}
	if a.opset < 10 {
		a.inputs(1)
		c.inputs = map[int]*graph.Tensor{1: a.list("starts"), 2: a.list("ends"), 3: a.list("axes")}
	}
	return c
}

func readSplit(a *attributes) converted {
	op := &graph.Split{Axis: a.int("axis", 0), Parts: len(a.node.out), Even: a.opset < 18}
	c := converted{op: op}
	if a.opset < 13 {
		a.inputs(1)
		c.inputs = map[int]*graph.Tensor{1: a.list("split")}
	}
	if a.opset >= 18 {
		op.Parts = a.int("num_outputs", op.Parts)
		a.refuse(op.Parts < len(a.node.out), "num_outputs")
	}
	return c
}

func readConstant(a *attributes) converted {
	if len(a.node.attributes) != 1 && a.err == nil {
		a.err = fmt.Errorf("it has %d attributes where one was expected", len(a.node.attributes))
		return converted{}
	}
	switch given := a.node.attributes[0]; given.name {
	case "value":
		return converted{constant: a.tensor("value")}
	case "value_float":
		return converted{constant: graph.FloatTensor([]float32{float32(a.float("value_float", 0))})}
	case "value_floats":
		a.find("value_floats", kindFloats)
		return converted{constant: graph.FloatTensor(given.floats, len(given.floats))}
	case "value_int":
		t := graph.IntTensor(int64(a.int("value_int", 0)))
		t.Shape = []int{}
		return converted{constant: t}
	case "value_ints":
		return converted{constant: a.list("value_ints")}
	default:
		a.err = fmt.Errorf("%w: attribute %s", ErrUnsupported, given.name)
	}
	return converted{}
}

package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// What is said of files that cannot be read.
var (
	ErrNotONNX     = errors.New("not an ONNX file")
	ErrTruncated   = errors.New("the ONNX file is truncated")
	ErrUnsupported = graph.ErrUnsupported
)

// Bounds of what a file may hold; real models stay far below.
const (
	maxNodes      = 1 << 16 // and tensors, inputs, outputs
	maxArguments  = 1 << 14 // inputs or outputs of a node
	maxAttributes = 64      // of a node, entries about external data, opsets
	maxAttribute  = 1 << 20 // numbers of an attribute
	maxText       = 1 << 12 // bytes of a name
	maxParts      = 1 << 20 // nodes, inputs, outputs, attributes, tensors in all
	maxMetadata   = 1 << 24 // bytes of the metadata
	maxAllNumbers = 1 << 26 // integers of all tensors and attributes, which take eight bytes each
)

// Versions that are read.
const (
	minIR, maxIR       = 3, 11
	minOpset, maxOpset = 7, 21
)

// file is a model as it stands in a file. Data of tensors is a part of it.
type file struct {
	ir       uint64
	opsets   map[string]uint64 // by domain; ONNX' own is ""
	producer string
	version  string
	meta     map[string]string
	nodes    []node
	tensors  []tensor
	inputs   []valueInfo
	outputs  []valueInfo
	graphs   int
}

type node struct {
	op, domain, name string
	in, out          []string
	attributes       []attribute
}

// String names a node for people: by its name, or by what it makes.
func (n node) label() string {
	if n.name == "" && len(n.out) > 0 {
		return n.out[0]
	}
	return n.name
}

// fault is an error of a node.
func (n node) fault(err error) error {
	kind := n.op
	if n.domain != "" {
		kind = n.domain + "." + n.op
	}
	return &graph.Error{Node: n.label(), Kind: kind, Err: err}
}

type attribute struct {
	name   string
	kind   kind
	number int64
	float  float32
	text   string
	tensor *tensor
	floats []float32
	ints   []int64
}

type valueInfo struct {
	name  string
	typed bool // as a tensor
	elem  elem
	shape []int // -1 where free; nil if there is none
	names []string
}

// tensor is a constant without what its elements become.
type tensor struct {
	name     string
	dims     []int
	elem     elem
	raw      []byte
	hasRaw   bool
	floats   []float32
	ints     []int64 // of int32_data and int64_data
	external map[string]string
	outside  bool
	odd      string // what it has that is not supported
}

// parser takes a file apart and counts what it has become.
type parser struct {
	numbers, parts int
	fault          error // of a name or a number of parts
}

func parseFile(data []byte) (*file, error) {
	f := &file{opsets: map[string]uint64{}, meta: map[string]string{}}
	p := &parser{}
	metadata := 0
	err := onnxproto.Each(data, func(part onnxproto.Field) error {
		switch part.Number {
		case onnxproto.ModelIRVersion:
			f.ir = part.Varint
		case onnxproto.ModelProducer:
			f.producer = p.text(part.Bytes)
		case onnxproto.ModelProducerVersion:
			f.version = p.text(part.Bytes)
		case onnxproto.ModelOpset:
			return p.addOpset(f, part.Bytes)
		case onnxproto.ModelMetadata:
			if metadata += len(part.Bytes); metadata > maxMetadata || len(f.meta) > maxNodes {
				return errors.New("its metadata is too large")
			}
			key, value, err := entry(part.Bytes)
			if err == nil {
				f.meta[key] = value
			}
			return err
		case onnxproto.ModelGraph:
			f.graphs++
			return p.graph(f, part.Bytes)
		}
		return nil
	})
	switch {
	case f.ir == 0 || f.ir > math.MaxInt32 || f.graphs == 0 && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrNotONNX
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrTruncated
	case cmp.Or(err, p.fault) != nil:
		return nil, cmp.Or(err, p.fault)
	case f.graphs > 1:
		return nil, errors.New("the ONNX file has two graphs")
	case f.ir < minIR || f.ir > maxIR:
		return nil, fmt.Errorf("%w: version %d of the ONNX format (IR); %d to %d are read", ErrUnsupported, f.ir, minIR, maxIR)
	}
	return f, f.checkOpset()
}

// checkOpset refuses versions of ONNX' operators that are not known. Those of
// other domains do no harm until a node uses them.
func (f *file) checkOpset() error {
	v, ok := f.opsets[""]
	switch {
	case !ok && len(f.nodes) == 0:
		return errors.New("the model has no operators")
	case !ok:
		return fmt.Errorf("%w: the model uses no operators of ONNX (domains %s)", ErrUnsupported, strings.Join(f.domains(), ", "))
	case v < minOpset || v > maxOpset:
		return fmt.Errorf("%w: version %d of the operators (opset); %d to %d are read", ErrUnsupported, v, minOpset, maxOpset)
	}
	return nil
}

func (f *file) domains() []string {
	var list []string
	for d := range f.opsets {
		list = append(list, fmt.Sprintf("%q", d))
	}
	slices.Sort(list)
	return list
}

func (p *parser) addOpset(f *file, message []byte) error {
	var domain string
	var version uint64
	err := onnxproto.Each(message, func(part onnxproto.Field) error {
		switch part.Number {
		case onnxproto.OpsetDomain:
			domain = domainOf(p.text(part.Bytes))
		case onnxproto.OpsetVersion:
			version = part.Varint
		}
		return nil
	})
	if old, ok := f.opsets[domain]; ok && old != version {
		return fmt.Errorf("the model names versions %d and %d of the operators", old, version)
	}
	if f.opsets[domain] = version; len(f.opsets) > maxAttributes {
		return errors.New("too many opsets")
	}
	return err
}

// domainOf writes the domain of ONNX in one of its two ways.
func domainOf(s string) string {
	if s == "ai.onnx" {
		return ""
	}
	return s
}

// text is a name or another short string, byte for byte: names that differ must
// not become the same.
func (p *parser) text(b []byte) string {
	if len(b) > maxText && p.fault == nil {
		p.fault = fmt.Errorf("a name of %d bytes, at most %d are supported", len(b), maxText)
	}
	return string(b[:min(len(b), maxText)])
}

// count counts a part of the model.
func (p *parser) count() {
	if p.parts++; p.parts > maxParts && p.fault == nil {
		p.fault = errors.New("too many operators, inputs or attributes")
	}
}

func entry(message []byte) (key, value string, err error) {
	err = onnxproto.Each(message, func(part onnxproto.Field) error {
		switch part.Number {
		case onnxproto.EntryKey:
			key = string(part.Bytes)
		case onnxproto.EntryValue:
			value = string(part.Bytes)
		}
		return nil
	})
	return key, value, err
}

func (p *parser) graph(f *file, message []byte) error {
	return onnxproto.Each(message, func(part onnxproto.Field) error {
		var err error
		p.count()
		switch part.Number {
		case onnxproto.GraphNode:
			var n node
			if n, err = p.node(part.Bytes); err != nil {
				err = n.fault(err)
			}
			f.nodes = append(f.nodes, n)
		case onnxproto.GraphInitializer:
			var t tensor
			if t, err = p.tensor(part.Bytes); err != nil {
				err = fmt.Errorf("tensor %q: %w", t.name, err)
			}
			f.tensors = append(f.tensors, t)
		case onnxproto.GraphSparseInitializer:
			err = fmt.Errorf("%w: sparse tensors", ErrUnsupported)
		case onnxproto.GraphInput, onnxproto.GraphOutput:
			var v valueInfo
			if v, err = p.value(part.Bytes); err != nil {
				err = fmt.Errorf("input or output %q: %w", v.name, err)
			}
			if part.Number == onnxproto.GraphInput {
				f.inputs = append(f.inputs, v)
			} else {
				f.outputs = append(f.outputs, v)
			}
		}
		if err == nil {
			err = p.fault
		}
		if err == nil && max(len(f.nodes), len(f.tensors), len(f.inputs), len(f.outputs)) > maxNodes {
			err = fmt.Errorf("more than %d operators or tensors", maxNodes)
		}
		return err
	})
}

func (p *parser) node(message []byte) (node, error) {
	var n node
	err := onnxproto.Each(message, func(part onnxproto.Field) error {
		p.count()
		switch part.Number {
		case onnxproto.NodeInput:
			n.in = append(n.in, p.text(part.Bytes))
		case onnxproto.NodeOutput:
			n.out = append(n.out, p.text(part.Bytes))
		case onnxproto.NodeName:
			n.name = p.text(part.Bytes)
		case onnxproto.NodeOpType:
			n.op = p.text(part.Bytes)
		case onnxproto.NodeDomain:
			n.domain = domainOf(p.text(part.Bytes))
		case onnxproto.NodeAttribute:
			a, err := p.attribute(part.Bytes)
			if err != nil {
				return fmt.Errorf("attribute %q: %w", a.name, err)
			}
			n.attributes = append(n.attributes, a)
		}
		if p.fault != nil {
			return p.fault
		}
		if max(len(n.in), len(n.out)) > maxArguments || len(n.attributes) > maxAttributes {
			return errors.New("too many inputs, outputs or attributes")
		}
		return nil
	})
	return n, err
}

func (p *parser) attribute(message []byte) (attribute, error) {
	var a attribute
	err := onnxproto.Each(message, func(part onnxproto.Field) error {
		var err error
		switch part.Number {
		case onnxproto.AttributeName:
			a.name = p.text(part.Bytes)
		case onnxproto.AttributeType:
			a.kind = kind(part.Varint)
		case onnxproto.AttributeFloat:
			a.float = math.Float32frombits(uint32(part.Varint))
		case onnxproto.AttributeInt:
			a.number = int64(part.Varint)
		case onnxproto.AttributeString:
			a.text = p.text(part.Bytes)
		case onnxproto.AttributeTensor:
			var t tensor
			t, err = p.tensor(part.Bytes)
			a.tensor = &t
		case onnxproto.AttributeFloats:
			a.floats, err = p.floats(a.floats, part, maxAttribute)
		case onnxproto.AttributeInts:
			a.ints, err = p.ints(a.ints, part, maxAttribute)
		case onnxproto.AttributeRef:
			err = fmt.Errorf("%w: a reference to the attribute of a function", ErrUnsupported)
		}
		return err
	})
	return a, err
}

// ints appends the integers of a field, which may be a packed list.
func (p *parser) ints(list []int64, part onnxproto.Field, most int) ([]int64, error) {
	if part.Type == protowire.VarintType {
		list = append(list, int64(part.Varint))
		p.numbers++
	}
	for b := part.Bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		list = append(list, int64(v))
		if p.numbers++; p.numbers > maxAllNumbers || len(list) > most {
			return nil, errors.New("too many numbers")
		}
	}
	if p.numbers > maxAllNumbers || len(list) > most {
		return nil, errors.New("too many numbers")
	}
	return list, nil
}

// floats appends the floats of a field, which may be a packed list.
func (p *parser) floats(list []float32, part onnxproto.Field, most int) ([]float32, error) {
	if len(part.Bytes)%4 != 0 || len(list)+len(part.Bytes)/4+1 > most {
		return nil, errors.New("a list of floats that is cut or too long")
	}
	if part.Type == protowire.Fixed32Type {
		return append(list, math.Float32frombits(uint32(part.Varint))), nil
	}
	return append(list, floats32(part.Bytes)...), nil
}

func (p *parser) tensor(message []byte) (tensor, error) {
	var t tensor
	var fault error // reported when the name is known, which comes later
	err := onnxproto.Each(message, func(part onnxproto.Field) error {
		var err error
		switch part.Number {
		case onnxproto.TensorDims:
			if err := t.addDims(p, part); err != nil && fault == nil {
				fault = err
			}
		case onnxproto.TensorDataType:
			t.elem = elem(part.Varint)
		case onnxproto.TensorName:
			t.name = p.text(part.Bytes)
		case onnxproto.TensorRawData:
			t.raw, t.hasRaw = part.Bytes, true
		case onnxproto.TensorFloatData:
			t.floats, err = p.floats(t.floats, part, graph.MaxElements)
		case onnxproto.TensorInt32Data, onnxproto.TensorInt64Data:
			t.ints, err = p.ints(t.ints, part, maxAllNumbers)
		case onnxproto.TensorExternalData:
			key, value, err := entry(part.Bytes)
			if err != nil || len(t.external) > maxAttributes {
				return errors.Join(err, errors.New("bad external data"))
			}
			if t.external == nil {
				t.external = map[string]string{}
			}
			t.external[key] = value
		case onnxproto.TensorDataLocation:
			t.outside = part.Varint == 1
		case onnxproto.TensorSegment:
			t.odd = "a tensor in segments"
		case onnxproto.TensorStringData, onnxproto.TensorDoubleData, onnxproto.TensorUint64Data:
			// The type says it, too.
		}
		return err
	})
	return t, cmp.Or(err, fault)
}

// addDims appends dimensions, or gives an error and appends none.
func (t *tensor) addDims(p *parser, part onnxproto.Field) error {
	dims, err := p.ints(nil, part, graph.MaxRank)
	if err != nil || len(t.dims)+len(dims) > graph.MaxRank {
		return fmt.Errorf("more than %d dimensions", graph.MaxRank)
	}
	for _, d := range dims {
		if d < 0 || d > graph.MaxElements {
			return fmt.Errorf("a dimension of %d", d)
		}
		t.dims = append(t.dims, int(d))
	}
	return nil
}

// value reads the description of an input or an output.
func (p *parser) value(message []byte) (valueInfo, error) {
	var v valueInfo
	err := onnxproto.Each(message, func(part onnxproto.Field) error {
		switch part.Number {
		case onnxproto.ValueInfoName:
			v.name = p.text(part.Bytes)
		case onnxproto.ValueInfoType:
			return onnxproto.Each(part.Bytes, func(part onnxproto.Field) error {
				if part.Number == onnxproto.TypeTensor {
					v.typed = true
					return p.tensorType(&v, part.Bytes)
				}
				return nil
			})
		}
		return nil
	})
	return v, err
}

func (p *parser) tensorType(v *valueInfo, message []byte) error {
	return onnxproto.Each(message, func(part onnxproto.Field) error {
		switch part.Number {
		case onnxproto.TypeElem:
			v.elem = elem(part.Varint)
		case onnxproto.TypeShape:
			v.shape = []int{}
			return onnxproto.Each(part.Bytes, func(part onnxproto.Field) error {
				if part.Number == onnxproto.ShapeDim {
					return p.addDim(v, part.Bytes)
				}
				return nil
			})
		}
		return nil
	})
}

func (p *parser) addDim(v *valueInfo, message []byte) error {
	side, name := -1, ""
	err := onnxproto.Each(message, func(part onnxproto.Field) error {
		switch part.Number {
		case onnxproto.DimValue:
			if side = int(part.Varint); side < -1 || side > graph.MaxElements {
				return fmt.Errorf("a dimension of %d", side)
			}
		case onnxproto.DimParam:
			name = p.text(part.Bytes)
		}
		return nil
	})
	if side == 0 {
		side = -1 // some exporters write that for a free one
	}
	if len(v.shape) == graph.MaxRank {
		return fmt.Errorf("more than %d dimensions", graph.MaxRank)
	}
	v.shape, v.names = append(v.shape, side), append(v.names, name)
	return err
}

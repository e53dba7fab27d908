package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// What [ReadONNX] says of files that it cannot use.
var (
	ErrNotONNX   = errors.New("not an ONNX file")
	ErrForeign   = errors.New("an ONNX model, but not written by oi-train")
	ErrTruncated = errors.New("the model file is truncated")
	ErrDamaged   = errors.New("the model file is damaged")
)

// MaxFileSize is the largest model file that is read, in bytes.
const MaxFileSize = 1 << 30

// maxDescription bounds the JSON of a description and of the class names, in bytes.
const maxDescription = 16 << 20

// maxTensors bounds lists of small messages; the largest network has fewer.
const maxTensors = 16 * maxLayers

// ReadONNX reads a model that [Network.WriteONNX] wrote, and its metadata without the writer's own keys. It knows no
// other ONNX files: the graph must be, operator by operator, the one that the description in the metadata gives.
// Memory stays in proportion to the bytes read. The weights must be those that were written. Errors are [ErrNotONNX],
// [ErrForeign], [ErrTruncated] or [ErrDamaged] with details, or those of r.
func ReadONNX(r io.Reader) (*Network, map[string]string, error) {
	file, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read model: %w", err)
	}
	if len(file) > MaxFileSize {
		return nil, nil, fmt.Errorf("the model file is larger than %d MiB", MaxFileSize>>20)
	}
	m, err := parseModel(file)
	if err != nil {
		return nil, nil, err
	}
	n, err := m.network()
	if err != nil {
		return nil, nil, err
	}
	delete(m.meta, metaClasses)
	delete(m.meta, metaDescription)
	return n, m.meta, nil
}

// modelFile is what is taken from a model's outermost message.
type modelFile struct {
	ir, opset uint64
	graph     []byte
	hasGraph  bool
	producer  string
	meta      map[string]string
}

func parseModel(file []byte) (*modelFile, error) {
	magic := fileStart()
	m := &modelFile{meta: map[string]string{}}
	err := eachField(file, func(f field) error {
		switch f.number {
		case modelIRVersion:
			m.ir = f.varint
		case modelProducer:
			m.producer = string(f.bytes)
		case modelGraph:
			m.graph, m.hasGraph = f.bytes, true
		case modelOpset:
			return eachField(f.bytes, func(f field) error {
				if f.number == opsetVersion {
					m.opset = f.varint
				}
				return nil
			})
		case modelMetadata:
			return m.addMeta(f.bytes)
		}
		return nil
	})
	switch {
	case len(file) > 0 && len(file) < len(magic) && bytes.HasPrefix(magic, file):
		return nil, ErrTruncated
	case m.ir == 0 || m.ir > math.MaxInt32:
		return nil, ErrNotONNX
	case m.producer != producer && err != nil:
		return nil, ErrNotONNX
	case m.producer != producer && !m.hasGraph:
		return nil, ErrNotONNX
	case m.producer != producer:
		return nil, ErrForeign
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrTruncated
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotONNX, err)
	case m.meta[metaDescription] == "":
		// The description is the last entry of the file.
		return nil, ErrTruncated
	case m.ir != irVersion || m.opset != opset:
		return nil, fmt.Errorf("%w: IR version %d and opset %d where %d and %d were expected", ErrForeign, m.ir, m.opset, irVersion, opset)
	}
	return m, nil
}

func (m *modelFile) addMeta(entry []byte) error {
	var key, value string
	err := eachField(entry, func(f field) error {
		switch f.number {
		case entryKey:
			key = string(f.bytes)
		case entryValue:
			value = string(f.bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.meta[key] = value
	return nil
}

// network rebuilds the network from the description, and checks the graph against it.
func (m *modelFile) network() (*Network, error) {
	if len(m.meta[metaDescription])+len(m.meta[metaClasses]) > maxDescription {
		return nil, fmt.Errorf("%w: its description is too large", ErrForeign)
	}
	var d description
	if err := json.Unmarshal([]byte(m.meta[metaDescription]), &d); err != nil {
		return nil, fmt.Errorf("%w: its description does not parse: %w", ErrForeign, err)
	}
	if d.Version != descriptionVersion {
		return nil, fmt.Errorf("the model file has a description of version %d, this program reads version %d", d.Version, descriptionVersion)
	}
	n := &Network{Height: d.Height, Width: d.Width, Channels: d.Channels, Arch: d.Arch, Layers: d.Layers}
	if err := json.Unmarshal([]byte(m.meta[metaClasses]), &n.Classes); err != nil {
		return nil, fmt.Errorf("%w: its class names do not parse: %w", ErrForeign, err)
	}
	want, err := newGraph(n)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	got, tensors, err := parseGraph(m.graph)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if !slices.EqualFunc(got.nodes, want.nodes, bytes.Equal) || !bytes.Equal(got.input, want.input) || !bytes.Equal(got.output, want.output) {
		return nil, fmt.Errorf("%w: its graph is not the one that it describes", ErrForeign)
	}
	spec, err := n.Spec()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if len(tensors) != len(spec) {
		return nil, fmt.Errorf("%w: %d tensors where %d were expected", ErrForeign, len(tensors), len(spec))
	}
	for i, p := range spec {
		if err := tensors[i].check(p); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrForeign, err)
		}
		p.Data = inward(floats(tensors[i].raw), p.Shape)
		n.Params = append(n.Params, p)
	}
	if err := n.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if n.WeightsHash() != d.Weights {
		return nil, fmt.Errorf("%w: its weights are not those that were written", ErrDamaged)
	}
	return n, nil
}

func parseGraph(b []byte) (*graph, []fileTensor, error) {
	g := &graph{}
	var tensors []fileTensor
	err := eachField(b, func(f field) error {
		switch f.number {
		case graphNode:
			g.nodes = append(g.nodes, f.bytes)
		case graphInitializer:
			t, err := parseTensor(f.bytes)
			if err != nil {
				return err
			}
			tensors = append(tensors, t)
		case graphInput:
			g.input = f.bytes
		case graphOutput:
			g.output = f.bytes
		}
		if len(g.nodes) > maxTensors || len(tensors) > maxTensors {
			return errors.New("too many operators or tensors")
		}
		return nil
	})
	return g, tensors, err
}

// fileTensor is a tensor as it stands in the file; raw is a part of the file.
type fileTensor struct {
	name string
	dims []int
	elem uint64
	raw  []byte
}

// maxDims bounds the dimensions of a tensor.
const maxDims = 8

func parseTensor(b []byte) (fileTensor, error) {
	var t fileTensor
	err := eachField(b, func(f field) error {
		switch f.number {
		case tensorDims:
			if len(t.dims) == maxDims || f.varint > maxParameters {
				return errors.New("a tensor of an impossible shape")
			}
			t.dims = append(t.dims, int(f.varint))
		case tensorDataType:
			t.elem = f.varint
		case tensorName:
			t.name = string(f.bytes)
		case tensorRawData:
			t.raw = f.bytes
		}
		return nil
	})
	return t, err
}

// check compares the tensor with the parameter that it is to become.
func (t fileTensor) check(p Param) error {
	switch {
	case t.name != p.Name || !slices.Equal(t.dims, outwardShape(p.Shape)):
		return fmt.Errorf("tensor %q of shape %v where %q of shape %v was expected", t.name, t.dims, p.Name, outwardShape(p.Shape))
	case t.elem != elemFloat:
		return fmt.Errorf("tensor %q has elements of type %d, not float32", t.name, t.elem)
	case len(t.raw) != 4*p.Size():
		return fmt.Errorf("tensor %q has %d bytes, shape %v needs %d", t.name, len(t.raw), t.dims, 4*p.Size())
	}
	return nil
}

// field is one field of a protobuf message; bytes is a part of the message.
type field struct {
	number protowire.Number
	varint uint64
	bytes  []byte
}

// eachField calls do for every field of a message. A message that ends inside a field gives io.ErrUnexpectedEOF.
func eachField(b []byte, do func(field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

package model

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// What [ReadONNX] says of files that it cannot use.
var (
	ErrNotONNX   = errors.New("not an ONNX file")
	ErrForeign   = errors.New("an ONNX model that oi-train did not write")
	ErrTruncated = errors.New("the model file is truncated")
	ErrDamaged   = errors.New("the model file is damaged, or was changed after oi-train had written it")
	ErrVersion   = errors.New("a model file of another version of oi-train")
)

// MaxFileSize is the largest model file that is read, in bytes.
const MaxFileSize = 1 << 30

// maxDescription bounds the JSON of a description and of the class names, in
// bytes.
const maxDescription = 16 << 20

// maxTensors bounds lists of small messages; the largest network has fewer.
const maxTensors = 16 * maxLayers

// ReadONNX reads a model that [Network.WriteONNX] wrote, now or in an older
// version, and its metadata without the writer's own keys. It knows no other
// ONNX files: the graph must be, operator by operator, the one that the
// description in the metadata gives. Of what begins otherwise it reads no more
// than a few kilobytes, and memory stays in proportion to the bytes read. Every
// byte must be as it was written; version 1 of the file says so of the weights
// alone. Errors are [ErrNotONNX], [ErrForeign], [ErrTruncated], [ErrDamaged] or
// [ErrVersion] with details, or those of r.
func ReadONNX(r io.Reader) (*Network, map[string]string, error) {
	in := bufio.NewReaderSize(r, headSize)
	if err := checkStart(in); err != nil {
		return nil, nil, err
	}
	file, err := readFields(in)
	if err != nil {
		return nil, nil, err
	}
	m, err := parseModel(file)
	if err != nil {
		return nil, nil, err
	}
	n, err := m.network()
	if err != nil {
		return nil, nil, err
	}
	for _, key := range ownKeys {
		delete(m.meta, key)
	}
	return n, m.meta, nil
}

// ReadFile reads an ONNX file, of whatever maker, up to its end or to the first
// byte that is no field of it. Of what is none it reads no more than a few
// kilobytes, and memory stays in proportion to the bytes read. Errors are
// [ErrNotONNX] and [ErrTruncated] with details, or those of r.
func ReadFile(r io.Reader) ([]byte, error) {
	in := bufio.NewReaderSize(r, headSize)
	if err := checkStart(in); err != nil && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	return readFields(in)
}

// headSize is how much is read of a file that is not ours, to say what it is.
const headSize = 4096

// checkStart looks at the first bytes of a file, and does not wait for more if
// these are ours.
func checkStart(in *bufio.Reader) error {
	magic := fileStart()
	head, err := in.Peek(len(magic))
	switch {
	case bytes.Equal(head, magic):
		return nil
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("read model: %w", err)
	case len(head) > 0 && bytes.HasPrefix(magic, head):
		return ErrTruncated
	}
	head, err = in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read model: %w", err)
	}
	return foreign(head)
}

// foreign says what a file is that does not begin as ours do. In ONNX the
// version of the format, who made it and other short fields come before the
// graph.
func foreign(head []byte) error {
	var ir uint64
	var maker, version string
	hasGraph := false
	err := onnxproto.Each(head, func(f onnxproto.Field) error {
		switch f.Number {
		case onnxproto.ModelIRVersion:
			ir = f.Varint
		case onnxproto.ModelProducer:
			maker = string(f.Bytes)
		case onnxproto.ModelProducerVersion:
			version = string(f.Bytes)
		case onnxproto.ModelGraph:
			hasGraph = true
		}
		return nil
	})
	cut := errors.Is(err, io.ErrUnexpectedEOF) // in the graph, as a rule: this is the head alone
	switch {
	case ir == 0 || ir > math.MaxInt32 || !cut && (err != nil || !hasGraph):
		return ErrNotONNX
	case maker == producer:
		return fmt.Errorf("%w: IR version %d where %d was expected", ErrDamaged, ir, irVersion)
	case maker == "":
		return ErrForeign
	}
	return fmt.Errorf("%w: its producer is %s", ErrForeign, strings.TrimSpace(shortened(maker)+" "+shortened(version)))
}

// shortened keeps a name from elsewhere from filling the screen.
func shortened(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// readFields reads a file up to its end or to the first byte that is no field
// of it: what is no model, or follows one, may have no end.
func readFields(in *bufio.Reader) ([]byte, error) {
	var file bytes.Buffer // which grows with what comes
	for {
		head, err := in.Peek(2 * binary.MaxVarintLen64) // a tag and a length
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read model: %w", err)
		}
		if len(head) == 0 {
			return file.Bytes(), nil
		}
		size, ok := fieldSize(head)
		if !ok {
			file.Write(head)
			return file.Bytes(), nil
		}
		if size > uint64(MaxFileSize-file.Len()) {
			return nil, fmt.Errorf("the model file is larger than %d MiB", MaxFileSize>>20)
		}
		if _, err := io.CopyN(&file, in, int64(size)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read model: %w", err)
		}
	}
}

// fieldSize is the length of the field that begins with head, tag and all, or
// false if none begins there.
func fieldSize(head []byte) (uint64, bool) {
	number, kind, tag := protowire.ConsumeTag(head)
	if tag < 0 {
		return 0, false
	}
	if kind != protowire.BytesType {
		value := protowire.ConsumeFieldValue(number, kind, head[tag:])
		return uint64(tag + value), value >= 0
	}
	length, n := protowire.ConsumeVarint(head[tag:])
	return uint64(tag+n) + min(length, math.MaxInt64), n >= 0
}

// modelFile is what is taken from a model's outermost message.
type modelFile struct {
	sealed bool
	opset  uint64
	graph  []byte
	meta   map[string]string
}

// parseModel takes a file apart that begins as ours do.
func parseModel(file []byte) (*modelFile, error) {
	m := &modelFile{meta: map[string]string{}}
	var err error
	if m.sealed, err = checkSeal(file); err != nil {
		return nil, err
	}
	err = onnxproto.Each(file, func(f onnxproto.Field) error {
		switch f.Number {
		case onnxproto.ModelGraph:
			m.graph = f.Bytes
		case onnxproto.ModelOpset:
			return onnxproto.Each(f.Bytes, func(f onnxproto.Field) error {
				if f.Number == onnxproto.OpsetVersion {
					m.opset = f.Varint
				}
				return nil
			})
		case onnxproto.ModelMetadata:
			return m.addMeta(f.Bytes)
		}
		return nil
	})
	switch {
	case m.meta[metaSeal] != "" && !m.sealed:
		return nil, fmt.Errorf("%w: something follows its end", ErrDamaged)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrTruncated
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case m.meta[metaDescription] == "":
		return nil, ErrTruncated // nothing but the seal comes after it
	case m.opset != opset:
		return nil, fmt.Errorf("%w: opset %d where %d was expected", ErrDamaged, m.opset, opset)
	}
	return m, nil
}

// checkSeal reports whether a file ends in a seal. One that is not of the bytes
// before it is an error.
func checkSeal(file []byte) (bool, error) {
	var sum [sha256.Size]byte
	form := seal(sum)
	at := len(file) - len(form)
	if at < 0 || !bytes.HasPrefix(file[at:], form[:len(form)-hex.EncodedLen(len(sum))]) {
		return false, nil
	}
	if !bytes.Equal(file[at:], seal(sha256.Sum256(file[:at]))) {
		return true, fmt.Errorf("%w: its checksum is another", ErrDamaged)
	}
	return true, nil
}

func (m *modelFile) addMeta(entry []byte) error {
	var key, value string
	err := onnxproto.Each(entry, func(f onnxproto.Field) error {
		switch f.Number {
		case onnxproto.EntryKey:
			key = string(f.Bytes)
		case onnxproto.EntryValue:
			value = string(f.Bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.meta[key] = value
	return nil
}

// network rebuilds the network from the description, and checks the graph
// against it.
func (m *modelFile) network() (*Network, error) {
	if len(m.meta[metaDescription])+len(m.meta[metaClasses]) > maxDescription {
		return nil, fmt.Errorf("%w: its description is too large", ErrDamaged)
	}
	var d description
	if err := json.Unmarshal([]byte(m.meta[metaDescription]), &d); err != nil {
		return nil, fmt.Errorf("%w: its description does not parse: %w", ErrDamaged, err)
	}
	switch {
	case d.Version < plainDense || d.Version > transposedDense:
		return nil, fmt.Errorf("%w: its description has version %d, this program reads %d to %d", ErrVersion, d.Version, plainDense, transposedDense)
	case d.Version >= transposedDense && !m.sealed:
		return nil, ErrTruncated
	}
	n := &Network{Height: d.Height, Width: d.Width, Channels: d.Channels, Arch: d.Arch, Layers: d.Layers}
	if err := json.Unmarshal([]byte(m.meta[metaClasses]), &n.Classes); err != nil {
		return nil, fmt.Errorf("%w: its class names do not parse: %w", ErrDamaged, err)
	}
	want, err := encodeGraph(n, d.Version)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	got, tensors, err := parseGraph(m.graph)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !slices.EqualFunc(got.nodes, want.nodes, bytes.Equal) || !bytes.Equal(got.input, want.input) || !bytes.Equal(got.output, want.output) {
		return nil, fmt.Errorf("%w: its graph is not the one that it describes", ErrDamaged)
	}
	spec, err := n.Spec()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(tensors) != len(spec) {
		return nil, fmt.Errorf("%w: %d tensors where %d were expected", ErrDamaged, len(tensors), len(spec))
	}
	for i, p := range spec {
		if err := tensors[i].check(p, d.Version); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		p.Data = fromONNX(floats(tensors[i].raw), p.Shape, d.Version)
		n.Params = append(n.Params, p)
	}
	if err := n.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if n.WeightsHash() != d.Weights {
		return nil, fmt.Errorf("%w: its weights have another checksum", ErrDamaged)
	}
	return n, nil
}

func parseGraph(b []byte) (*encodedGraph, []fileTensor, error) {
	g := &encodedGraph{}
	var tensors []fileTensor
	err := onnxproto.Each(b, func(f onnxproto.Field) error {
		switch f.Number {
		case onnxproto.GraphNode:
			g.nodes = append(g.nodes, f.Bytes)
		case onnxproto.GraphInitializer:
			t, err := parseTensor(f.Bytes)
			if err != nil {
				return err
			}
			tensors = append(tensors, t)
		case onnxproto.GraphInput:
			g.input = f.Bytes
		case onnxproto.GraphOutput:
			g.output = f.Bytes
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
	err := onnxproto.Each(b, func(f onnxproto.Field) error {
		switch f.Number {
		case onnxproto.TensorDims:
			if len(t.dims) == maxDims || f.Varint > maxParameters {
				return errors.New("a tensor of an impossible shape")
			}
			t.dims = append(t.dims, int(f.Varint))
		case onnxproto.TensorDataType:
			t.elem = f.Varint
		case onnxproto.TensorName:
			t.name = string(f.Bytes)
		case onnxproto.TensorRawData:
			t.raw = f.Bytes
		}
		return nil
	})
	return t, err
}

// check compares the tensor with the parameter that it is to become, in a
// version of the file.
func (t fileTensor) check(p Param, version int) error {
	want := onnxShape(p.Shape, version)
	switch {
	case t.name != p.Name || !slices.Equal(t.dims, want):
		return fmt.Errorf("tensor %q of shape %v where %q of shape %v was expected", t.name, t.dims, p.Name, want)
	case t.elem != elemFloat:
		return fmt.Errorf("tensor %q has elements of type %d, not float32", t.name, t.elem)
	case len(t.raw) != 4*p.Size():
		return fmt.Errorf("tensor %q has %d bytes, shape %v needs %d", t.name, len(t.raw), t.dims, 4*p.Size())
	}
	return nil
}

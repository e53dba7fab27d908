package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrNotSafetensors is what [ReadSafetensors] says of other files.
var ErrNotSafetensors = errors.New("not a safetensors file")

// maxHeader is the largest header that the format allows, in bytes.
const maxHeader = 100_000_000

// headerTensor is a tensor's entry in the header.
type headerTensor struct {
	Dtype   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// WriteSafetensors writes the weights as a safetensors file: the length of the
// header as a 64-bit little-endian number, the header as JSON, padded with
// blanks to a multiple of eight bytes, and the tensors in the order of Params,
// as 32-bit little-endian floats in the layouts that [Param] states (those of
// Keras). meta goes into "__metadata__".
func (n *Network) WriteSafetensors(w io.Writer, meta map[string]string) error {
	if err := n.Validate(); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	header := map[string]any{}
	if len(meta) > 0 {
		header["__metadata__"] = meta
	}
	var offset int64
	for _, p := range n.Params {
		end := offset + 4*int64(len(p.Data))
		header[p.Name] = headerTensor{Dtype: "F32", Shape: p.Shape, Offsets: [2]int64{offset, end}}
		offset = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	if len(text) > maxHeader-8 {
		return fmt.Errorf("write safetensors: a header of %d bytes is larger than the format allows", len(text))
	}
	if odd := len(text) % 8; odd != 0 {
		text = append(text, bytes.Repeat([]byte{' '}, 8-odd)...)
	}
	out := &errWriter{w: w}
	out.write(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))
	out.write(text)
	for _, p := range n.Params {
		out.floats(p.Data)
	}
	return out.err
}

// ReadSafetensors reads a safetensors file of float32 tensors, in the order of
// their data, and its metadata. Memory stays in proportion to the bytes read. A
// file that ends too early gives [ErrTruncated].
func ReadSafetensors(r io.Reader) ([]Param, map[string]string, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil, ErrNotSafetensors
		}
		return nil, nil, fmt.Errorf("read safetensors: %w", err)
	}
	size := binary.LittleEndian.Uint64(start[:])
	if size < 2 || size > maxHeader {
		return nil, nil, ErrNotSafetensors
	}
	text, err := readExactly(r, int64(size))
	if len(text) > 0 && text[0] != '{' {
		return nil, nil, ErrNotSafetensors
	}
	if err != nil {
		return nil, nil, err
	}
	params, offsets, meta, err := parseHeader(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotSafetensors, err)
	}
	for i := range params {
		raw, err := readExactly(r, offsets[i][1]-offsets[i][0])
		if err != nil {
			return nil, nil, err
		}
		params[i].Data = floats(raw)
	}
	switch n, err := io.ReadFull(r, start[:1]); {
	case n > 0:
		return nil, nil, errors.New("the safetensors file has bytes after its last tensor")
	case !errors.Is(err, io.EOF):
		return nil, nil, fmt.Errorf("read safetensors: %w", err)
	}
	return params, meta, nil
}

// readExactly reads n bytes; its buffer grows with what really comes.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return b, fmt.Errorf("read safetensors: %w", err)
	}
	if int64(len(b)) < n {
		return b, ErrTruncated
	}
	return b, nil
}

// parseHeader returns the tensors in the order of their data, which must lie
// without gaps from offset 0.
func parseHeader(text []byte) ([]Param, [][2]int64, map[string]string, error) {
	var header map[string]json.RawMessage
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, nil, nil, fmt.Errorf("its header does not parse: %w", err)
	}
	type entry struct {
		Param
		offsets [2]int64
	}
	var entries []entry
	var meta map[string]string
	for name, raw := range header {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &meta); err != nil {
				return nil, nil, nil, fmt.Errorf("its metadata does not parse: %w", err)
			}
			continue
		}
		var t headerTensor
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, nil, nil, fmt.Errorf("tensor %q does not parse: %w", name, err)
		}
		if t.Dtype != "F32" {
			return nil, nil, nil, fmt.Errorf("tensor %q has elements of type %q, only F32 is read", name, t.Dtype)
		}
		if err := checkOffsets(t); err != nil {
			return nil, nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries = append(entries, entry{Param{Name: name, Shape: t.Shape}, t.Offsets})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.offsets != b.offsets {
			return slices.Compare(a.offsets[:], b.offsets[:])
		}
		return bytes.Compare([]byte(a.Name), []byte(b.Name))
	})
	var params []Param
	var offsets [][2]int64
	var end int64
	for _, e := range entries {
		if e.offsets[0] != end {
			return nil, nil, nil, fmt.Errorf("tensor %q does not start where the one before ends", e.Name)
		}
		end = e.offsets[1]
		params, offsets = append(params, e.Param), append(offsets, e.offsets)
	}
	return params, offsets, meta, nil
}

// checkOffsets compares a tensor's place with its shape.
func checkOffsets(t headerTensor) error {
	size := int64(1)
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && size > maxParameters/int64(d)) {
			return fmt.Errorf("impossible shape %v", t.Shape)
		}
		size *= int64(d)
	}
	if t.Offsets[0] < 0 || t.Offsets[0] > 1<<40 || t.Offsets[1]-t.Offsets[0] != 4*size {
		return fmt.Errorf("shape %v does not fit the offsets %v", t.Shape, t.Offsets)
	}
	return nil
}

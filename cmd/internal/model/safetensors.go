package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

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

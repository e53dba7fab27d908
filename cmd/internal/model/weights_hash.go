package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
)

// WeightsHash identifies the weights: the SHA-256, in hexadecimal, over each
// parameter's name, shape and data in order. A name is preceded by its length
// and a shape by its number of dimensions; these and the dimensions are 64-bit,
// the data 32-bit floats, all little-endian.
func (n *Network) WeightsHash() string {
	h := sha256.New()
	for _, p := range n.Params {
		head := binary.LittleEndian.AppendUint64(nil, uint64(len(p.Name)))
		head = append(head, p.Name...)
		head = binary.LittleEndian.AppendUint64(head, uint64(len(p.Shape)))
		for _, d := range p.Shape {
			head = binary.LittleEndian.AppendUint64(head, uint64(d))
		}
		h.Write(head) // a hash never fails
		_ = writeFloats(h, p.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// floatsPerWrite bounds the buffer between floats in memory and bytes on their
// way out.
const floatsPerWrite = 4096

// writeFloats writes data as 32-bit little-endian floats.
func writeFloats(w io.Writer, data []float32) error {
	buf := make([]byte, 0, 4*min(len(data), floatsPerWrite))
	for len(data) > 0 {
		part := data[:min(len(data), floatsPerWrite)]
		data = data[len(part):]
		buf = appendFloats(buf[:0], part)
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

func appendFloats(b []byte, data []float32) []byte {
	for _, v := range data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// floats decodes 32-bit little-endian floats; len(raw) is a multiple of four.
func floats(raw []byte) []float32 {
	data := make([]float32, len(raw)/4)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return data
}

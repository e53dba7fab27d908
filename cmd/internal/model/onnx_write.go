package model

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// producer is what the files carry as their maker, and what the reader asks for.
const producer = "oi-train"

// Metadata keys that the writer sets itself. The description is the last entry of a file, so a file that has it is whole.
const (
	metaClasses     = "classes"
	metaDescription = "oi_network"
)

// description is the part of a network that the operators of an ONNX graph cannot carry, as JSON in its metadata.
type description struct {
	Version  int     `json:"version"`
	Arch     string  `json:"arch"`
	Height   int     `json:"height"`
	Width    int     `json:"width"`
	Channels int     `json:"channels"`
	Layers   []Layer `json:"layers"`
	Weights  string  `json:"weights_sha256"` // WeightsHash, so that a flipped bit is noticed
}

// descriptionVersion is raised when a reader of the old form would misread the new one.
const descriptionVersion = 1

// WriteONNX writes the network as an ONNX model: input "image", uint8 [N,Height,Width,Channels], output
// "probabilities", float32 [N,classes]. The entries of meta go into the model's metadata, sorted by key; the keys
// "classes" (a JSON array of the names) and "oi_network" belong to the writer. The same network and metadata give the
// same bytes. Strings in ONNX are UTF-8: other bytes in meta become U+FFFD.
func (n *Network) WriteONNX(w io.Writer, meta map[string]string) error {
	if err := n.Validate(); err != nil {
		return fmt.Errorf("write ONNX: %w", err)
	}
	g, err := newGraph(n)
	if err != nil {
		return fmt.Errorf("write ONNX: %w", err)
	}
	trailer, err := n.metadata(meta)
	if err != nil {
		return fmt.Errorf("write ONNX: %w", err)
	}

	head := fileStart()
	body := g.head(n.Arch)
	tensors := make([][]byte, len(n.Params)) // without the data
	size := len(body) + len(g.tail())
	for i, p := range n.Params {
		tensors[i] = tensorHead(p)
		size += sizeBytes(graphInitializer, tensorSize(tensors[i], p))
	}
	head = protowire.AppendTag(head, modelGraph, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))

	out := &sticky{w: w}
	out.write(head)
	out.write(body)
	for i, p := range n.Params {
		b := protowire.AppendTag(nil, graphInitializer, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(tensorSize(tensors[i], p)))
		b = append(b, tensors[i]...)
		b = protowire.AppendTag(b, tensorRawData, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(4*len(p.Data)))
		out.write(b)
		out.floats(outward(p))
	}
	out.write(g.tail())
	out.write(appendBytes(nil, modelOpset, appendVarint(nil, opsetVersion, opset)))
	out.write(trailer)
	return out.err
}

// fileStart encodes the first two fields of a file.
func fileStart() []byte {
	return appendString(appendVarint(nil, modelIRVersion, irVersion), modelProducer, producer)
}

// sticky writes until the first error and remembers it.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *sticky) floats(data []float32) {
	if s.err == nil {
		s.err = writeFloats(s.w, data)
	}
}

// head encodes the graph's nodes and name, the fields before the weights.
func (g *graph) head(name string) []byte {
	var b []byte
	for _, node := range g.nodes {
		b = appendBytes(b, graphNode, node)
	}
	return appendString(b, graphName, strings.ToValidUTF8(name, "\ufffd"))
}

// tail encodes the fields after the weights.
func (g *graph) tail() []byte {
	return appendBytes(appendBytes(nil, graphInput, g.input), graphOutput, g.output)
}

// tensorHead encodes a tensor without its data.
func tensorHead(p Param) []byte {
	var b []byte
	for _, d := range outwardShape(p.Shape) {
		b = appendVarint(b, tensorDims, d)
	}
	b = appendVarint(b, tensorDataType, elemFloat)
	return appendString(b, tensorName, p.Name)
}

// tensorSize is the length of a tensor's message, head included.
func tensorSize(head []byte, p Param) int {
	return len(head) + sizeBytes(tensorRawData, 4*len(p.Data))
}

// sizeBytes is the length of a field that holds n bytes.
func sizeBytes(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

// outwardShape turns a convolution's [K,K,Cin,Cout] into ONNX's [Cout,Cin,K,K]; other shapes stay.
func outwardShape(shape []int) []int {
	if len(shape) != 4 {
		return shape
	}
	return []int{shape[3], shape[2], shape[0], shape[1]}
}

// outward returns the data in the order of outwardShape.
func outward(p Param) []float32 {
	if len(p.Shape) != 4 {
		return p.Data
	}
	taps, cin, cout := p.Shape[0]*p.Shape[1], p.Shape[2], p.Shape[3]
	data := make([]float32, len(p.Data))
	for t := range taps {
		for ci := range cin {
			for co := range cout {
				data[(co*cin+ci)*taps+t] = p.Data[(t*cin+ci)*cout+co]
			}
		}
	}
	return data
}

// inward is the reverse of outward: raw is in ONNX's order, shape is ours.
func inward(raw []float32, shape []int) []float32 {
	if len(shape) != 4 {
		return raw
	}
	taps, cin, cout := shape[0]*shape[1], shape[2], shape[3]
	data := make([]float32, len(raw))
	for t := range taps {
		for ci := range cin {
			for co := range cout {
				data[(t*cin+ci)*cout+co] = raw[(co*cin+ci)*taps+t]
			}
		}
	}
	return data
}

// metadata encodes the caller's entries, sorted, and then the writer's own.
func (n *Network) metadata(meta map[string]string) ([]byte, error) {
	classes, err := json.Marshal(n.Classes)
	if err != nil {
		return nil, fmt.Errorf("class names: %w", err)
	}
	desc, err := json.Marshal(description{
		Version: descriptionVersion, Arch: n.Arch, Height: n.Height, Width: n.Width, Channels: n.Channels, Layers: n.Layers,
		Weights: n.WeightsHash(),
	})
	if err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	var b []byte
	entry := func(key, value string) {
		m := appendString(nil, entryKey, strings.ToValidUTF8(key, "\ufffd"))
		m = appendString(m, entryValue, strings.ToValidUTF8(value, "\ufffd"))
		b = appendBytes(b, modelMetadata, m)
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if key == metaClasses || key == metaDescription {
			return nil, fmt.Errorf("metadata key %q is the writer's own", key)
		}
		entry(key, meta[key])
	}
	entry(metaClasses, string(classes))
	entry(metaDescription, string(desc))
	return b, nil
}

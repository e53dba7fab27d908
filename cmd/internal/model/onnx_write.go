package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// producer is what the files carry as their maker, and what the reader asks
// for.
const producer = "oi-train"

// Metadata keys that the writer sets itself. The description says how to read
// the file, and the seal is its end.
const (
	metaClasses     = "classes"    // JSON
	metaNames       = "names"      // a dict of Python, see pythonDict
	metaDescription = "oi_network" // see description
	metaSeal        = "oi_sha256"  // see seal
)

// description is the part of a network that the operators of an ONNX graph
// cannot carry, as JSON in its metadata.
type description struct {
	Version  int     `json:"version"`
	Arch     string  `json:"arch"`
	Height   int     `json:"height"`
	Width    int     `json:"width"`
	Channels int     `json:"channels"`
	Layers   []Layer `json:"layers"`
	Weights  string  `json:"weights_sha256"` // WeightsHash
}

// Versions of the file, raised when a reader of the old form would misread the
// new one. All are read, the last is written.
const (
	// Dense weights are [in,out] and the description is the file's end.
	plainDense = 1
	// Dense weights are [out,in] and Gemm transposes them, the only way in
	// which OpenCV knows it; the file ends in a seal.
	transposedDense = 2
)

// WriteONNX writes the network as an ONNX model: input "image", uint8
// [N,Height,Width,Channels], output "probabilities", float32 [N,classes].
// producerVersion is that of the program. The entries of meta go into the
// model's metadata, sorted by key; the keys "classes" (a JSON array of the
// names), "names" (the same as a dict of Python, by index), "oi_network" and
// "oi_sha256" belong to the writer. The same network, version and metadata give
// the same bytes. Strings in ONNX are UTF-8: other bytes in meta become U+FFFD.
func (n *Network) WriteONNX(w io.Writer, producerVersion string, meta map[string]string) error {
	if err := n.Validate(); err != nil {
		return fmt.Errorf("write ONNX: %w", err)
	}
	g, err := encodeGraph(n, transposedDense)
	if err != nil {
		return fmt.Errorf("write ONNX: %w", err)
	}
	trailer, err := n.metadata(meta)
	if err != nil {
		return fmt.Errorf("write ONNX: %w", err)
	}

	head := fileStart()
	head = onnxproto.AppendString(head, onnxproto.ModelProducerVersion, strings.ToValidUTF8(producerVersion, "\ufffd"))
	head = onnxproto.AppendString(head, onnxproto.ModelDoc, n.doc())
	body := g.head(n.Arch)
	tensors := make([][]byte, len(n.Params)) // without the data
	size := len(body) + len(g.tail())
	for i, p := range n.Params {
		tensors[i] = tensorHead(p)
		size += sizeBytes(onnxproto.GraphInitializer, tensorSize(tensors[i], p))
	}
	head = protowire.AppendTag(head, onnxproto.ModelGraph, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))

	sum := sha256.New()
	out := &errWriter{w: io.MultiWriter(w, sum)}
	out.write(head)
	out.write(body)
	for i, p := range n.Params {
		b := protowire.AppendTag(nil, onnxproto.GraphInitializer, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(tensorSize(tensors[i], p)))
		b = append(b, tensors[i]...)
		b = protowire.AppendTag(b, onnxproto.TensorRawData, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(4*len(p.Data)))
		out.write(b)
		out.floats(toONNX(p))
	}
	out.write(g.tail())
	out.write(onnxproto.AppendBytes(nil, onnxproto.ModelOpset, onnxproto.AppendVarint(nil, onnxproto.OpsetVersion, opset)))
	out.write(trailer)
	out.write(seal([sha256.Size]byte(sum.Sum(nil))))
	return out.err
}

// fileStart encodes the first two fields of a file.
func fileStart() []byte {
	return onnxproto.AppendString(onnxproto.AppendVarint(nil, onnxproto.ModelIRVersion, irVersion), onnxproto.ModelProducer, producer)
}

// seal is the end of a file, a metadata entry: the SHA-256, in hexadecimal, of
// all that is before it. So a bit that flipped in a class name is noticed as
// one in a weight is.
func seal(sum [sha256.Size]byte) []byte { return metaEntry(metaSeal, hex.EncodeToString(sum[:])) }

// doc says what the model is, for people.
func (n *Network) doc() string {
	return fmt.Sprintf("An image classifier of %d classes by oi-train.\n"+
		"Input %s: uint8 [N,%d,%d,%d], RGB pixels as a decoder gives them; they are scaled in here.\n"+
		"Output %s: float32 [N,%d], in the order of the names in the metadata.",
		len(n.Classes), inputName, n.Height, n.Width, n.Channels, outputName, len(n.Classes))
}

// errWriter writes until the first error and remembers it.
type errWriter struct {
	w   io.Writer
	err error
}

func (s *errWriter) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *errWriter) floats(data []float32) {
	if s.err == nil {
		s.err = writeFloats(s.w, data)
	}
}

// head encodes the graph's nodes and name, the fields before the weights.
func (g *encodedGraph) head(name string) []byte {
	var b []byte
	for _, node := range g.nodes {
		b = onnxproto.AppendBytes(b, onnxproto.GraphNode, node)
	}
	return onnxproto.AppendString(b, onnxproto.GraphName, strings.ToValidUTF8(name, "\ufffd"))
}

// tail encodes the fields after the weights.
func (g *encodedGraph) tail() []byte {
	b := onnxproto.AppendBytes(onnxproto.AppendBytes(nil, onnxproto.GraphInput, g.input), onnxproto.GraphOutput, g.output)
	for _, value := range g.values {
		b = onnxproto.AppendBytes(b, onnxproto.GraphValueInfo, value)
	}
	return b
}

// tensorHead encodes a tensor without its data.
func tensorHead(p Param) []byte {
	var b []byte
	for _, d := range onnxShape(p.Shape, transposedDense) {
		b = onnxproto.AppendVarint(b, onnxproto.TensorDims, d)
	}
	b = onnxproto.AppendVarint(b, onnxproto.TensorDataType, elemFloat)
	return onnxproto.AppendString(b, onnxproto.TensorName, p.Name)
}

// tensorSize is the length of a tensor's message, head included.
func tensorSize(head []byte, p Param) int {
	return len(head) + sizeBytes(onnxproto.TensorRawData, 4*len(p.Data))
}

// sizeBytes is the length of a field that holds n bytes.
func sizeBytes(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

// onnxShape turns a convolution's [K,K,Cin,Cout] into ONNX's [Cout,Cin,K,K],
// and a dense layer's [in,out] into [out,in]; other shapes stay. In version 1
// of the file a dense layer's stays too.
func onnxShape(shape []int, version int) []int {
	switch {
	case len(shape) == 4:
		return []int{shape[3], shape[2], shape[0], shape[1]}
	case len(shape) == 2 && version >= transposedDense:
		return []int{shape[1], shape[0]}
	}
	return shape
}

// axes returns the lengths of the three axes, [elems,in,out], that lie the
// other way round, [out,in,elems], in the file. elems are the K*K of a
// convolution.
func axes(shape []int, version int) (elems, in, out int) {
	switch {
	case len(shape) == 4:
		return shape[0] * shape[1], shape[2], shape[3]
	case len(shape) == 2 && version >= transposedDense:
		return 1, shape[0], shape[1]
	}
	return 1, 1, size(shape)
}

// toONNX returns the data in the layout of onnxShape.
func toONNX(p Param) []float32 {
	elems, in, out := axes(p.Shape, transposedDense)
	data := make([]float32, len(p.Data))
	for t := range elems {
		for i := range in {
			for o := range out {
				data[(o*in+i)*elems+t] = p.Data[(t*in+i)*out+o]
			}
		}
	}
	return data
}

// fromONNX is the reverse of toONNX: raw is in the layout of a version of the
// file, shape is ours.
func fromONNX(raw []float32, shape []int, version int) []float32 {
	elems, in, out := axes(shape, version)
	data := make([]float32, len(raw))
	for t := range elems {
		for i := range in {
			for o := range out {
				data[(t*in+i)*out+o] = raw[(o*in+i)*elems+t]
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
		Version: transposedDense, Arch: n.Arch, Height: n.Height, Width: n.Width, Channels: n.Channels, Layers: n.Layers,
		Weights: n.WeightsHash(),
	})
	if err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	var b []byte
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if slices.Contains(ownKeys, key) {
			return nil, fmt.Errorf("metadata key %q is the writer's own", key)
		}
		b = append(b, metaEntry(key, meta[key])...)
	}
	b = append(b, metaEntry(metaClasses, string(classes))...)
	b = append(b, metaEntry(metaNames, pythonDict(n.Classes))...)
	return append(b, metaEntry(metaDescription, string(desc))...), nil
}

// ownKeys are the metadata keys that no caller can give.
var ownKeys = []string{metaClasses, metaNames, metaDescription, MetaBackbone, metaSeal}

// metaEntry encodes an entry of the metadata.
func metaEntry(key, value string) []byte {
	m := onnxproto.AppendString(nil, onnxproto.EntryKey, strings.ToValidUTF8(key, "\ufffd"))
	m = onnxproto.AppendString(m, onnxproto.EntryValue, strings.ToValidUTF8(value, "\ufffd"))
	return onnxproto.AppendBytes(nil, onnxproto.ModelMetadata, m)
}

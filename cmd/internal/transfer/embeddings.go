package transfer

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/record"
)

// Embedding returns the features of a picture, [Dim] as an [Extractor] gives
// them, as they stand in a record. pixels is the picture that they are of.
func (b *Backbone) Embedding(features []float32, pixels dataset.Picture) *record.Embedding {
	data := DType(b.DType).Append(nil, features)
	return &record.Embedding{Of: b.Of, DType: b.DType, Side: b.Side, Context: b.ContextSide, Pixels: pixels.String(), Data: data}
}

// Append appends numbers, rounded to the type, each with its lowest byte first.
func (t DType) Append(data []byte, values []float32) []byte {
	for _, v := range values {
		if t == Float32 {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		} else {
			data = binary.LittleEndian.AppendUint16(data, float16.FromFloat32(v))
		}
	}
	return data
}

// Embeddings sees to it that the embeddings of a stream can be used together:
// all are of the same network and treatment, for pictures that were cut in the
// same way, and of the pixels that the item has. The zero value takes whatever
// the first item has; it is for one goroutine.
type Embeddings struct {
	Of    string // of all of them, "" until the first
	DType string
	Side  int
	Dim   int // numbers of each

	Context int // the side of the second view, 0 where they are of one

	maker string // what makes Of, for people: a file, or the first item
	first string // key of the first item
	crop  string // how pictures were cut, "" until a trail says
	cutIn string // the file whose trail said it
}

// Expect demands the embeddings that a backbone makes.
func (e *Embeddings) Expect(b *Backbone) {
	e.Of, e.DType, e.Side, e.Dim, e.maker = b.Of, b.DType, b.Side, b.Dim, b.Name
	e.Context = b.ContextSide
}

// Begin takes note of a segment that begins in a file.
func (e *Embeddings) Begin(h *record.Header, file string) error {
	crop := cropOptions(h.Stages)
	switch {
	case crop == "" || crop == e.crop:
	case e.crop == "":
		e.crop, e.cutIn = crop, file
	case file == e.cutIn:
		return &dataset.Problem{
			Text: fmt.Sprintf("%s: pictures that were cut with %s, after some that were cut with %s", file, crop, e.crop),
			Next: sameCrop,
		}
	default:
		return &dataset.Problem{
			Text: fmt.Sprintf("%s: pictures that were cut with %s, those of %s with %s", file, crop, e.cutIn, e.crop),
			Next: sameCrop,
		}
	}
	return nil
}

const sameCrop = "embeddings of pictures that were cut in other ways are not to be compared: cut all with the same oi-crop options"

// cropOptions tells by which options the pictures of a trail have their pixels.
func cropOptions(trail []record.Stage) string {
	var crops []string
	for _, stage := range dataset.Cuts(trail) {
		text := "oi-crop"
		for _, name := range dataset.PixelArgs() {
			if value, ok := stage.Args[name]; ok {
				text += fmt.Sprintf(" --%s %.40s", strings.ReplaceAll(name, "_", "-"), value)
			}
		}
		crops = append(crops, text)
	}
	return strings.Join(crops, ", ")
}

// Add checks the embedding of an item.
func (e *Embeddings) Add(item *record.Item) error {
	v, key := item.Embedding, dataset.KeyOf(item)
	if v == nil {
		text := fmt.Sprintf("item %s has no embedding", key)
		if e.first != "" {
			text += fmt.Sprintf(", unlike item %s", e.first)
		}
		return &dataset.Problem{Text: text, Next: "oi-eval BACKBONE.onnx --embed adds those that are missing"}
	}
	if item.Context != nil && v.Context == 0 {
		return &dataset.Problem{
			Text: fmt.Sprintf("item %s has two views, and an embedding of one", key),
			Next: "embed again what comes before it",
		}
	}
	if item.Tensor != nil && v.Pixels != "" && dataset.TensorOf(item).String() != v.Pixels {
		return &dataset.Problem{
			Text: fmt.Sprintf("item %s has the embedding of other pixels than its own", key),
			Next: "a program changed them that does not know embeddings: embed again what comes before it",
		}
	}
	if e.Of == "" {
		e.Of, e.DType, e.Side, e.Dim, e.maker = v.Of, v.DType, v.Side, v.Len(), "item "+key
		e.Context = v.Context
	}
	if v.Of != e.Of || v.DType != e.DType || v.Side != e.Side || v.Context != e.Context || v.Len() != e.Dim {
		return &dataset.Problem{
			Text: fmt.Sprintf("item %s has %s, %s %s", key, describe(v.Of, v.DType, v.Side, v.Context, v.Len()), e.maker, describe(e.Of, e.DType, e.Side, e.Context, e.Dim)),
			Next: "embeddings can be compared if the same network made them with the same --normalize, --features, --embedding-dtype and size of pictures: embed all anew",
		}
	}
	if e.first == "" {
		e.first = key
	}
	return nil
}

func describe(of, dtype string, side, context, dim int) string {
	if context > 0 {
		return fmt.Sprintf("an embedding by %.12s (%d %s at %d pixels and %d of context)", of, dim, dtype, side, context)
	}
	return fmt.Sprintf("an embedding by %.12s (%d %s at %d pixels)", of, dim, dtype, side)
}

// Unpack writes the numbers of embeddings, as they stand in records one after
// the other, into dst, which has as many elements.
func (e *Embeddings) Unpack(dst []float32, data []byte) { DType(e.DType).Decode(dst, data) }

// Decode reads what Append wrote into dst, which has as many elements.
func (t DType) Decode(dst []float32, data []byte) {
	if t == Float32 {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return
	}
	for i := range dst {
		dst[i] = float16.ToFloat32(binary.LittleEndian.Uint16(data[2*i:]))
	}
}

// Rows returns the embeddings of some items of a spool, by their numbers in
// it, as features: the same that an [Extractor] computed. It keeps the slice.
func (e *Embeddings) Rows(spool *dataset.Spool, numbers []int) logreg.Source {
	return &rows{embeddings: e, spool: spool, numbers: numbers}
}

// rows are embeddings in a spool.
type rows struct {
	embeddings *Embeddings
	spool      *dataset.Spool
	numbers    []int
	buffers    sync.Pool // of *[]byte
}

func (r *rows) Rows() int { return len(r.numbers) }
func (r *rows) Dim() int  { return r.embeddings.Dim }

func (r *rows) Read(dst []float32, first int) error {
	buffer, ok := r.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	defer r.buffers.Put(buffer)
	dim := r.Dim()
	for ; len(dst) > 0; dst, first = dst[dim:], first+1 {
		data, err := r.spool.Embedding(r.numbers[first], *buffer)
		if err != nil {
			return err
		}
		*buffer = data
		r.embeddings.Unpack(dst[:dim], data)
	}
	return nil
}

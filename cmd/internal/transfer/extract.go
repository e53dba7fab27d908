package transfer

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/graph"
)

// Extractor computes the features of pictures. It is not for several
// goroutines at once.
type Extractor struct {
	backbone *Backbone
	batch    int
}

// Extractor returns what computes features of batch pictures at once on some
// threads. The features do not depend on either.
func (b *Backbone) Extractor(batch, threads int) (*Extractor, error) {
	return &Extractor{b, max(1, batch)}, nil
}

// Close lets go of its memory.
func (x *Extractor) Close() {}

// A ValueError is a feature that is not a number, infinite or beyond what
// float16 holds.
type ValueError struct {
	Picture, Feature int // from 0
	Value            float32
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("its feature %d is %v, which is not a finite number of at most %d: the model does not suit, or wants another --normalize", e.Feature, e.Value, float16.Max)
}

// Features computes the features [n][D] of n pictures, each [Side][Side][3],
// rounded to the type that the backbone has. It is a [*ValueError] if a feature
// cannot be used.
func (x *Extractor) Features(images [][]byte) ([]float32, error) {
	b := x.backbone
	features := make([]float32, 0, len(images)*b.Dim)
	for first := 0; first < len(images); first += x.batch {
		part := images[first:min(first+x.batch, len(images))]
		in := graph.NewTensor(graph.Uint8, len(part), b.Side, b.Side, channels)
		size := b.Side * b.Side * channels
		for i, image := range part {
			if len(image) != size {
				return nil, fmt.Errorf("a picture of %d bytes, want %dx%dx%d", len(image), b.Side, b.Side, channels)
			}
			for k, v := range image {
				in.Ints[i*size+k] = int64(v)
			}
		}
		out, err := b.Graph.Evaluate(map[string]*graph.Tensor{inputName: in})
		if err != nil {
			return nil, err
		}
		features = append(features, out[featuresName].Floats...)
	}
	return features, b.round(features)
}

// round checks and rounds features [n][D].
func (b *Backbone) round(features []float32) error {
	for i, v := range features {
		if !(v >= -float16.Max && v <= float16.Max) {
			return &ValueError{i / b.Dim, i % b.Dim, v}
		}
	}
	if DType(b.DType) == Float16 {
		float16.Round(features)
	}
	return nil
}

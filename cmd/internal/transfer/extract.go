package transfer

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// Extractor computes the features of pictures. It is not for several
// goroutines at once.
type Extractor struct {
	backbone  *Backbone
	evaluator *nn.Evaluator
	size      int // of the map, 0 without one
}

// Extractor returns what computes features of batch pictures at once on some
// threads. The features do not depend on either.
func (b *Backbone) Extractor(batch, threads int) (*Extractor, error) {
	e, err := nn.NewEvaluator(b.Graph, nn.EvaluatorOptions{Batch: batch, Threads: threads})
	if err != nil {
		return nil, err
	}
	return &Extractor{b, e, 0}, nil
}

// Close lets go of its threads and memory.
func (x *Extractor) Close() { x.evaluator.Close() }

// A ValueError is a feature that is not a number, infinite or beyond what
// float16 holds.
type ValueError struct {
	Picture, Feature int // from 0
	Value            float32
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("its feature %d is %v, which is not a finite number of at most %d: the model does not suit, or wants another --normalize", e.Feature, e.Value, float16.Max)
}

// Features computes the features [n][D] of n pictures, each [Side][Side][3], and
// after it [ContextSide][ContextSide][3] where there are two views, rounded to
// the type that the backbone has. It is a [*ValueError] if a feature cannot be
// used.
func (x *Extractor) Features(images [][]byte) ([]float32, error) {
	out, err := x.evaluator.Run(images)
	if err != nil {
		return nil, err
	}
	return out[0], x.backbone.round(out[0], x.backbone.Dim)
}

// Extractor returns what computes the features and the maps that the tail begins
// with.
func (t *Tail) Extractor(batch, threads int) (*Extractor, error) {
	e, err := nn.NewEvaluator(t.Frozen, nn.EvaluatorOptions{Batch: batch, Threads: threads})
	if err != nil {
		return nil, err
	}
	return &Extractor{t.backbone, e, t.Size}, nil
}

// FeaturesAndMaps is Features, with the maps [n][Size], of an Extractor of a
// tail. They are rounded as the features are.
func (x *Extractor) FeaturesAndMaps(images [][]byte) (features, maps []float32, err error) {
	out, err := x.evaluator.Run(images)
	if err != nil {
		return nil, nil, err
	}
	if err := x.backbone.round(out[0], x.backbone.Dim); err != nil {
		return nil, nil, err
	}
	return out[0], out[1], x.backbone.round(out[1], x.size)
}

// round checks and rounds features [n][size].
func (b *Backbone) round(features []float32, size int) error {
	for i, v := range features {
		if !(v >= -float16.Max && v <= float16.Max) {
			return &ValueError{i / size, i % size, v}
		}
	}
	if DType(b.DType) == Float16 {
		float16.Round(features)
	}
	return nil
}

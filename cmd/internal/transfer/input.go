package transfer

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// channels of a picture.
const channels = 3

// input is how a network takes pictures.
type input struct {
	value  *graph.Value
	planes bool // [N,3,H,W]; else [N,H,W,3]
	open   bool // it is not declared which of the two
	side   int  // 0 where it is free
}

// newInput looks at the only input of a network that is not simplified.
func newInput(g *graph.Graph) (*input, error) {
	if len(g.Inputs) != 1 {
		return nil, fmt.Errorf("it has %d inputs, want one, of pictures", len(g.Inputs))
	}
	in := &input{value: g.Inputs[0]}
	v := in.value
	fault := func(what string) error {
		return fmt.Errorf("its input %q of type %v and shape %s %s", v.Name, v.Type, declared(v.Declared), what)
	}
	if v.Type != graph.Float32 && v.Type != graph.Uint8 {
		return nil, fault("takes no pictures: want float32 or uint8")
	}
	if v.Declared != nil && len(v.Declared) != 4 {
		return nil, fault("takes no pictures: want [N,3,H,W] or [N,H,W,3]")
	}
	height, width := -1, -1
	switch d := v.Declared; {
	case d == nil || d[1] == -1 && d[3] == -1:
		in.planes, in.open = true, true
	case d[1] == channels:
		in.planes, height, width = true, d[2], d[3]
	case d[3] == channels:
		height, width = d[1], d[2]
	case d[1] == -1: // and a fixed last axis
		in.planes, height, width = true, d[2], d[3]
	case d[3] == -1:
		height, width = d[1], d[2]
	default:
		return nil, fault("takes no pictures of 3 channels")
	}
	if height > 0 && width > 0 && height != width {
		return nil, fault("takes pictures that are not square")
	}
	in.side = max(0, height, width)
	return in, nil
}

// declared is a declared shape for people.
func declared(shape []int) string {
	if shape == nil {
		return "unknown"
	}
	dims := make([]graph.Dim, len(shape))
	for i, d := range shape {
		dims[i].Const = d
		if d == -1 {
			dims[i] = graph.Dim{Batch: 1}
		}
	}
	return graph.ShapeString(dims)
}

// shape is that of a batch of pictures of a side.
func (in *input) shape(side int) []int {
	if in.planes {
		return []int{-1, channels, side, side}
	}
	return []int{-1, side, side, channels}
}

// simplified is a copy of the network for pictures of a side. cut, if it is not
// "", is the value that is wanted of it.
func (in *input) simplified(g *graph.Graph, side int, cut string) (*graph.Graph, error) {
	g = g.Clone()
	if cut != "" {
		if err := g.Cut(cut); err != nil {
			return nil, err
		}
	}
	shapes, batch := map[string][]int{in.value.Name: in.shape(side)}, -1
	if in.value.Declared != nil {
		batch = in.value.Declared[0]
	}
	if batch > 0 {
		if err := g.FreeBatch(shapes, batch); err != nil {
			return nil, err
		}
	}
	err := g.Simplify(shapes)
	if err == nil {
		return g, nil
	}
	if batch > 0 {
		err = fmt.Errorf("it was exported for batches of %d, and does not take others (%w): export it with a free batch", batch, err)
	}
	return nil, err
}

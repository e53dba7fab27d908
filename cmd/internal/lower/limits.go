package lower

import (
	"errors"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// Bounds of a program. No network that anybody uses for pictures comes near.
const (
	MaxSteps  = 1 << 13
	MaxMemory = 1 << 28 // elements that live at the same time
	comfort   = 1 << 26 // elements that live at the same time, if one picture needs less
	maxBatch  = 1 << 16

	// Multiplications for a picture: minutes.
	maxWork     = 1 << 43
	maxSlowWork = 1 << 36 // of nodes without a kernel

	// Constants are reordered, scaled and packed for the kernels: each some
	// times, and some more. A file may use one of them in many nodes.
	copiesOfConstants, moreConstants = 3, 1 << 26

	maxParts         = 1 << 16 // of all copies
	maxScaleChannels = 1 << 10 // for which bytes have numbers of their own
)

// blockChannels is the number of channels that kernels compute together: those
// of weights are padded to multiples of it.
const blockChannels = 16

func blocked(channels int) int { return (channels + blockChannels - 1) / blockChannels * blockChannels }

// constantElements are those of all constants of a graph, and of inputs that are
// parameters.
func constantElements(g *graph.Graph) int {
	seen := map[*graph.Tensor]bool{}
	count := 0
	for _, v := range g.Inputs {
		if size, ok := fixed(v.Shape); ok && v.Type == graph.Float32 {
			count = min(count+sizeOf(size), graph.MaxElements)
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil && v.Const != nil && !seen[v.Const] {
				seen[v.Const] = true
				count += v.Const.Size()
			}
		}
	}
	return count
}

// spend takes elements of constants that are made from the bound.
func (p *planner) spend(elements int) bool {
	if p.constants -= elements; p.constants < 0 && p.err == nil {
		p.err = errors.New("constants are used in so many ways that the copies would be too large")
	}
	return p.constants >= 0
}

// checkPacked bounds the weights as kernels have them.
func (r *Program) checkPacked(most int) error {
	total := 0
	add := func(s *Conv) {
		if s == nil {
			return
		}
		w := s.Filters()
		switch {
		case s.depthwise():
			total += s.Weights.Size()
		case s.Groups == 1 && s.KH == 3 && s.KW == 3:
			total += 16 * w[1] * blocked(w[0]) // transformed by Winograd's method
		default:
			total += s.Groups * blocked(w[0]/s.Groups) * w[1] * s.KH * s.KW
		}
	}
	for _, s := range r.Steps {
		switch s := s.(type) {
		case *Conv:
			add(s)
		case *Separable:
			add(s.Expand)
			add(s.Depthwise)
			add(s.Project)
		case *Dense:
			total += s.In * blocked(s.Out)
		}
		if total > most {
			return fmt.Errorf("the weights of all steps need memory for more than %d numbers", most)
		}
	}
	return nil
}

// scratch is how many elements a step needs for itself, for n pictures, next to
// what it reads and makes.
func scratch(s Step, n int) int {
	switch s := s.(type) {
	case *Conv:
		x := s.X.Dims(n)
		if max(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) > 0 {
			x[2] += s.PadTop + s.PadBottom
			x[3] += s.PadLeft + s.PadRight
		}
		return sizeOf(x)
	case *MatMul:
		b := s.B.Size(n)
		return product(b/max(1, s.N.Of(n)), blocked(s.N.Of(n)))
	case *Reference:
		size := 0
		for _, v := range s.writes() {
			size += 4 * v.Size(n)
		}
		return size
	}
	return 0
}

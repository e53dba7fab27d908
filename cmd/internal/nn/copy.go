package nn

import (
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
)

// copyAxis is an axis of an array that is copied: its length, and how far it is
// to the next element in both.
type copyAxis struct{ size, x, y int }

// copy compiles a copy. One that only changes the order of axes is faster as a
// transposition.
func (s *stepGraph) copy(t *lower.Copy) func(n int) error {
	perm := permutation(t)
	if perm == nil {
		return func(n int) error { s.copyParts(t, n); return nil }
	}
	var turn *kernel.Transpose
	last := -1 // pictures for which that is
	return func(n int) error {
		if n != last {
			var err error
			if turn, err = kernel.NewTranspose(t.Parts[0].X.Memory(n), perm); err != nil {
				return err
			}
			last = n
		}
		turn.Forward(s.workers, s.floats(t.Y, n), s.floats(t.Parts[0].X, n))
		return nil
	}
}

// permutation is the axis of the input at each place of the result of a copy
// that only changes their order, or nil.
func permutation(t *lower.Copy) []int {
	if len(t.Parts) != 1 || t.Fill != nil || len(t.Parts[0].Axes) != len(t.Parts[0].X.Order) {
		return nil
	}
	perm := make([]int, len(t.Parts[0].Axes))
	for _, a := range t.Parts[0].Axes {
		x := t.Parts[0].X
		if a.X < 0 || a.XStep != 1 || a.XStart != (graph.Dim{}) || a.YStart != (graph.Dim{}) || a.Size != x.Shape[x.Order[a.X]] {
			return nil
		}
		perm[a.Y] = a.X
	}
	return perm
}

// copyParts fills a value with parts of others.
func (s *stepGraph) copyParts(t *lower.Copy, n int) {
	y := s.floats(t.Y, n)
	if t.Fill != nil {
		for i := range y {
			y[i] = *t.Fill
		}
	}
	strideY := stridesOf(t.Y.Memory(n))
	for _, p := range t.Parts {
		strideX := stridesOf(p.X.Memory(n))
		fromX, fromY := 0, 0
		var axes []copyAxis
		for _, a := range p.Axes {
			c := copyAxis{size: a.Size.Of(n), y: strideY[a.Y]}
			fromY += a.YStart.Of(n) * c.y
			if a.X >= 0 {
				fromX += a.XStart.Of(n) * strideX[a.X]
				c.x = strideX[a.X] * a.XStep
			}
			axes = append(axes, c)
		}
		copyStrided(s.workers, y, s.floats(p.X, n), fromY, fromX, merged(axes))
	}
}

// stridesOf are the distances of neighbours along each axis.
func stridesOf(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}

// merged makes one of neighbouring axes along which both arrays go on in the
// same way, and leaves out those of length 1.
func merged(axes []copyAxis) []copyAxis {
	var out []copyAxis
	for _, a := range axes {
		if a.size == 1 {
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].x == a.x*a.size && out[last].y == a.y*a.size {
			out[last] = copyAxis{out[last].size * a.size, a.x, a.y}
			continue
		}
		out = append(out, a)
	}
	return out
}

// copyStrided copies an array from x to y, which begin at the given elements.
// The last axis is contiguous in y unless it is a part.
func copyStrided(ws *kernel.Workers, y, x []float32, fromY, fromX int, axes []copyAxis) {
	switch k := len(axes); {
	case k == 0:
		y[fromY] = x[fromX]
	case k == 1 && axes[0].x == 1 && axes[0].y == 1:
		kernel.Copy{Rows: 1, Cols: axes[0].size, DstStride: axes[0].size, SrcStride: axes[0].size}.Forward(ws, y[fromY:], x[fromX:])
	case k == 2 && axes[1].x == 1 && axes[1].y == 1 && axes[0].x > 0:
		kernel.Copy{Rows: axes[0].size, Cols: axes[1].size, DstStride: axes[0].y, SrcStride: axes[0].x}.Forward(ws, y[fromY:], x[fromX:])
	case k == 1:
		a := axes[0]
		for range a.size {
			y[fromY] = x[fromX]
			fromX += a.x
			fromY += a.y
		}
	default:
		a := axes[0]
		for range a.size {
			copyStrided(ws, y, x, fromY, fromX, axes[1:])
			fromX += a.x
			fromY += a.y
		}
	}
}

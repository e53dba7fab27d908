package steps

import (
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
)

// copyAxis is an axis of an array that is copied: its length, and how far it is
// to the next element in both.
type copyAxis struct{ size, x, y int }

// copy compiles a copy. One that only changes the order of axes is faster as a
// transposition.
func (r *Runner) copy(t *lower.Copy) func(n int) error {
	perm := t.Permutation()
	if perm == nil {
		return func(n int) error { r.copyParts(t, n); return nil }
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
		turn.Forward(r.Workers, r.Floats(t.Y, n), r.Floats(t.Parts[0].X, n))
		return nil
	}
}

// copyParts fills a value with parts of others.
func (r *Runner) copyParts(t *lower.Copy, n int) {
	y := r.Floats(t.Y, n)
	if t.Fill != nil {
		for i := range y {
			y[i] = *t.Fill
		}
	}
	strideY := stridesOf(t.Y.Memory(n))
	for i := range t.Parts {
		p := &t.Parts[i]
		fromX, fromY, axes := partOf(p, strideY, n)
		copyStrided(r.Workers, y, r.Floats(p.X, n), fromY, fromX, axes)
	}
}

// partOf says for n pictures where a part of a copy begins in both arrays, and
// its axes. strideY are the strides of the output.
func partOf(p *lower.Part, strideY []int, n int) (fromX, fromY int, axes []copyAxis) {
	strideX := stridesOf(p.X.Memory(n))
	for _, a := range p.Axes {
		c := copyAxis{size: a.Size.Of(n), y: strideY[a.Y]}
		fromY += a.YStart.Of(n) * c.y
		if a.X >= 0 {
			fromX += a.XStart.Of(n) * strideX[a.X]
			c.x = strideX[a.X] * a.XStep
		}
		axes = append(axes, c)
	}
	return fromX, fromY, merged(axes)
}

// CopyGradient adds the gradient of a copy of n pictures, dy, to that of one of
// its parts, dx.
func CopyGradient(t *lower.Copy, part, n int, dx, dy []float32) {
	fromX, fromY, axes := partOf(&t.Parts[part], stridesOf(t.Y.Memory(n)), n)
	addStrided(dx, dy, fromX, fromY, axes)
}

// addStrided adds an array of y to one of x, as copyStrided copies it the other
// way.
func addStrided(x, y []float32, fromX, fromY int, axes []copyAxis) {
	if len(axes) == 0 {
		x[fromX] += y[fromY]
		return
	}
	a := axes[0]
	switch {
	case len(axes) == 1 && a.x == 1 && a.y == 1:
		to, from := x[fromX:][:a.size], y[fromY:][:a.size]
		for i, v := range from {
			to[i] += v
		}
	default:
		for range a.size {
			addStrided(x, y, fromX, fromY, axes[1:])
			fromX += a.x
			fromY += a.y
		}
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

package lower

import (
	"fmt"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// one is an axis that does not matter for the order in memory.
var one = graph.Dim{Const: 1}

// plain is the order of the axes of a graph.
func plain(rank int) []int {
	order := make([]int, rank)
	for i := range order {
		order[i] = i
	}
	return order
}

// channelsLast is the order [N,H,W,C].
func channelsLast() []int { return []int{0, 2, 3, 1} }

// significant is an order without axes of length 1.
func significant(shape []graph.Dim, order []int) []int {
	return slices.DeleteFunc(slices.Clone(order), func(axis int) bool { return shape[axis] == one })
}

// lies reports whether a value lies in memory as one of the given order would.
func (v *Value) lies(order []int) bool {
	return slices.Equal(significant(v.Shape, v.Order), significant(v.Shape, order))
}

// view is another value in the same memory.
func (v *Value) view(shape []graph.Dim, order []int) *Value {
	return &Value{Name: v.Name, Shape: shape, Order: order, Buffer: v.Buffer}
}

// transposed is the value with axis perm[i] at i. Nothing moves.
func (v *Value) transposed(perm []int) *Value {
	shape, place := make([]graph.Dim, len(perm)), make([]int, len(perm))
	for i, axis := range perm {
		shape[i], place[axis] = v.Shape[axis], i
	}
	order := make([]int, len(perm))
	for i, axis := range v.Order {
		order[i] = place[axis]
	}
	return v.view(shape, order)
}

// padded is the value with axes of length 1 before its own, up to a rank.
func (v *Value) padded(rank int) *Value {
	more := rank - len(v.Shape)
	if more <= 0 {
		return v
	}
	shape, order := slices.Repeat([]graph.Dim{one}, more), plain(more)
	for _, axis := range v.Order {
		order = append(order, more+axis)
	}
	return v.view(append(shape, v.Shape...), order)
}

// probes are batches at which products of dimensions are compared.
var probes = []int{1009, 4001}

// block is a group of axes that another group of axes replaces, neither of
// length 1.
type block struct{ from, to []int }

// blocks finds which axes become which when a shape is changed.
func blocks(from, to []graph.Dim) []block {
	var found []block
	for i, n := range probes {
		b := blocksFor(from, to, n)
		if i > 0 && !slices.EqualFunc(b, found, func(x, y block) bool { return slices.Equal(x.from, y.from) && slices.Equal(x.to, y.to) }) {
			return []block{{significant(from, plain(len(from))), significant(to, plain(len(to)))}}
		}
		found = b
	}
	return found
}

func blocksFor(from, to []graph.Dim, n int) []block {
	a, b := significant(from, plain(len(from))), significant(to, plain(len(to)))
	var found []block
	for len(a) > 0 && len(b) > 0 {
		i, j := 1, 1
		p, q := from[a[0]].Of(n), to[b[0]].Of(n)
		for p != q && (p < q && i < len(a) || q < p && j < len(b)) {
			if p < q {
				p = product(p, from[a[i]].Of(n))
				i++
			} else {
				q = product(q, to[b[j]].Of(n))
				j++
			}
		}
		if p != q || p == math.MaxInt {
			i, j = len(a), len(b)
		}
		found = append(found, block{a[:i:i], b[:j:j]})
		a, b = a[i:], b[j:]
	}
	if len(a)+len(b) > 0 {
		return []block{{significant(from, plain(len(from))), significant(to, plain(len(to)))}}
	}
	return found
}

// reshaped is the value with another shape of as many elements. The axes that
// become others must be neighbours in memory: else mover brings them together.
func (v *Value) reshaped(shape []graph.Dim, mover func(*Value, []int) *Value) *Value {
	order := significant(v.Shape, v.Order)
	parts := blocks(v.Shape, shape)
	blockOf := map[int]int{}
	for i, b := range parts {
		for _, axis := range b.from {
			blockOf[axis] = i
		}
	}
	// Axes of a block follow the first of them.
	var wanted, places []int
	for _, axis := range order {
		i, ok := blockOf[axis]
		if !ok || slices.Contains(places, i) {
			continue
		}
		wanted, places = append(wanted, parts[i].from...), append(places, i)
	}
	if !slices.Equal(order, wanted) {
		for axis, d := range v.Shape {
			if d == one {
				wanted = append(wanted, axis)
			}
		}
		v = mover(v, wanted)
	}
	var result []int
	for _, i := range places {
		result = append(result, parts[i].to...)
	}
	for axis, d := range shape {
		if d == one {
			result = append(result, axis)
		}
	}
	if len(result) != len(shape) {
		panic(fmt.Sprintf("lower: shape %v as %v", v.Shape, shape))
	}
	return v.view(shape, result)
}

// product is math.MaxInt where it is too large.
func product(a, b int) int {
	if a != 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

func sizeOf(shape []int) int {
	size := 1
	for _, d := range shape {
		size = product(size, d)
	}
	return size
}

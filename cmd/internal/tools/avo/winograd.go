package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The transforms of Winograd's convolution: additions of whole vectors in a
// fixed order. A grid addresses the 4 x 4 planes of a transformed tensor.

// grid is 4 pointers to rows of 4 planes.
type grid struct {
	rows          []reg.GPVirtual
	plane, plane3 reg.GPVirtual
}

// newGrid sets up a grid for planes that are stride bytes apart.
func newGrid(base, stride reg.GPVirtual) grid {
	g := grid{rows: pointers(base, stride, 4, 4), plane: stride, plane3: GP64()}
	LEAQ(indexed(stride, stride, 2, 0), g.plane3)
	return g
}

// pointers makes n pointers, times*stride apart, for times 1, 2 or 4.
func pointers(base, stride reg.GPVirtual, times uint8, n int) []reg.GPVirtual {
	s := []reg.GPVirtual{base}
	for i := 1; i < n; i++ {
		next := GP64()
		LEAQ(indexed(s[i-1], stride, times, 0), next)
		s = append(s, next)
	}
	return s
}

func (g grid) at(i, j, disp int) operand.Mem {
	if j == 3 {
		return indexed(g.rows[i], g.plane3, 1, disp)
	}
	return scaled(g.rows[i], g.plane, j, disp)
}

// advance moves all pointers.
func advance(pointers []reg.GPVirtual, by operand.Op) {
	for _, p := range pointers {
		ADDQ(by, p)
	}
}

// winogradInput transforms n tiles of a row.
func (v isa) winogradInput() {
	function("winogradInput"+v.suffix, "func(v []float32, plane, stride int, x []float32, row, pixel, channels, n int)",
		fmt.Sprintf("transforms tiles of the input. channels must be a positive multiple of %d, n positive.", v.lanes))
	to := newGrid(base("v"), size("plane"))
	from := grid{rows: pointers(base("x"), size("row"), 1, 4), plane: size("pixel"), plane3: GP64()}
	LEAQ(indexed(from.plane, from.plane, 2, 0), from.plane3)
	left := number("n")

	Label("tile")
	c := number("channels")
	Label("channels")
	// Down each of the columns, then across: a0-a2, a1+a2, a2-a1, a1-a3.
	// The middle columns stay in registers, the others come and go.
	down := func(j int) []reg.VecVirtual {
		d, sum := v.vectors(4), v.vector()
		for i := range d {
			VMOVUPS(from.at(i, j, 0), d[i])
		}
		VADDPS(d[2], d[1], sum)
		VSUBPS(d[2], d[0], d[0])
		VSUBPS(d[3], d[1], d[3])
		VSUBPS(d[1], d[2], d[2])
		return []reg.VecVirtual{d[0], sum, d[2], d[3]}
	}
	second, third := down(1), down(2)
	for i := range second {
		sum, difference := v.vector(), v.vector()
		VADDPS(third[i], second[i], sum)
		VSUBPS(second[i], third[i], difference)
		VMOVUPS(sum, to.at(i, 1, 0))
		VMOVUPS(difference, to.at(i, 2, 0))
	}
	for i, a := range down(0) {
		VSUBPS(third[i], a, a)
		VMOVUPS(a, to.at(i, 0, 0))
	}
	for i, a := range down(3) {
		VSUBPS(a, second[i], a)
		VMOVUPS(a, to.at(i, 3, 0))
	}
	advance(from.rows, operand.Imm(uint64(v.bytes())))
	advance(to.rows, operand.Imm(uint64(v.bytes())))
	SUBQ(operand.Imm(uint64(v.lanes)), c)
	JNZ(jump("channels"))

	// To the next tile: two pixels on in x, stride values on in v.
	skip, done := GP64(), size("channels")
	LEAQ(indexed(from.plane, from.plane, 1, 0), skip)
	SUBQ(done, skip)
	advance(from.rows, skip)
	skip = size("stride")
	SUBQ(done, skip)
	advance(to.rows, skip)
	DECQ(left)
	JNZ(jump("tile"))
	VZEROUPPER()
	RET()
}

// winogradOutput transforms n tiles of 16 lanes back.
func (v isa) winogradOutput() {
	function("winogradOutput"+v.suffix, "func(y []float32, row, pixel int, m []float32, plane, n int)",
		"transforms tiles of 16 lanes back to two rows of the output. n must be positive.")
	from := newGrid(base("m"), size("plane"))
	to := pointers(base("y"), size("row"), 1, 2)
	pixel, left := size("pixel"), number("n")

	// sums adds a column or row of four to two: (a0+a1)+a2, (a1-a2)-a3.
	Label("tile")
	for disp := 0; disp < 64; disp += v.bytes() {
		sums := [2][]reg.VecVirtual{v.vectors(4), v.vectors(4)}
		for j := range 4 {
			mid := v.vectors(2)
			VMOVUPS(from.at(1, j, disp), mid[0])
			VMOVUPS(from.at(2, j, disp), mid[1])
			VADDPS(from.at(0, j, disp), mid[0], sums[0][j])
			VADDPS(mid[1], sums[0][j], sums[0][j])
			VSUBPS(mid[1], mid[0], sums[1][j])
			VSUBPS(from.at(3, j, disp), sums[1][j], sums[1][j])
		}
		for r, s := range sums {
			out := v.vectors(2)
			VADDPS(s[1], s[0], out[0])
			VADDPS(s[2], out[0], out[0])
			VSUBPS(s[2], s[1], out[1])
			VSUBPS(s[3], out[1], out[1])
			VMOVUPS(out[0], at(to[r], disp))
			VMOVUPS(out[1], indexed(to[r], pixel, 1, disp))
		}
	}
	advance(from.rows, operand.Imm(64))
	for _, r := range to {
		LEAQ(indexed(r, pixel, 2, 0), r)
	}
	DECQ(left)
	JNZ(jump("tile"))
	VZEROUPPER()
	RET()
}

// winogradWeights transforms one block of 16 output channels.
func (v isa) winogradWeights() {
	function("winogradWeights"+v.suffix, "func(u []float32, plane int, w []float32, elemStride, stride, cin int)",
		"transforms the weights of 16 output channels. cin must be positive.")
	to := newGrid(base("u"), size("plane"))
	elemStride := size("elemStride")
	rows := []reg.GPVirtual{base("w")}
	for i := range 2 {
		next := GP64()
		LEAQ(indexed(rows[i], elemStride, 2, 0), next)
		ADDQ(elemStride, next)
		rows = append(rows, next)
	}
	left := number("cin")
	half := v.float(0.5)

	Label("channel")
	for disp := 0; disp < 64; disp += v.bytes() {
		// down stores a column of the result: g0, (g0+g2)/2 +- g1/2,
		// g2.
		down := func(j int, g []reg.VecVirtual) {
			VMOVUPS(g[0], to.at(0, j, disp))
			VMOVUPS(g[2], to.at(3, j, disp))
			sum, difference := v.middle(half, g[0], g[1], g[2])
			VMOVUPS(sum, to.at(1, j, disp))
			VMOVUPS(difference, to.at(2, j, disp))
		}
		var left, right, sums, differences []reg.VecVirtual
		for _, r := range rows {
			g := v.vectors(3)
			for j := range g {
				VMOVUPS(scaled(r, elemStride, j, disp), g[j])
			}
			sum, difference := v.middle(half, g[0], g[1], g[2])
			left, right = append(left, g[0]), append(right, g[2])
			sums, differences = append(sums, sum), append(differences, difference)
		}
		down(0, left)
		down(1, sums)
		down(2, differences)
		down(3, right)
	}
	advance(to.rows, operand.Imm(64))
	advance(rows, size("stride"))
	DECQ(left)
	JNZ(jump("channel"))
	VZEROUPPER()
	RET()
}

// middle returns (a+c)/2 + b/2 and (a+c)/2 - b/2.
func (v isa) middle(half, a, b, c reg.VecVirtual) (sum, difference reg.VecVirtual) {
	outer, inner, sum := v.vector(), v.vector(), v.vector()
	VADDPS(c, a, outer)
	VMULPS(half, outer, outer)
	VMULPS(half, b, inner)
	VADDPS(inner, outer, sum)
	VSUBPS(inner, outer, outer)
	return sum, outer
}

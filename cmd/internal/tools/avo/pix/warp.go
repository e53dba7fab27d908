package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dwords fills a vector with a number.
func dwords(v uint32) reg.VecVirtual {
	r, x, y := GP32(), XMM(), YMM()
	MOVL(operand.U32(v), r)
	VMOVD(r, x)
	VPBROADCASTD(x, y)
	return y
}

// bytesOf is a constant of the bytes, twice.
func bytesOf(name string, pattern [16]int) operand.Mem {
	mem := GLOBL(name, RODATA|NOPTR)
	for i := range 32 {
		DATA(i, operand.U8(uint8(pattern[i%16])))
	}
	return mem
}

// warpRow makes a row of a warped picture, eight pixels at a time; the last
// eight may begin within those before them.
//
// Coordinates are counted in 64 bits, in an order of lanes that VSHUFPS makes
// into that of the pixels: 0, 1, 4, 5 and 2, 3, 6, 7. The weights of a pixel and
// its right neighbour, and their values of a channel, are the two halves of a
// dword, so that VPMADDWD multiplies and adds both.
func warpRow() {
	TEXT("warpRowAVX2", 4, "func(dst, src []byte, p, q, stepP, stepQ int64, lastRow, lastCol int)") // NOSPLIT
	Pragma("noescape")
	Doc("warpRowAVX2 is a row of walk.sample for pictures of three channels and at least",
		"8 pixels a row, of which dst has one. It reads up to a row and 8 bytes after the",
		"picture.")
	const x = 0x80 // a byte of 0
	neighbours := YMM()
	VMOVDQU(bytesOf("neighbours", [16]int{0, 1, 3, 4, 2, x, 5, x, 8, 9, 11, 12, 10, x, 13, x}), neighbours)
	compact := bytesOf("compact", [16]int{0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, x, x, x, x})
	join := GLOBL("join", RODATA|NOPTR)
	for i, lane := range []uint32{0, 1, 2, 4, 5, 6, 7, 7} {
		DATA(4*i, operand.U32(lane))
	}

	dst, src, n := base("dst"), base("src"), GP64()
	Load(Param("lastCol"), n)
	INCQ(n)
	// Pixel k starts at p + k*step.
	start := func(at, step string) (a, b reg.VecVirtual, advance operand.Mem, one reg.GPVirtual) {
		pr, sr, k := GP64(), GP64(), GP64()
		Load(Param(at), pr)
		Load(Param(step), sr)
		frame := AllocLocal(64)
		MOVQ(pr, k)
		for lane := range 8 {
			half, place := (lane>>1)&1, lane&1+(lane>>2)*2
			MOVQ(k, frame.Offset(32*half+8*place))
			ADDQ(sr, k)
		}
		a, b = YMM(), YMM()
		VMOVDQU(frame, a)
		VMOVDQU(frame.Offset(32), b)
		SUBQ(pr, k)
		xm, y := XMM(), YMM()
		VMOVQ(k, xm)
		VPBROADCASTQ(xm, y)
		VMOVDQU(y, frame)
		return a, b, frame, sr
	}
	pA, pB, pAdvance, pStep := start("p", "stepP")
	qA, qB, qAdvance, qStep := start("q", "stepQ")
	// Registers have no room for all constants.
	keep := func(v reg.VecVirtual) operand.Mem {
		frame := AllocLocal(32)
		VMOVDQU(v, frame)
		return frame
	}
	broadcast := func(r reg.GPVirtual) operand.Mem {
		xm, y := XMM(), YMM()
		VMOVQ(r, xm)
		VPBROADCASTD(xm, y)
		return keep(y)
	}
	lastRowR, lastColR := GP64(), GP64()
	Load(Param("lastRow"), lastRowR)
	Load(Param("lastCol"), lastColR)
	lastRow, lastCol := broadcast(lastRowR), broadcast(lastColR)

	strideBytes := GP64()
	LEAQ(operand.Mem{Base: n, Index: n, Scale: 2}, strideBytes)
	stride := broadcast(strideBytes)
	lower := GP64()
	LEAQ(operand.Mem{Base: src, Index: strideBytes, Scale: 1}, lower)

	half := keep(dwords(1 << 12))

	Label("pixels")
	// whole and fraction of a coordinate, clamped: outside the fraction is 0.
	coordinate := func(a, b reg.VecVirtual, last, advance operand.Mem) (whole, fraction reg.VecVirtual) {
		whole, fraction = YMM(), YMM()
		inside, outside := YMM(), YMM()
		VSHUFPS(operand.U8(0xDD), b, a, whole)
		VSHUFPS(operand.U8(0x88), b, a, fraction)
		VPADDQ(advance, a, a)
		VPADDQ(advance, b, b)
		VPSRLD(operand.U8(19), fraction, fraction)
		VMOVDQU(last, inside)
		VPCMPGTD(whole, inside, inside)
		VPAND(inside, fraction, fraction)
		VPSRAD(operand.U8(31), whole, outside)
		VPANDN(fraction, outside, fraction)
		VPMINSD(last, whole, whole)
		VPANDN(whole, outside, whole)
		return whole, fraction
	}
	row, fp := coordinate(pA, pB, lastRow, pAdvance)
	col, fq := coordinate(qA, qB, lastCol, qAdvance)

	// Offsets, in the order that VSHUFPS makes into that of the pixels.
	VPMULLD(stride, row, row)
	VPADDD(col, row, row)
	VPADDD(col, row, row)
	VPADDD(col, row, row)
	VPERMQ(operand.U8(0xD8), row, row)
	second := XMM()
	VEXTRACTI128(operand.U8(1), row, second)
	gather := func(from reg.Register) (low, high reg.VecVirtual) {
		a, b := YMM(), YMM()
		for i, v := range []reg.VecVirtual{a, b} {
			mask := YMM()
			VPCMPEQD(mask, mask, mask)
			index := row.AsX()
			if i == 1 {
				index = second.AsX()
			}
			VPXOR(v, v, v)
			VPGATHERDQ(mask, operand.Mem{Base: from, Index: index, Scale: 1}, v)
			VPSHUFB(neighbours, v, v)
		}
		low, high = YMM(), YMM()
		VSHUFPS(operand.U8(0x88), b, a, low)
		VSHUFPS(operand.U8(0xDD), b, a, high)
		return low, high
	}

	// Weights.
	w11 := YMM()
	VPMADDWD(fq, fp, w11)
	VPADDD(half, w11, w11)
	VPSRLD(operand.U8(13), w11, w11)
	VPSUBD(w11, fp, fp) // w10
	VPSUBD(w11, fq, fq) // w01
	w00 := YMM()
	VMOVDQU(half, w00)
	VPADDD(w00, w00, w00)
	VPSUBD(fp, w00, w00)
	VPSUBD(fq, w00, w00)
	VPSUBD(w11, w00, w00)
	VPSLLD(operand.U8(16), fq, fq)
	VPOR(fq, w00, w00)
	VPSLLD(operand.U8(16), w11, w11)
	VPOR(fp, w11, w11)

	// Sums of the channels.
	var sums [3]reg.VecVirtual
	for i, from := range []reg.Register{src, lower} {
		weights := w00
		if i == 1 {
			weights = w11
		}
		low, high := gather(from)
		green, mask := YMM(), YMM()
		VPSRLW(operand.U8(8), low, green)
		VPSLLW(operand.U8(8), low, mask)
		VPSRLW(operand.U8(8), mask, low)
		for k, channel := range []reg.VecVirtual{low, green, high} {
			VPMADDWD(weights, channel, channel)
			if i == 0 {
				VPADDD(half, channel, channel)
				sums[k] = channel
			} else {
				VPADDD(channel, sums[k], sums[k])
			}
		}
	}
	for k, sum := range sums {
		VPSRLD(operand.U8(13), sum, sum)
		if k > 0 {
			VPSLLD(operand.U8(uint8(8*k)), sum, sum)
			VPOR(sum, sums[0], sums[0])
		}
	}
	out := sums[0]
	VPSHUFB(compact, out, out)
	order, last := YMM(), XMM()
	VMOVDQU(join, order)
	VPERMD(out, order, out)
	VMOVDQU(out.AsX(), at(dst, 0))
	VEXTRACTI128(operand.U8(1), out, last)
	VMOVQ(last, at(dst, 16))

	ADDQ(operand.Imm(24), dst)
	SUBQ(operand.Imm(8), n)
	JZ(operand.LabelRef("done"))
	CMPQ(n, operand.Imm(8))
	JGE(operand.LabelRef("pixels"))
	// Fewer than eight are left: go back so that eight are.
	back := GP64()
	MOVQ(operand.U32(8), back)
	SUBQ(n, back)
	for _, c := range []struct {
		step reg.GPVirtual
		a, b reg.VecVirtual
	}{{pStep, pA, pB}, {qStep, qA, qB}} {
		IMULQ(back, c.step)
		xm, y := XMM(), YMM()
		VMOVQ(c.step, xm)
		VPBROADCASTQ(xm, y)
		VPSUBQ(y, c.a, c.a)
		VPSUBQ(y, c.b, c.b)
	}
	LEAQ(operand.Mem{Base: back, Index: back, Scale: 2}, back)
	SUBQ(back, dst)
	MOVQ(operand.U32(8), n)
	JMP(operand.LabelRef("pixels"))

	Label("done")
	VZEROUPPER()
	RET()
}

package kernel

import (
	"errors"
	"fmt"
)

// GroupedConv is the shape of a convolution with any window, whose channels may
// be in groups: each group of output channels sees one group of input channels.
//
//	x  [N][H][W][Cin]
//	w  [KH][KW][Cin/Groups][Cout]
//	b  [Cout]
//	y  [N][OH][OW][Cout], with OH, OW from OutHW(H, W)
//
// The operations panic if a slice does not fit the shape; call Check on shapes
// that come from outside.
type GroupedConv struct {
	N, H, W, Cin, Cout, Groups int
	Window
}

// Check reports whether the shape can be computed.
func (c GroupedConv) Check() error {
	if c.Groups < 1 || c.Cin%c.Groups != 0 || c.Cout%c.Groups != 0 {
		return fmt.Errorf("convolution: %d groups do not divide %d and %d channels", c.Groups, c.Cin, c.Cout)
	}
	if c.Cin < 1 || c.Cout < 1 {
		return errors.New("convolution: no channels")
	}
	if err := c.Window.check(c.H, c.W); err != nil {
		return err
	}
	oh, ow := c.OutHW(c.H, c.W)
	for _, dims := range [][]int{
		{c.N, c.H + c.PadTop + c.PadBottom, c.W + c.PadLeft + c.PadRight, c.Cin},
		{c.N, oh, ow, c.Cout}, {c.KH, c.KW, c.Cin / c.Groups, c.Cout + c.Groups*lanes},
	} {
		if err := checkSize(dims...); err != nil {
			return err
		}
	}
	return nil
}

// Forward computes y = clip(x*w + b + add). b and add may be nil; add is like
// y, but not the same memory. What Conv or Depthwise can compute is left to
// them, and has the same bits.
func (c GroupedConv) Forward(ws *Workers, y, x, w, b, add []float32, clip Clip) {
	oh, ow := c.OutHW(c.H, c.W)
	mustLen("y", y, c.N*oh*ow*c.Cout)
	out := convOut{y: y, add: optLen("add", add, len(y)), clip: clip}
	switch c.way() {
	case convWinogradWay, convDirectWay:
		d := c.conv()
		d.forward(ws, d.geometry(), out, x, w, b)
	case convDepthwiseWay:
		c.depthwise().forward(ws, out, x, w, b)
	default:
		c.forward(ws, out, x, w, b)
	}
}

// convWay is a way to compute a convolution, which follows from its shape
// without N.
type convWay int

const (
	convGroupedWay convWay = iota
	convDirectWay
	convWinogradWay
	convDepthwiseWay
)

func (c GroupedConv) way() convWay {
	switch {
	case c.Groups == 1 && c.Window == square(c.KH, c.StrideH, c.PadTop):
		if c.conv().winograd() {
			return convWinogradWay
		}
		return convDirectWay
	case c.Groups == c.Cin && c.Groups == c.Cout:
		return convDepthwiseWay
	}
	return convGroupedWay
}

// conv is the same convolution, if it is square and without groups.
func (c GroupedConv) conv() Conv {
	return Conv{N: c.N, H: c.H, W: c.W, Cin: c.Cin, Cout: c.Cout, K: c.KH, Stride: c.StrideH, Pad: c.PadTop}
}

// depthwise is the same convolution, if each channel has a kernel of its own.
func (c GroupedConv) depthwise() Depthwise {
	return Depthwise{N: c.N, H: c.H, W: c.W, C: c.Cin, Window: c.Window}
}

// convGrouped computes a tile of rows of one image, as convForward does, group
// by group. Where the inputs of a window's row do not lie together, each
// row of the kernel is a product of its own, added to the one before.
type convGrouped struct {
	c             GroupedConv
	out           convOut
	x             []float32 // padded
	image, row    int       // values of a padded image, of its rows
	oh, ow        int
	w             []float32 // packed [groups][blocks][kernel elements][lanes]
	b             []float32 // packed [groups][blocks][lanes]
	cin           int       // input channels of a group
	blocks, elems int       // of a group, of a block
	rowTiles      int
	parts         parts // of the blocks of all groups
}

func (c GroupedConv) forward(ws *Workers, out convOut, x, w, b []float32) {
	packed := grow(&ws.packed, c.packedSize())
	c.pack(ws, packed, w, b)
	c.compute(ws, out, x, packed)
}

// blocks returns how many blocks of output channels a group has, and how many
// kernel elements.
func (c GroupedConv) blocks() (blocks, elems int) {
	return (c.Cout/c.Groups + lanes - 1) / lanes, c.KH * c.KW * (c.Cin / c.Groups)
}

// packedSize is the number of values of packed weights and biases.
func (c GroupedConv) packedSize() int {
	blocks, elems := c.blocks()
	return c.Groups * blocks * (elems + 1) * lanes
}

// pack packs w [KH,KW,Cin/Groups,Cout] and b [Cout], which may be nil.
func (c GroupedConv) pack(ws *Workers, packed, w, b []float32) {
	blocks, elems := c.blocks()
	mustLen("w", w, elems*c.Cout)
	all := c.Groups * blocks
	j := &ws.packGroups
	*j = packGroups{c: c, blocks: blocks, elems: elems, src: w, dst: packed[:all*elems*lanes]}
	bias := packed[all*elems*lanes:]
	clear(bias)
	if optLen("b", b, c.Cout) != nil {
		for i := range all {
			first, n := c.blockChannels(i, blocks)
			copy(bias[i*lanes:], b[first:first+n])
		}
	}
	ws.run(all, j)
}

// compute is the convolution with packed weights.
func (c GroupedConv) compute(ws *Workers, out convOut, x, packed []float32) {
	mustLen("x", x, c.N*c.H*c.W*c.Cin)
	if c.im2col() {
		c.computeIm2col(ws, out, x, packed)
		return
	}
	j := &ws.convGrouped
	*j = convGrouped{c: c, out: out, cin: c.Cin / c.Groups}
	j.blocks, j.elems = c.blocks()
	j.oh, j.ow = c.OutHW(c.H, c.W)
	j.row = (c.W + c.PadLeft + c.PadRight) * c.Cin
	j.image = (c.H + c.PadTop + c.PadBottom) * j.row
	j.x = x
	if max(c.PadTop, c.PadLeft, c.PadBottom, c.PadRight) > 0 {
		j.x = padInput(ws, x, c.N, c.H, c.W*c.Cin, c.Window, c.Cin)
	}
	at := c.Groups * j.blocks * j.elems * lanes
	j.w, j.b = packed[:at], packed[at:]
	j.rowTiles = (j.oh + rowTile - 1) / rowTile
	j.parts = ws.divide(c.Groups*j.blocks, c.N*j.rowTiles)
	ws.reserve(scratch{buf: j.ow * lanes})
	ws.run(c.N*j.rowTiles*j.parts.count, j)
}

// blockChannels returns the output channels of a block.
func (c GroupedConv) blockChannels(i, blocks int) (first, n int) {
	group, blk, cout := i/blocks, i%blocks, c.Cout/c.Groups
	return group*cout + blk*lanes, min(lanes, cout-blk*lanes)
}

// packGroups packs the weights of a block.
type packGroups struct {
	c             GroupedConv
	blocks, elems int // of a group, of a block
	dst, src      []float32
}

func (j *packGroups) task(i int, _ *Workers, _ *worker) {
	first, n := j.c.blockChannels(i, j.blocks)
	for e := range j.elems {
		dst := j.dst[(i*j.elems+e)*lanes:][:lanes]
		clear(dst[copy(dst, j.src[e*j.c.Cout+first:][:n]):])
	}
}

func (j *convGrouped) task(i int, ws *Workers, w *worker) {
	tile := i / j.parts.count
	n, tile := tile/j.rowTiles, tile%j.rowTiles
	top, bottom := tile*rowTile, min((tile+1)*rowTile, j.oh)
	from, to := j.parts.of(i % j.parts.count)
	for blk := from; blk < to; blk++ {
		for row := top; row < bottom; row++ {
			j.block(ws, w, n, row, blk)
		}
	}
	left, _ := j.c.blockChannels(from, j.blocks)
	last, wide := j.c.blockChannels(to-1, j.blocks)
	j.out.activate(ws.backend, (n*j.oh+top)*j.ow*j.c.Cout, (bottom-top)*j.ow, j.c.Cout, left, last+wide)
}

// block computes a row of the output for one block of channels.
func (j *convGrouped) block(ws *Workers, w *worker, n, row, blk int) {
	c := j.c
	first, wide := c.blockChannels(blk, j.blocks)
	at := (n*j.oh+row)*j.ow*c.Cout + first
	a := gemmArgs{
		init: j.b[blk*lanes:],
		x:    j.x[n*j.image+row*c.StrideH*j.row+blk/j.blocks*j.cin:], pixStride: c.StrideW * c.Cin, step: 1,
		w: j.w[blk*j.elems*lanes:][:j.elems*lanes], wStride: lanes,
		n: j.ow,
	}
	if c.Groups == 1 && c.DilationW == 1 {
		a.rows, a.run, a.rowStride = c.KH, c.KW*c.Cin, c.DilationH*j.row
	} else {
		a.rows, a.run, a.rowStride = c.KW, j.cin, c.DilationW*c.Cin
		a.dst, a.dstStride = w.buf[:j.ow*lanes], lanes
		for range c.KH - 1 {
			ws.backend.gemm(a)
			a.init, a.initStride = a.dst, lanes
			a.x, a.w = a.x[c.DilationH*j.row:], a.w[c.KW*j.cin*lanes:]
		}
	}
	a.dst, a.dstStride, a.gemmEnd = j.out.y[at:], c.Cout, j.out.end(at, wide)
	ws.backend.gemm(a)
}

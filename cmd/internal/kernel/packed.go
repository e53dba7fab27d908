package kernel

import "fmt"

// PackedConv is the weights and biases of a convolution in the order in which
// they are read: an inference packs them once. It may be used by several
// Workers at once.
type PackedConv struct {
	c    GroupedConv // N does not matter
	way  convWay
	data []float32
}

// Pack packs w [KH][KW][Cin/Groups][Cout] and b [Cout], which may be nil.
func (c GroupedConv) Pack(ws *Workers, w, b []float32) *PackedConv {
	p := c.NewPacked()
	p.Repack(ws, w, b)
	return p
}

// NewPacked is the memory for weights and biases that Repack is to pack.
func (c GroupedConv) NewPacked() *PackedConv {
	p := &PackedConv{c: c, way: c.way()}
	d := c.conv()
	g := d.geometry()
	size := 0
	switch p.way {
	case convWinogradWay:
		size = g.packedWinograd(d)
	case convDirectWay:
		size = g.packedDirect()
	case convDepthwiseWay:
		size = (c.KH*c.KW + 1) * c.Cout
	default:
		size = c.packedSize()
	}
	p.data = make([]float32, size)
	return p
}

// Repack packs other weights and biases of the same shape, in the memory of
// those before.
func (p *PackedConv) Repack(ws *Workers, w, b []float32) {
	c := p.c
	mustLen("w", w, c.KH*c.KW*(c.Cin/c.Groups)*c.Cout)
	optLen("b", b, c.Cout)
	d := c.conv()
	switch p.way {
	case convWinogradWay:
		d.packWinograd(ws, d.geometry(), p.data, w, b)
	case convDirectWay:
		d.packDirect(ws, d.geometry(), p.data, w, b)
	case convDepthwiseWay:
		at := copy(p.data, w)
		clear(p.data[at:])
		copy(p.data[at:], b)
	default:
		c.pack(ws, p.data, w, b)
	}
}

// fits reports whether the weights are those of the same convolution, of
// pictures of any number and size that are computed in the same way.
func (p *PackedConv) fits(c GroupedConv) bool {
	way := c.way()
	c.N, c.H, c.W = p.c.N, p.c.H, p.c.W
	return way == p.way && c == p.c
}

func (p *PackedConv) mustFit(c GroupedConv) {
	if !p.fits(c) {
		panic(fmt.Sprintf("kernel: weights packed for %+v are used for %+v", p.c, c))
	}
}

// ForwardPackedReLUPool computes y = maxpool2x2(relu(x*w + b)), and idx, as
// Conv.ForwardReLUPool does, with packed weights as ForwardPacked. The
// convolution must be a [Conv]: of one group, square, with the same strides and
// padding on all sides. The bits are those of ForwardReLUPool.
func (c GroupedConv) ForwardPackedReLUPool(ws *Workers, y []float32, idx []uint8, x []float32, p *PackedConv) {
	p.mustFit(c)
	d := c.conv()
	g := d.geometry()
	mustLen("y", y, c.N*g.ph*g.pw*c.Cout)
	mustLen("idx", idx, len(y))
	mustLen("x", x, c.N*c.H*c.W*c.Cin)
	out := convOut{y: y, idx: idx}
	switch p.way {
	case convWinogradWay:
		d.computeWinograd(ws, g, out, x, p.data)
	case convDirectWay:
		d.computeDirect(ws, g, out, x, p.data)
	default:
		panic(fmt.Sprintf("kernel: %+v is no convolution before a pool", c))
	}
}

// ForwardPacked computes y = act(x*w + b + add) with the weights and biases
// that Pack has packed, of the same shape; N may be another, and so may H and W
// unless one of them has a single output row or column. add may be nil; it is
// like y, but not the same memory. The bits are those of Forward.
func (c GroupedConv) ForwardPacked(ws *Workers, y, x []float32, p *PackedConv, add []float32, act Unary) {
	p.mustFit(c)
	oh, ow := c.OutHW(c.H, c.W)
	mustLen("y", y, c.N*oh*ow*c.Cout)
	mustLen("x", x, c.N*c.H*c.W*c.Cin)
	out := activated(y, add, act)
	d := c.conv()
	switch p.way {
	case convWinogradWay:
		d.computeWinograd(ws, d.geometry(), out, x, p.data)
	case convDirectWay:
		d.computeDirect(ws, d.geometry(), out, x, p.data)
	case convDepthwiseWay:
		at := len(p.data) - c.Cout
		c.depthwise().forward(ws, out, x, p.data[:at], p.data[at:])
	default:
		c.compute(ws, out, x, p.data)
	}
}

// PackedDense is the weights and biases of a dense layer, as PackedConv.
type PackedDense struct {
	in, out int
	data    []float32 // [blocks][In][lanes], [blocks][lanes]
}

// Pack packs w [In][Out], or [Out][In] if transposed, and b [Out], which may be
// nil.
func (d Dense) Pack(ws *Workers, w, b []float32, transposed bool) *PackedDense {
	p := d.NewPacked()
	p.Repack(ws, w, b, transposed)
	return p
}

// NewPacked is the memory for weights and biases that Repack is to pack.
func (d Dense) NewPacked() *PackedDense {
	blocks := (d.Out + lanes - 1) / lanes
	return &PackedDense{d.In, d.Out, make([]float32, blocks*(d.In+1)*lanes)}
}

// Repack packs other weights and biases of the same shape, in the memory of
// those before.
func (p *PackedDense) Repack(ws *Workers, w, b []float32, transposed bool) {
	mustLen("w", w, p.in*p.out)
	optLen("b", b, p.out)
	blocks := (p.out + lanes - 1) / lanes
	at := blocks * p.in * lanes
	clear(p.data[at:])
	copy(p.data[at:], b)
	j := &ws.matMul
	*j = matMulJob{m: MatMul{Batch: 1, M: 1, K: p.in, N: p.out, TransposedB: transposed}, b: w, w: p.data[:at], blocks: blocks}
	ws.run(blocks, (*packMatrices)(j))
}

// ForwardPacked computes y = act(x*w + b + add), with x [N][In] and y [N][Out].
// add may be nil; it is like y, but not the same memory. The bits are those of
// Forward.
func (d Dense) ForwardPacked(ws *Workers, y, x []float32, p *PackedDense, add []float32, act Unary) {
	if d.In != p.in || d.Out != p.out {
		panic(fmt.Sprintf("kernel: weights packed for %d to %d values are used for %d to %d", p.in, p.out, d.In, d.Out))
	}
	mustLen("y", y, d.N*d.Out)
	mustLen("x", x, d.N*d.In)
	c := Conv{N: 1, H: 1, W: d.N, Cin: d.In, Cout: d.Out, K: 1, Stride: 1}
	c.computeDirect(ws, c.geometry(), activated(y, add, act), x, p.data)
}

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
	p := &PackedConv{c: c, way: c.way()}
	mustLen("w", w, c.KH*c.KW*(c.Cin/c.Groups)*c.Cout)
	optLen("b", b, c.Cout)
	d := c.conv()
	g := d.geometry()
	switch p.way {
	case convWinogradWay:
		p.data = make([]float32, g.packedWinograd(d))
		d.packWinograd(ws, g, p.data, w, b)
	case convDirectWay:
		p.data = make([]float32, g.packedDirect())
		d.packDirect(ws, g, p.data, w, b)
	case convDepthwiseWay:
		p.data = make([]float32, len(w)+c.Cout)
		copy(p.data, w)
		copy(p.data[len(w):], b)
	default:
		p.data = make([]float32, c.packedSize())
		c.pack(ws, p.data, w, b)
	}
	return p
}

// fits reports whether the weights are those of the same convolution, of
// pictures of any number and size that are computed in the same way.
func (p *PackedConv) fits(c GroupedConv) bool {
	way := c.way()
	c.N, c.H, c.W = p.c.N, p.c.H, p.c.W
	return way == p.way && c == p.c
}

// ForwardPacked computes y = act(x*w + b + add) with the weights and biases
// that Pack has packed, of the same shape; N may be another, and so may H and W
// unless one of them has a single output row or column. add may be nil; it is
// like y, but not the same memory. The bits are those of Forward.
func (c GroupedConv) ForwardPacked(ws *Workers, y, x []float32, p *PackedConv, add []float32, act Unary) {
	if !p.fits(c) {
		panic(fmt.Sprintf("kernel: weights packed for %+v are used for %+v", p.c, c))
	}
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
	mustLen("w", w, d.In*d.Out)
	optLen("b", b, d.Out)
	blocks := (d.Out + lanes - 1) / lanes
	at := blocks * d.In * lanes
	p := &PackedDense{d.In, d.Out, make([]float32, at+blocks*lanes)}
	copy(p.data[at:], b)
	j := &ws.matMul
	*j = matMulJob{m: MatMul{Batch: 1, M: 1, K: d.In, N: d.Out, TransposedB: transposed}, b: w, w: p.data[:at], blocks: blocks}
	ws.run(blocks, (*packMatrices)(j))
	return p
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

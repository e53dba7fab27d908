package kernel

// Backward computes the gradients of Forward without clipping from that of its
// output, dy [N][OH][OW][C]: dx like x, dw like w and db [C]. Each may be nil:
// it is not wanted.
//
// That of the input is itself such a convolution, of dy, between whose values
// there are zeros where Forward had a stride, with the elements of the kernel in
// reverse. That of a kernel element adds up products over all places of a
// picture, which the same inner loop does; those of the pictures are then added
// in order.
func (d Depthwise) Backward(ws *Workers, dx, dw, db, dy, x, w []float32) {
	oh, ow := d.OutHW(d.H, d.W)
	mustLen("dy", dy, d.N*oh*ow*d.C)
	mustLen("x", x, d.N*d.H*d.W*d.C)
	mustLen("w", w, d.KH*d.KW*d.C)
	optLen("dx", dx, len(x))
	optLen("dw", dw, len(w))
	optLen("db", db, d.C)
	if dw != nil || db != nil {
		d.gradW(ws, dw, db, dy, x)
	}
	if dx != nil {
		d.gradX(ws, dx, dy, w)
	}
}

// depthwiseGradW computes what one picture adds to the gradients of the weights
// and of the bias.
type depthwiseGradW struct {
	d      Depthwise
	oh, ow int
	x, dy  []float32
	part   []float32 // [N][KH*KW+1][C], the bias last
	zeros  []float32 // [C]
}

func (d Depthwise) gradW(ws *Workers, dw, db, dy, x []float32) {
	oh, ow := d.OutHW(d.H, d.W)
	size := (d.KH*d.KW + 1) * d.C
	zeros := grow(&ws.packed, d.C)
	clear(zeros)
	j := &depthwiseGradW{d: d, oh: oh, ow: ow, x: x, dy: dy, part: grow(&ws.partial, d.N*size), zeros: zeros}
	ws.run(d.N, j)
	sum := j.part[:size]
	for n := 1; n < d.N; n++ {
		Add(ws, sum, sum, j.part[n*size:][:size])
	}
	if dw != nil {
		copy(dw, sum)
	}
	if db != nil {
		copy(db, sum[size-d.C:])
	}
}

func (j *depthwiseGradW) task(n int, ws *Workers, _ *worker) {
	d := j.d
	size := (d.KH*d.KW + 1) * d.C
	part := j.part[n*size:][:size]
	x, dy := j.x[n*d.H*d.W*d.C:], j.dy[n*j.oh*j.ow*d.C:][:j.oh*j.ow*d.C]
	for ky := range d.KH {
		for kx := range d.KW {
			y0, y1 := taps(ky*d.DilationH-d.PadTop, j.oh, d.StrideH, d.H)
			x0, x1 := taps(kx*d.DilationW-d.PadLeft, j.ow, d.StrideW, d.W)
			// dw [C] = sum over the places of x [C] * dy [C]
			a := depthwiseArgs{dst: part[(ky*d.KW+kx)*d.C:], dstStride: d.C, init: j.zeros, n: 1, channels: d.C, clip: Unclipped()}
			if y0 < y1 && x0 < x1 {
				a.x = x[((y0*d.StrideH+ky*d.DilationH-d.PadTop)*d.W+x0*d.StrideW+kx*d.DilationW-d.PadLeft)*d.C:]
				a.pixStride, a.rowStride, a.step = d.C, d.StrideH*d.W*d.C, d.StrideW*d.C
				a.w, a.wRow, a.wStride = dy[(y0*j.ow+x0)*d.C:], j.ow*d.C, d.C
				a.rows, a.run = y1-y0, x1-x0
			}
			ws.backend.depthwise(a)
		}
	}
	bias := part[size-d.C:]
	copy(bias, dy)
	for at := d.C; at < len(dy); at += d.C {
		ws.backend.add(bias, bias, dy[at:at+d.C])
	}
}

func (d Depthwise) gradX(ws *Workers, dx, dy, w []float32) {
	oh, ow := d.OutHW(d.H, d.W)
	reversed := grow(&ws.transposed, len(w))
	for i := range d.KH * d.KW {
		copy(reversed[(d.KH*d.KW-1-i)*d.C:][:d.C], w[i*d.C:])
	}
	back := Depthwise{N: d.N, H: oh, W: ow, C: d.C, Window: Window{KH: d.KH, KW: d.KW, StrideH: 1, StrideW: 1, DilationH: d.DilationH, DilationW: d.DilationW}}
	top, left := d.DilationH*(d.KH-1)-d.PadTop, d.DilationW*(d.KW-1)-d.PadLeft
	bottom, right := d.H-oh+d.PadTop, d.W-ow+d.PadLeft
	if d.StrideH == 1 && d.StrideW == 1 && min(top, left, bottom, right) >= 0 {
		back.PadTop, back.PadLeft, back.PadBottom, back.PadRight = top, left, bottom, right
		back.Forward(ws, dx, dy, reversed, nil, Unclipped())
		return
	}
	// With the zeros between and around its values.
	back.H, back.W = d.H+d.DilationH*(d.KH-1), d.W+d.DilationW*(d.KW-1)
	spread := &spreadJob{
		dst: grow(&ws.padded, d.N*back.H*back.W*d.C), src: dy, oh: oh, ow: ow, h: back.H, w: back.W, c: d.C,
		top: top, left: left, strideH: d.StrideH, strideW: d.StrideW,
	}
	ws.run(d.N, spread)
	back.Forward(ws, dx, spread.dst, reversed, nil, Unclipped())
}

// spreadJob puts the values of pictures [oh][ow][c] at a distance of each other
// into pictures [h][w][c] of zeros, from (top, left) on, where these have a
// place for them.
type spreadJob struct {
	dst, src                    []float32
	oh, ow, h, w, c             int
	top, left, strideH, strideW int
}

func (j *spreadJob) task(n int, _ *Workers, _ *worker) {
	dst, src := j.dst[n*j.h*j.w*j.c:][:j.h*j.w*j.c], j.src[n*j.oh*j.ow*j.c:]
	clear(dst)
	for y := range j.oh {
		for x := range j.ow {
			toY, toX := y*j.strideH+j.top, x*j.strideW+j.left
			if toY >= 0 && toY < j.h && toX >= 0 && toX < j.w {
				copy(dst[(toY*j.w+toX)*j.c:][:j.c], src[(y*j.ow+x)*j.c:])
			}
		}
	}
}

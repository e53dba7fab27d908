package kernel

// CheckBackward reports whether Backward can be computed.
func (c GroupedConv) CheckBackward() error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.way() == convGroupedWay {
		oh, ow := c.OutHW(c.H, c.W)
		return c.unfolded(oh, ow).Check()
	}
	if c.way() != convDepthwiseWay {
		return c.conv().Check()
	}
	return checkSize(c.N, c.H+c.DilationH*(c.KH-1), c.W+c.DilationW*(c.KW-1), c.Cin)
}

// Backward computes the gradients of Forward without add and clip from that of
// its output, dy [N][OH][OW][Cout]: dx like x, dw like w and db like b. Each may
// be nil: it is not wanted.
//
// What neither Conv nor Depthwise can compute is, group by group, a 1x1
// convolution of the windows, which are copied for it.
func (c GroupedConv) Backward(ws *Workers, dx, dw, db, dy, x, w []float32) {
	switch c.way() {
	case convWinogradWay, convDirectWay:
		c.conv().Backward(ws, dx, dw, db, dy, x, w)
		return
	case convDepthwiseWay:
		c.depthwise().Backward(ws, dx, dw, db, dy, x, w)
		return
	}
	oh, ow := c.OutHW(c.H, c.W)
	cin, cout := c.Cin/c.Groups, c.Cout/c.Groups
	elems, pixels := c.KH*c.KW*cin, c.N*oh*ow
	mustLen("dy", dy, pixels*c.Cout)
	mustLen("x", x, c.N*c.H*c.W*c.Cin)
	mustLen("w", w, elems*c.Cout)
	optLen("dx", dx, len(x))
	optLen("dw", dw, len(w))
	optLen("db", db, c.Cout)
	one := c.unfolded(oh, ow)
	b := &ws.unfolding
	windows, gradients := grow(&b.windows, pixels*elems), grow(&b.gradients, pixels*cout)
	weights, dWeights, dBias := grow(&b.weights, elems*cout), grow(&b.dWeights, elems*cout), grow(&b.dBias, cout)
	for group := range c.Groups {
		Copy{Rows: pixels, Cols: cout, DstStride: cout, SrcStride: c.Cout}.Forward(ws, gradients, dy[group*cout:])
		Copy{Rows: elems, Cols: cout, DstStride: cout, SrcStride: c.Cout}.Forward(ws, weights, w[group*cout:])
		j := &unfoldJob{c: c, oh: oh, ow: ow, channel: group * cin, channels: cin, x: x, windows: windows}
		if dw != nil || db != nil {
			if dw != nil {
				ws.run(c.N, j)
			}
			one.Backward(ws, nil, wanted(dWeights, dw), wanted(dBias, db), gradients, windows, weights)
			if dw != nil {
				Copy{Rows: elems, Cols: cout, DstStride: c.Cout, SrcStride: cout}.Forward(ws, dw[group*cout:], dWeights)
			}
			if db != nil {
				copy(db[group*cout:], dBias)
			}
		}
		if dx != nil {
			one.Backward(ws, windows, nil, nil, gradients, windows, weights)
			ws.run(c.N, &foldJob{*j, dx})
		}
	}
}

// unfolding is the memory for windows that were copied.
type unfolding struct{ windows, gradients, weights, dWeights, dBias []float32 }

// wanted is memory, if that for which it stands is wanted.
func wanted(memory, of []float32) []float32 {
	if of == nil {
		return nil
	}
	return memory
}

// unfolded is the 1x1 convolution of the windows of a group.
func (c GroupedConv) unfolded(oh, ow int) Conv {
	return Conv{N: c.N, H: oh, W: ow, Cin: c.KH * c.KW * c.Cin / c.Groups, Cout: c.Cout / c.Groups, K: 1, Stride: 1}
}

// unfoldJob copies the windows of a picture, some channels of them.
type unfoldJob struct {
	c                 GroupedConv
	oh, ow            int
	channel, channels int
	x                 []float32
	windows           []float32 // [N*OH*OW][KH*KW*channels]
}

// each calls f for each element of each window of picture n: where its channels
// are in the windows, and in the pictures, or -1 for padding.
func (j *unfoldJob) each(n int, f func(window, at int)) {
	c := j.c
	window := n * j.oh * j.ow * c.KH * c.KW * j.channels
	for oy := range j.oh {
		for ox := range j.ow {
			for ky := range c.KH {
				for kx := range c.KW {
					y, x := oy*c.StrideH+ky*c.DilationH-c.PadTop, ox*c.StrideW+kx*c.DilationW-c.PadLeft
					at := -1
					if y >= 0 && x >= 0 && y < c.H && x < c.W {
						at = ((n*c.H+y)*c.W+x)*c.Cin + j.channel
					}
					f(window, at)
					window += j.channels
				}
			}
		}
	}
}

func (j *unfoldJob) task(n int, _ *Workers, _ *worker) {
	j.each(n, func(window, at int) {
		to := j.windows[window:][:j.channels]
		if at < 0 {
			clear(to)
			return
		}
		copy(to, j.x[at:])
	})
}

// foldJob adds up what windows have at each place of a picture.
type foldJob struct {
	unfoldJob
	dx []float32
}

func (j *foldJob) task(n int, ws *Workers, _ *worker) {
	size := j.c.H * j.c.W * j.c.Cin
	for at := n*size + j.channel; at < (n+1)*size; at += j.c.Cin {
		clear(j.dx[at:][:j.channels])
	}
	j.each(n, func(window, at int) {
		if at >= 0 {
			to := j.dx[at:][:j.channels]
			ws.backend.add(to, to, j.windows[window:][:j.channels])
		}
	})
}

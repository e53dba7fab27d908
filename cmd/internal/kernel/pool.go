package kernel

import "math"

// Pool is the shape of a pooling with any window. [MaxPool] is faster where it
// halves a picture and gradients are wanted.
//
//	x  [N][H][W][C]
//	y  [N][OH][OW][C], with OH, OW from OutHW(H, W)
//
// The padding takes no part: the largest value, or the mean, is that of the
// values of the picture that the window meets. Where it meets none the largest
// is -Inf and the mean 0. A window with a NaN gives NaN.
//
// ONNX' ceil_mode is a PadBottom and a PadRight for which OutHW gives the size
// that is wanted; the caller says in UncountedBottom and UncountedRight how
// much of them is no padding of the model's.
type Pool struct {
	N, H, W, C int
	Window
	Mean bool // the mean, else the largest
	// CountPadding makes it a mean over the padding's zeros as well (ONNX'
	// count_include_pad), without the last rows and columns of it.
	CountPadding                    bool
	UncountedBottom, UncountedRight int
}

// Check reports whether the shape can be computed.
func (p Pool) Check() error {
	if err := p.Window.check(p.H, p.W); err != nil {
		return err
	}
	oh, ow := p.OutHW(p.H, p.W)
	if err := checkSize(p.N, p.H, p.W, p.C); err != nil {
		return err
	}
	return checkSize(p.N, oh, ow, p.C)
}

// Forward sets y to the pooled x. The terms of a mean are added row by row, and
// the sum is divided.
func (p Pool) Forward(ws *Workers, y, x []float32) {
	oh, ow := p.OutHW(p.H, p.W)
	mustLen("y", y, p.N*oh*ow*p.C)
	mustLen("x", x, p.N*p.H*p.W*p.C)
	j := &ws.pool
	*j = poolJob{p: p, y: y, x: x, oh: oh, ow: ow}
	j.left, j.right = Depthwise{H: p.H, W: p.W, Window: p.Window}.inside(ow)
	j.rowTiles = (oh + poolRows - 1) / poolRows
	ws.run(p.N*j.rowTiles, j)
}

// poolRows is the number of output rows of a task.
const poolRows = 4

type poolJob struct {
	p           Pool
	y, x        []float32
	oh, ow      int
	left, right int // the columns that see no padding
	rowTiles    int
}

func (j *poolJob) task(i int, ws *Workers, _ *worker) {
	n, tile := i/j.rowTiles, i%j.rowTiles
	for row := tile * poolRows; row < min((tile+1)*poolRows, j.oh); row++ {
		for col := range j.left {
			j.columns(ws, n, row, col, col+1)
		}
		tiles := (j.right - j.left + depthwiseColumns - 1) / depthwiseColumns
		for t := range tiles {
			j.columns(ws, n, row, j.left+t*(j.right-j.left)/tiles, j.left+(t+1)*(j.right-j.left)/tiles)
		}
		for col := j.right; col < j.ow; col++ {
			j.columns(ws, n, row, col, col+1)
		}
	}
}

// columns computes the columns from, ..., to-1, which see as much padding as
// the first one.
func (j *poolJob) columns(ws *Workers, n, row, from, to int) {
	p := j.p
	top, left := row*p.StrideH-p.PadTop, from*p.StrideW-p.PadLeft
	y0, y1 := taps(top, p.KH, p.DilationH, p.H)
	x0, x1 := taps(left, p.KW, p.DilationW, p.W)
	a := poolArgs{dst: j.y[((n*j.oh+row)*j.ow+from)*p.C:], dstStride: p.C, n: to - from, channels: p.C, mean: p.Mean}
	if y0 < y1 && x0 < x1 {
		a.x = j.x[((n*p.H+top+y0*p.DilationH)*p.W+left+x0*p.DilationW)*p.C:]
		a.pixStride, a.rowStride, a.step = p.StrideW*p.C, p.DilationH*p.W*p.C, p.DilationW*p.C
		a.rows, a.run = y1-y0, x1-x0
	}
	a.count = float32(p.count(row, from, a.rows, a.run))
	ws.backend.pool(a)
}

// poolArgs are the arguments of pool: for p < n, at most depthwiseColumns, and
// l < channels, dst[p*dstStride+l] is the largest of, or the sum divided by
// count of,
//
//	x[p*pixStride+r*rowStride+j*step+l]  over r < rows, j < run
type poolArgs struct {
	dst                        []float32
	dstStride                  int
	x                          []float32
	pixStride, rowStride, step int
	rows, run, n, channels     int
	mean                       bool
	count                      float32
}

// from is what remains to do without the first channels.
func (a poolArgs) from(channel int) poolArgs {
	a.dst, a.channels = a.dst[channel:], a.channels-channel
	if a.rows > 0 {
		a.x = a.x[channel:]
	}
	return a
}

// start is the largest, or the sum, of nothing.
func (a poolArgs) start() float32 {
	if a.mean {
		return 0
	}
	return float32(math.Inf(-1))
}

func poolRef(a poolArgs) {
	for p := range a.n {
		dst := a.dst[p*a.dstStride:][:a.channels]
		for l := range dst {
			dst[l] = a.start()
		}
		for r := range a.rows {
			for j := range a.run {
				x := a.x[p*a.pixStride+r*a.rowStride+j*a.step:][:len(dst)]
				if a.mean {
					for l, v := range x {
						dst[l] += v
					}
					continue
				}
				for l, v := range x {
					if d := dst[l]; v > d || v != v {
						dst[l] = v
					}
				}
			}
		}
		if a.mean {
			for l := range dst {
				dst[l] /= a.count
			}
		}
	}
}

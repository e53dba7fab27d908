package kernel

// Backward sets dx, like x, to the gradient of Forward from that of its output,
// dy, and its input. That of a largest value goes to the first place of the
// window that has it, row by row.
func (p Pool) Backward(ws *Workers, dx, dy, x []float32) {
	oh, ow := p.OutHW(p.H, p.W)
	mustLen("dy", dy, p.N*oh*ow*p.C)
	mustLen("x", x, p.N*p.H*p.W*p.C)
	mustLen("dx", dx, len(x))
	ws.run(p.N, &poolGradJob{p: p, dx: dx, dy: dy, x: x, oh: oh, ow: ow})
}

type poolGradJob struct {
	p         Pool
	dx, dy, x []float32
	oh, ow    int
}

func (j *poolGradJob) task(n int, _ *Workers, _ *worker) {
	p := j.p
	size := p.H * p.W * p.C
	x, dx := j.x[n*size:][:size], j.dx[n*size:][:size]
	clear(dx)
	best := make([]int, p.C) // where the largest is
	for row := range j.oh {
		for col := range j.ow {
			top, left := row*p.StrideH-p.PadTop, col*p.StrideW-p.PadLeft
			y0, y1 := taps(top, p.KH, p.DilationH, p.H)
			x0, x1 := taps(left, p.KW, p.DilationW, p.W)
			if y0 >= y1 || x0 >= x1 {
				continue
			}
			dy := j.dy[((n*j.oh+row)*j.ow+col)*p.C:][:p.C]
			count := float32(p.count(row, col, y1-y0, x1-x0))
			for l := range best {
				best[l] = -1
			}
			for ky := y0; ky < y1; ky++ {
				for kx := x0; kx < x1; kx++ {
					at := ((top+ky*p.DilationH)*p.W + left + kx*p.DilationW) * p.C
					if p.Mean {
						to := dx[at:][:len(dy)]
						for l, v := range dy {
							to[l] += v / count
						}
						continue
					}
					for l, v := range x[at:][:len(best)] {
						if best[l] < 0 || v > x[best[l]] || v != v {
							best[l] = at + l
						}
					}
				}
			}
			if !p.Mean {
				for l, at := range best {
					dx[at] += dy[l]
				}
			}
		}
	}
}

// count is the number of values that the mean at a place is over, if its window
// meets so many rows and columns of the picture.
func (p Pool) count(row, col, rows, columns int) int {
	if p.CountPadding {
		y0, y1 := taps(row*p.StrideH, p.KH, p.DilationH, p.PadTop+p.H+p.PadBottom-p.UncountedBottom)
		x0, x1 := taps(col*p.StrideW, p.KW, p.DilationW, p.PadLeft+p.W+p.PadRight-p.UncountedRight)
		rows, columns = y1-y0, x1-x0
	}
	return max(1, rows*columns)
}

package kernel

// GlobalAvgPool is the shape of a mean over whole pictures: x is [N][H][W][C],
// y is [N][C].
type GlobalAvgPool struct{ N, H, W, C int }

// avgPoolJob is a mean, or its gradient, of one picture.
type avgPoolJob struct {
	g        GlobalAvgPool
	y, x     []float32 // backward: dy and dx
	backward bool
}

// Forward sets y to the means of x. The sums are taken in float64, pixel by
// pixel, and rounded once: the same bits on every backend.
func (g GlobalAvgPool) Forward(ws *Workers, y, x []float32) {
	g.run(ws, avgPoolJob{g: g, y: y, x: x})
}

// Backward sets dx to dy/(H*W) at every pixel.
func (g GlobalAvgPool) Backward(ws *Workers, dx, dy []float32) {
	g.run(ws, avgPoolJob{g: g, y: dy, x: dx, backward: true})
}

func (g GlobalAvgPool) run(ws *Workers, j avgPoolJob) {
	mustLen("x", j.x, g.N*g.H*g.W*g.C)
	mustLen("y", j.y, g.N*g.C)
	ws.avgPool = j
	ws.run(g.N, &ws.avgPool)
}

func (j *avgPoolJob) task(n int, _ *Workers, _ *worker) {
	g := j.g
	pixels := g.H * g.W
	x, y := j.x[n*pixels*g.C:][:pixels*g.C], j.y[n*g.C:][:g.C]
	if j.backward {
		for c, v := range y {
			x[c] = float32(float64(v) / float64(pixels))
		}
		for i := 1; i < pixels; i++ {
			copy(x[i*g.C:(i+1)*g.C], x)
		}
		return
	}
	for first := 0; first < g.C; first += lanes {
		var sums [lanes]float64
		out := y[first:min(first+lanes, g.C)]
		for at := first; at < len(x); at += g.C {
			for l, v := range x[at : at+len(out)] {
				sums[l] += float64(v)
			}
		}
		for l := range out {
			out[l] = float32(sums[l] / float64(pixels))
		}
	}
}

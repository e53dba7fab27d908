package kernel

import "math"

// MaxPool is the shape of a 2x2 max pooling with stride 2. x is [N][H][W][C], y
// and idx are [N][H/2][W/2][C]; an odd last row or column is dropped.
type MaxPool struct{ N, H, W, C int }

type maxPoolJob struct {
	m        MaxPool
	y, x     []float32 // backward: dy and dx
	idx      []uint8
	backward bool
}

// Forward sets y to the largest value of each window and idx to its place (0, 1
// in the upper row, 2, 3 in the lower; the first of equals). A window with a
// NaN gives NaN.
func (m MaxPool) Forward(ws *Workers, y []float32, idx []uint8, x []float32) {
	m.run(ws, maxPoolJob{m: m, y: y, x: x, idx: idx})
}

// Backward sets dx to dy at the places in idx and to 0 elsewhere.
func (m MaxPool) Backward(ws *Workers, dx, dy []float32, idx []uint8) {
	m.run(ws, maxPoolJob{m: m, y: dy, x: dx, idx: idx, backward: true})
}

func (m MaxPool) run(ws *Workers, j maxPoolJob) {
	mustLen("x", j.x, m.N*m.H*m.W*m.C)
	mustLen("y", j.y, m.N*(m.H/2)*(m.W/2)*m.C)
	mustLen("idx", j.idx, len(j.y))
	ws.maxPool = j
	ws.run(m.N, &ws.maxPool)
}

func (j *maxPoolJob) task(n int, _ *Workers, _ *worker) {
	m := j.m
	ph, pw, row := m.H/2, m.W/2, m.W*m.C
	x := j.x[n*m.H*row:][:m.H*row]
	if j.backward {
		clear(x)
	}
	for r := range ph {
		for q := range pw {
			at := ((n*ph+r)*pw + q) * m.C
			y, idx := j.y[at:][:m.C], j.idx[at:][:m.C]
			upper := x[2*r*row+2*q*m.C:][:2*m.C]
			lower := x[(2*r+1)*row+2*q*m.C:][:2*m.C]
			if j.backward {
				for c, v := range y {
					switch i := idx[c]; {
					case i < 2:
						upper[int(i)*m.C+c] = v
					case i < 4:
						lower[int(i-2)*m.C+c] = v
					}
				}
				continue
			}
			for c := range y {
				y[c], idx[c] = largest(upper[c], upper[m.C+c], lower[c], lower[m.C+c])
			}
		}
	}
}

// largest returns the largest of a window and which it is, the first of equals;
// NaN if one is NaN.
func largest(v0, v1, v2, v3 float32) (float32, uint8) {
	m, i := v0, uint8(0)
	if v1 > m {
		m, i = v1, 1
	}
	if v2 > m {
		m, i = v2, 2
	}
	if v3 > m {
		m, i = v3, 3
	}
	if v0 != v0 || v1 != v1 || v2 != v2 || v3 != v3 {
		m = float32(math.NaN())
	}
	return m, i
}

// poolRowRef applies ReLU and 2x2 max pooling to two rows of a convolution's
// output, given as [2*windows][16], of which n lanes count. For each window and
// lane, y (at window*stride+lane) is the largest value, or 0 if none is
// positive, or NaN if one is NaN, and idx says which: 0 and 1 for the top row,
// 2 and 3 for the bottom row, the first of equals, 4 for none and for NaN.
func poolRowRef(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int) {
	for q := range windows {
		t, b := top[q*2*lanes:][:2*lanes], bottom[q*2*lanes:][:2*lanes]
		y, idx := y[q*stride:][:n], idx[q*stride:][:n]
		for l := range n {
			y[l], idx[l] = poolOne(t[l], t[lanes+l], b[l], b[lanes+l])
		}
	}
}

// poolOne is ReLU and max pooling of one window.
func poolOne(v0, v1, v2, v3 float32) (float32, uint8) {
	m, i := largest(v0, v1, v2, v3)
	switch {
	case m != m:
		i = 4
	case !(m > 0):
		m, i = 0, 4
	}
	return m, i
}

// biasRowRef adds the gradients of the windows whose idx is below 4 to db[:n].
// dy and idx are [windows][stride].
func biasRowRef(db, dy []float32, idx []uint8, stride, windows, n int) {
	db = db[:n]
	for q := range windows {
		dy, idx := dy[q*stride:][:n], idx[q*stride:][:n]
		for c := range db {
			if idx[c] < 4 {
				db[c] += dy[c]
			}
		}
	}
}

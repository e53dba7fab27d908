package kernel

import (
	"fmt"
	"math"
)

// MatMul is the shape of Batch products of matrices, none of them constant; for
// constant weights see [Dense].
//
//	a  [Batch][M][K]
//	b  [Batch][K][N], or [Batch][N][K] if TransposedB, or of one matrix
//	y  [Batch][M][N]
type MatMul struct {
	Batch, M, K, N int
	TransposedB    bool
	SharedB        bool // b is one matrix, for all
}

// Check reports whether all sizes are positive and each tensor has fewer than
// 2^31 values.
func (m MatMul) Check() error {
	for _, v := range []int{m.Batch, m.M, m.K, m.N} {
		if v < 1 || v > math.MaxInt32 {
			return fmt.Errorf("matrix product: bad size in %d x [%d,%d] x [%d,%d]", m.Batch, m.M, m.K, m.K, m.N)
		}
	}
	for _, dims := range [][]int{{m.Batch, m.M, m.K}, {m.Batch, m.K, m.N + lanes}, {m.Batch, m.M, m.N}} {
		if err := checkSize(dims...); err != nil {
			return fmt.Errorf("matrix product: tensor of shape %v is too large", dims)
		}
	}
	return nil
}

// Forward computes y = a*b. The terms of a result are added from the first to
// the last.
func (m MatMul) Forward(ws *Workers, y, a, b []float32) {
	batch := m.Batch
	if m.SharedB {
		batch = 1
	}
	mustLen("y", y, m.Batch*m.M*m.N)
	mustLen("a", a, m.Batch*m.M*m.K)
	mustLen("b", b, batch*m.K*m.N)
	j := &ws.matMul
	*j = matMulJob{m: m, y: y, a: a, b: b}
	j.blocks = (m.N + lanes - 1) / lanes
	j.size = j.blocks * m.K * lanes
	j.w = grow(&ws.packed, batch*j.size+j.blocks*lanes)
	j.zeros = j.w[batch*j.size:]
	clear(j.zeros)
	ws.run(batch*j.blocks, (*packMatrices)(j))
	j.tiles = (m.M + pointwisePixels - 1) / pointwisePixels
	j.parts = ws.divide(j.blocks, m.Batch*j.tiles)
	ws.run(m.Batch*j.tiles*j.parts.count, j)
}

// matMulJob computes some rows of a product, and some columns.
type matMulJob struct {
	m             MatMul
	y, a, b       []float32
	w             []float32 // b packed [batch][blocks][K][lanes]
	zeros         []float32 // [blocks][lanes]
	blocks, tiles int
	size          int   // of a packed matrix
	parts         parts // of the blocks of columns
}

// packMatrices packs a block of columns of b.
type packMatrices matMulJob

func (p *packMatrices) task(i int, ws *Workers, _ *worker) {
	j := (*matMulJob)(p)
	k, n := j.m.K, j.m.N
	matrix, first := i/j.blocks, i%j.blocks*lanes
	dst, src := j.w[i*k*lanes:][:k*lanes], j.b[matrix*k*n:][:k*n]
	wide := min(lanes, n-first)
	if j.m.TransposedB {
		if wide < lanes {
			clear(dst)
		}
		ws.backend.transpose(dst, lanes, src[first*k:], k, wide, k)
		return
	}
	for r := range k {
		to := dst[r*lanes:][:lanes]
		clear(to[copy(to, src[r*n+first:][:wide]):])
	}
}

func (j *matMulJob) task(i int, ws *Workers, _ *worker) {
	from, to := j.parts.of(i % j.parts.count)
	i /= j.parts.count
	m, matrix, first := j.m, i/j.tiles, i%j.tiles*pointwisePixels
	rows := min(pointwisePixels, m.M-first)
	weights := j.w
	if !m.SharedB {
		weights = j.w[matrix*j.size:]
	}
	out := convOut{y: j.y, clip: Unclipped()}
	out.rows(ws.backend, gemmRows{
		x: j.a[(matrix*m.M+first)*m.K:], w: weights, b: j.zeros,
		at: (matrix*m.M + first) * m.N, n: rows, cin: m.K, cout: m.N, from: from, to: to,
	})
}

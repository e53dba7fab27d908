package kernel

import (
	"fmt"
	"math"
)

// Dense is the shape of a fully connected layer.
//
//	x  [N][In]
//	w  [In][Out]
//	b  [Out]
//	y  [N][Out]
type Dense struct{ N, In, Out int }

// Check reports whether all sizes are positive and each tensor has fewer than
// 2^31 values.
func (d Dense) Check() error {
	for _, v := range []int{d.N, d.In, d.Out} {
		if v < 1 || v > math.MaxInt32 {
			return fmt.Errorf("dense layer: bad size in %d x %d -> %d", d.N, d.In, d.Out)
		}
	}
	if d.In > math.MaxInt32/(d.Out+lanes) || d.N > math.MaxInt32/max(d.In, d.Out) {
		return fmt.Errorf("dense layer: %d x %d -> %d is too large", d.N, d.In, d.Out)
	}
	return nil
}

// denseChunk is the number of inputs that are summed in one go: their weights
// for one block of outputs should fit the second-level cache, since every few
// rows of the batch read them again.
const denseChunk = 2048

// denseForward computes one block of outputs for the whole batch.
type denseForward struct {
	d          Dense
	y, x, w, b []float32
	tail       []float32 // last block of w and b if it is not full, padded
}

// Forward computes y = x*w + b. b may be nil.
func (d Dense) Forward(ws *Workers, y, x, w, b []float32) {
	mustLen("y", y, d.N*d.Out)
	mustLen("x", x, d.N*d.In)
	mustLen("w", w, d.In*d.Out)
	optLen("b", b, d.Out)
	blocks := (d.Out + lanes - 1) / lanes
	bias := grow(&ws.packed, (blocks+d.In)*lanes)
	tail := bias[blocks*lanes:]
	bias = bias[:blocks*lanes]
	clear(bias)
	copy(bias, b)
	if d.Out%lanes != 0 {
		packTail(tail, w, d.In, d.Out)
	}
	ws.denseForward = denseForward{d: d, y: y, x: x, w: w, b: bias, tail: tail}
	ws.reserve(scratch{buf: d.N * lanes})
	ws.run(blocks, &ws.denseForward)
}

// packTail copies the columns of w [rows][cols] that fill no whole block to
// dst [rows][lanes], with zeros next to them.
func packTail(dst, w []float32, rows, cols int) {
	first := cols / lanes * lanes
	for r := range rows {
		to := dst[r*lanes:][:lanes]
		clear(to[copy(to, w[r*cols+first:(r+1)*cols]):])
	}
}

func (j *denseForward) task(blk int, ws *Workers, w *worker) {
	d, first := j.d, blk*lanes
	y, stride := j.y[first:], d.Out
	weights, wStride := j.w[first:], d.Out
	full := first+lanes <= d.Out
	if !full {
		y, stride = w.buf[:d.N*lanes], lanes
		weights, wStride = j.tail, lanes
	}
	init, initStride := j.b[first:], 0
	for at := 0; at < d.In; at += denseChunk {
		n := min(denseChunk, d.In-at)
		// y [N,16] = init + x [N,n] * w [n,16]
		ws.backend.gemm(gemmArgs{
			dst: y, dstStride: stride,
			init: init, initStride: initStride,
			x: j.x[at:], pixStride: d.In, step: 1,
			w: weights[at*wStride:], wStride: wStride,
			rows: 1, run: n, n: d.N,
		})
		init, initStride = y, stride
	}
	if !full {
		for n := range d.N {
			copy(j.y[n*d.Out+first:(n+1)*d.Out], y[n*lanes:])
		}
	}
}

// Backward computes the gradients of Forward for the gradient dy of its output.
// Each of dx, dw and db may be nil if it is not needed; what they hold is
// overwritten. dw and db are sums over the batch.
func (d Dense) Backward(ws *Workers, dx, dw, db, dy, x, w []float32) {
	optLen("dw", dw, d.In*d.Out)
	d.backward(ws, denseGrad{d: d, dx: dx, dw: dw, dy: dy, x: x, w: w}, db)
}

// BackwardUpdate is Backward followed by an RMSProp step of the weights,
// without storing their gradient: w and a, the running average of squared
// gradients, are updated in place. dx is the gradient for the weights before
// the step. The results are the same, bit for bit, as from Backward and
// RMSProp.Update. db is only computed, the bias not updated.
func (d Dense) BackwardUpdate(ws *Workers, dx, db, dy, x, w, a []float32, o RMSProp) {
	mustLen("a", a, d.In*d.Out)
	d.backward(ws, denseGrad{d: d, dx: dx, dy: dy, x: x, w: w, a: a, opt: o.constants()}, db)
}

// denseGrad computes the gradients for a chunk of inputs.
type denseGrad struct {
	d             Dense
	dx, dw, dy, x []float32
	w, a          []float32 // a nil: store dw, do not update
	opt           rmspropConst
	transposed    []float32 // dy, [blocks of N][Out][lanes]
	tail          []float32 // columns of dy that fill no block, [N][lanes]
}

// denseRows is the number of inputs of a backward task.
const denseRows = 96

func (d Dense) backward(ws *Workers, j denseGrad, db []float32) {
	mustLen("dy", j.dy, d.N*d.Out)
	mustLen("x", j.x, d.N*d.In)
	mustLen("w", j.w, d.In*d.Out)
	optLen("dx", j.dx, d.N*d.In)
	if optLen("db", db, d.Out) != nil {
		clear(db)
		for n := range d.N {
			for o, v := range j.dy[n*d.Out:][:d.Out] {
				db[o] += v
			}
		}
	}
	if j.dx == nil && j.dw == nil && j.a == nil {
		return
	}
	blocks := (d.N + lanes - 1) / lanes
	j.transposed = grow(&ws.packed, (blocks*d.Out+d.N)*lanes)
	j.tail = j.transposed[blocks*d.Out*lanes:]
	j.transposed = j.transposed[:blocks*d.Out*lanes]
	clear(j.transposed)
	for n := range d.N {
		to := j.transposed[n/lanes*d.Out*lanes+n%lanes:]
		for o, v := range j.dy[n*d.Out:][:d.Out] {
			to[o*lanes] = v
		}
	}
	if d.Out%lanes != 0 {
		packTail(j.tail, j.dy, d.N, d.Out)
	}
	ws.denseGrad = j
	ws.reserve(scratch{buf: lanes + denseRows*(lanes+d.Out)})
	ws.run((d.In+denseRows-1)/denseRows, &ws.denseGrad)
}

func (j *denseGrad) task(i int, ws *Workers, w *worker) {
	first := i * denseRows
	rows := min(denseRows, j.d.In-first)
	if j.dx != nil {
		j.gradX(ws, w, first, rows)
	}
	if j.dw != nil || j.a != nil {
		j.gradW(ws, w, first, rows)
	}
}

// gradX computes the columns first.. of dx. The lanes are rows of the batch.
func (j *denseGrad) gradX(ws *Workers, w *worker, first, rows int) {
	d := j.d
	tile := w.buf[:(rows+1)*lanes]
	zero, tile := tile[:lanes], tile[lanes:]
	clear(zero)
	for n0 := 0; n0 < d.N; n0 += lanes {
		// dx^T [rows,16] = w [rows,Out] * dy^T [Out,16]
		ws.backend.gemm(gemmArgs{
			dst: tile, dstStride: lanes,
			init: zero,
			x:    j.w[first*d.Out:], pixStride: d.Out, step: 1,
			w: j.transposed[n0*d.Out:], wStride: lanes,
			rows: 1, run: d.Out, n: rows,
		})
		for n := range min(lanes, d.N-n0) {
			to := j.dx[(n0+n)*d.In+first:][:rows]
			for r := range to {
				to[r] = tile[r*lanes+n]
			}
		}
	}
}

// gradW computes the rows first.. of dw and stores or applies them. The lanes
// are outputs.
func (j *denseGrad) gradW(ws *Workers, w *worker, first, rows int) {
	d := j.d
	tile := w.buf[:(rows+1)*lanes+rows*d.Out]
	zero, tile := tile[:lanes], tile[lanes:]
	tile, dw := tile[:rows*lanes], tile[rows*lanes:]
	clear(zero)
	if j.a == nil {
		dw = j.dw[first*d.Out:][:rows*d.Out]
	}
	// dw [rows,16] = x^T [rows,N] * dy [N,16]
	o := 0
	for ; o+lanes <= d.Out; o += lanes {
		ws.backend.gemm(gemmArgs{
			dst: dw[o:], dstStride: d.Out,
			init: zero,
			x:    j.x[first:], pixStride: 1, step: d.In,
			w: j.dy[o:], wStride: d.Out,
			rows: 1, run: d.N, n: rows,
		})
	}
	if o < d.Out {
		ws.backend.gemm(gemmArgs{
			dst: tile, dstStride: lanes,
			init: zero,
			x:    j.x[first:], pixStride: 1, step: d.In,
			w: j.tail, wStride: lanes,
			rows: 1, run: d.N, n: rows,
		})
		for r := range rows {
			copy(dw[r*d.Out+o:(r+1)*d.Out], tile[r*lanes:])
		}
	}
	if j.a != nil {
		at, n := first*d.Out, rows*d.Out
		j.opt.apply(ws.backend, j.w[at:][:n], j.a[at:][:n], dw)
	}
}

package kernel

// lanes is the number of output channels that a packed block of weights holds
// and that the GEMM micro-kernel computes at once. Blocks are padded with zeros.
const lanes = 16

// backend is one set of inner loops: the Go reference or assembly. Both sides
// of each function have the same contract, stated at the reference; all indices
// and strides count values, not bytes. In every function the additions that
// make up one result are done in an order that depends only on the shapes:
// lanes of a vector are always different results.
type backend struct {
	name string

	gemm              func(a gemmArgs)
	spmm              func(dst []float32, dstStride int, s sparseRows, src []float32, run int)
	compactWindows    func(s sparseRows, dy []float32, idx []uint8, channels, windows, wStep int)
	compactChannels   func(s sparseRows, dy []float32, idx []uint8, stride, windows, base, step int, delta *[8]int32)
	poolRow           func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int)
	biasRow           func(db, dy []float32, idx []uint8, stride, windows, n int)
	gradW2x2          func(dw []float32, dwStride int, gathered []float32, dy []float32, idx []uint8, stride, windows, n int) // nil: use spmm
	gather2x2         func(gathered, row, next []float32, n, cin int)
	rmsprop           func(w, a, g []float32, lr, rho, oneMinusRho, eps, floor float32)
	scale             func(dst []float32, src []uint8, factor float32)
	relu              func(y, x []float32)
	winogradInput     func(v []float32, plane, stride int, x []float32, row, pixel, channels, n int)
	winogradOutput    func(y []float32, row, pixel int, m []float32, plane, n int)
	winogradWeights   func(u []float32, plane int, w []float32, elemStride, stride, cin, n int)
	reluGrad          func(dx, dy, y []float32)
	add               func(y, a, b []float32)
	adam              func(w, m, v, g []float32, o *adamConst)
	ema               func(avg, w []float32, oneMinusRho float32)
	sumAndDot         func(sums *[2 * lanes]float64, a, b []float32, stride, rows, n int)
	normalize         func(dst, a []float32, stride, rows, n int, c *columns)
	normalizeBackward func(dst, a, b []float32, stride, rows, n int, c *columns)
	addReLU           func(y, x []float32)
	transpose         func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int)
}

package kernel

// lanes is the number of output channels that a packed block of weights holds
// and that the tile kernel computes at once. Blocks are padded with zeros.
const lanes = 16

// backend is one set of inner loops: the Go reference or assembly. Both sides
// of each function have the same contract, stated at the reference; all indices
// and strides count values, not bytes. In every function the additions that
// make up one result are done in an order that depends only on the shapes:
// lanes of a vector are always different results.
type backend struct {
	name string

	gemm              func(a gemmArgs)
	spmm              func(dst []float32, dstStride int, vals []float32, offs, counts []int32, capacity int, src []float32, run int)
	compactWindows    func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int)
	compactChannels   func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, listStride, stride, windows, base, step int, delta *[8]int32)
	poolRow           func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int)
	biasRow           func(db, dy []float32, idx []uint8, stride, windows, n int)
	gradW2x2          func(dw []float32, dwStride int, gathered []float32, dy []float32, idx []uint8, stride, windows, n int) // nil: use spmm
	gather2x2         func(gathered, row, next []float32, n, cin int)
	rmsprop           func(w, a, g []float32, lr, rho, oneMinusRho, eps, floor float32)
	scale             func(dst []float32, src []uint8, factor float32)
	relu              func(y, x []float32)
	winogradInput     func(v []float32, plane, stride int, x []float32, row, pixel, channels, n int)
	winogradOutput    func(y []float32, row, pixel int, m []float32, plane, n int)
	winogradWeights   func(u []float32, plane int, w []float32, tap, stride, cin, n int)
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

func goBackend() *backend {
	return &backend{
		name:              "go",
		gemm:              gemmRef,
		spmm:              spmmRef,
		compactWindows:    compactWindowsRef,
		compactChannels:   compactChannelsRef,
		poolRow:           poolRowRef,
		biasRow:           biasRowRef,
		rmsprop:           rmspropRef,
		scale:             scaleRef,
		relu:              reluRef,
		winogradInput:     winogradInputRef,
		winogradOutput:    winogradOutputRef,
		winogradWeights:   winogradWeightsRef,
		reluGrad:          reluGradRef,
		add:               addRef,
		adam:              adamRef,
		ema:               emaRef,
		sumAndDot:         sumAndDotRef,
		normalize:         normalizeRef,
		normalizeBackward: normalizeBackwardRef,
		addReLU:           addReLURef,
		transpose:         transposeRef,
	}
}

// gemmArgs are the arguments of gemm, a product of matrices with 16 columns,
// whose left side may be the windows of a convolution, read in place:
//
//	dst [n][16] = init [n][16] + x [n][rows*run] * w [rows*run][16]
//
// Value r*run+j of row p of the left side is x[p*pixStride+r*rowStride+j*step].
// In a convolution p counts columns of an output row, r rows of the kernel
// (or of an output, in the weight gradient), and j the values of such a row. An
// initStride of 0 starts every row from the same values.
//
// It is passed by value: a pointer through a function value would escape.
type gemmArgs struct {
	dst        []float32
	dstStride  int
	init       []float32
	initStride int

	x                          []float32
	pixStride, rowStride, step int

	w       []float32
	wStride int

	rows, run, n int
}

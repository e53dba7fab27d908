package kernel

// # Backends
//
// Every inner loop exists as a Go reference, which runs on every platform, and
// on amd64 as assembly for AVX-512 (F, BW, DQ and VL, with BMI2) and for AVX2
// with FMA, both written by the generator in cmd/internal/tools/avo. NewWorkers
// takes the fastest backend of the machine, NewWorkersOn a named one. The build
// tag noasm leaves the assembly out.
//
// # Same bits
//
// The result of an operation does not depend on the number of threads: a task
// writes memory of its own, and weight gradients are summed in 8 groups of
// images, whose sums are then added in order, however many threads there are.
//
// It does not depend on the width of vectors either: the lanes of a vector are
// always different results, and the terms of each result are added one by one,
// in an order that follows from the shapes, with fused multiply-adds. A test
// holds the assembly to exactly that chain, another compares whole operations
// on AVX-512 and AVX2. A machine without AVX-512 runs both in an emulator, with
// .ci/avx512. (Which NaN comes out of several may differ.)
//
// The Go reference adds in the same order, but Go promises a fused multiply-add
// for float32 on no platform: on amd64 the compiler rounds the product first,
// and a correct emulation would make it several times slower. So the products
// of gemm, spmm and gradW2x2 differ from the assembly in the last bits
// (relative to the largest term, by about 1e-6 after some thousand terms).
// Everything else (bias gradients, pooling, means, sums of tensors, ReLU,
// dropout, scaling, standardization, RMSProp, Adam, SGD, averages) is the same
// bit for bit on every backend: nothing is fused there, or, in float64, only
// where the product is exact. So are the elementwise functions, softmax, layer
// normalization and the loops in float64. The loss heads use math.Exp and
// math.Log in float64, UnaryLog and BinaryPow math.Log and math.Pow, which may
// differ in the last place between platforms.
//
// # Denormal numbers
//
// They are computed with, not flushed to zero: Go runs with gradual underflow,
// and so does every backend. Where they would arise and stay, and cost time in
// every step, the operation keeps them out itself: see RMSProp. Gradients do
// not get so small: a loss head stops at 1e-7 (sigmoid) or leaves gradients
// that an optimiser's epsilon stops from shrinking further.
//
// # Adding a function, an operation or an instruction set
//
// The generator's functions are methods of an isa, which says how wide a vector
// is and how many rows fill the registers. A new function gets its reference in
// Go with the contract, in a file of the name that the generator's has, a field
// of backend, and an entry in each backend (backend_ref.go, backend_amd64.go):
// in simdKernels if it leaves a tail that fills no vector, which withTail then
// gives to the narrower backend; backend_test.go and width_test.go get a case.
// A new instruction set gets an isa, a backend and a place in available. The
// tests run on every backend the machine has.

// lanes is the number of output channels that a packed block of weights holds
// and that the GEMM micro-kernel computes at once. Blocks are padded with
// zeros.
const lanes = 16

// backend is one set of inner loops: the Go reference or assembly. Both sides
// of each function have the same contract, stated at the reference; all indices
// and strides count values, not bytes. In every function the additions that
// make up one result are done in an order that depends only on the shapes:
// lanes of a vector are always different results.
type backend struct {
	name string

	gemm            func(a gemmArgs)
	depthwise       func(a depthwiseArgs)
	spmm            func(dst []float32, dstStride int, s sparseRows, src []float32, run int)
	compactWindows  func(s sparseRows, dy []float32, idx []uint8, channels, windows, wStep int)
	compactChannels func(s sparseRows, dy []float32, idx []uint8, stride, windows, base, step int, delta *[8]int32)
	poolRow         func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int)
	biasRow         func(db, dy []float32, idx []uint8, stride, windows, n int)
	// gradW2x2 and gather2x2 are nil where spmm is to be used.
	gradW2x2          func(dw []float32, dwStride int, gathered []float32, dy []float32, idx []uint8, stride, windows, n int)
	gather2x2         func(gathered, row, next []float32, n, cin int)
	rmsprop           func(w, a, g []float32, lr, rho, oneMinusRho, eps, floor float32)
	scale             func(dst []float32, src []uint8, factor float32)
	relu              func(y, x []float32)
	winogradInput     func(v []float32, plane, stride int, x []float32, row, pixel, channels, n int)
	winogradOutput    func(y []float32, row, pixel int, m []float32, plane, n int)
	winogradWeights   func(u []float32, plane int, w []float32, elemStride, stride, cin, n int)
	clip              func(y, x []float32, lo, hi float32)
	reluGrad          func(dx, dy, y []float32)
	clipGrad          func(dx, dy, y []float32, lo, hi float32)
	add               func(y, a, b []float32)
	adam              func(w, m, v, g []float32, o *adamConst)
	ema               func(avg, w []float32, oneMinusDecay float32)
	sumAndDot         func(sums *[2 * lanes]float64, a, b []float32, stride, rows, n int)
	normalize         func(dst, a []float32, stride, rows, n int, c *columns)
	normalizeBackward func(dst, a, b []float32, stride, rows, n int, c *columns)
	addReLU           func(y, x []float32)
	unary             func(u Unary, y, x []float32) // all but UnaryClip and UnaryReLU
	binary            func(op BinaryOp, y, a, b []float32)
	scaleBytes        func(dst []float32, src []uint8, factor, offset []float32) // patterns of bytePattern values
	pool              func(a poolArgs)
	largest           func(x []float32) float32
	total             func(x []float32) float32
	squares           func(x []float32, mean float32) float32
	addScalar         func(y, x []float32, v float32)
	divScalar         func(y, x []float32, v float32)
	tiles64           func(c, a []float64, row, step int, b []float64, n int)
	standardize64     func(dst []float64, src []float32, mean, inverse []float64)
	layerNorm         func(y, x, gamma, beta []float32, mean, scale float32)
	transpose         func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int)
}

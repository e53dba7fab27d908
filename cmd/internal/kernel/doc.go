// Package kernel holds the building blocks of a small convolutional network:
// convolutions, their weights' standardization, 2x2 max pooling, the mean over
// a picture, dense layers, loss heads and dropout, forward and backward, and
// optimisers, in float32.
//
// Tensors are plain slices, C-contiguous, channels last (NHWC). The caller owns
// all of them; every operation states their shapes. Workers brings the threads
// and the scratch memory. Nothing is allocated once each shape has been seen.
//
// # Backends
//
// Every inner loop exists as a Go reference (backend_ref.go), which runs on
// every platform, and on amd64 as assembly for AVX-512 (F, BW, DQ and VL, with
// BMI2) and for AVX2 with FMA, both written by the generator in
// cmd/internal/tools/avo. NewWorkers takes the fastest backend of the machine,
// NewWorkersOn a named one. The build tag noasm leaves the assembly out.
//
// # Convolutions
//
// Which way a convolution is computed depends on its shape alone.
//
//	forward, 3x3 of many channels      Winograd's tiles of 2x2 outputs (see Fewer products)
//	forward, others                    the GEMM micro-kernel over rows of the output, without a copy of the windows
//	gradients behind pooling           lists of the outputs that pooling chose; the others are zero
//	input gradient, stride 1           a convolution of dy with the transposed weights, by either way of going forward
//	input gradient, other strides      the same for each phase of the input
//	weight gradient without pooling    the GEMM micro-kernel, inputs against dy
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
// where the product is exact. The loss heads use math.Exp and math.Log in
// float64, which may differ in the last place between platforms.
//
// # Fewer products
//
// 3x3 convolutions with stride 1 and enough channels go through Winograd's
// F(2x2, 3x3), which needs 16 products where the textbook needs 36
// (winograd.go). Which ones depends on the shape of an image alone, and is the
// same on every backend. The results differ from those of the direct sums in
// the last bits; they are not less accurate.
//
// # NaN
//
// Nothing hides a NaN: ReLU, max pooling and dropout pass it on, so that a NaN
// in an input or a weight that takes part in a result makes the loss NaN.
// Winograd's transforms may spread it to neighbouring outputs, one row and
// column further at most, and turn an infinity into NaN. An infinity may be
// swallowed by ReLU (-Inf) or saturate a sigmoid. FirstNonFinite finds either
// in a tensor.
//
// # Speed
//
// One training step of the reference network (batch 16, 128x128, two classes)
// with the assembly, on one thread of an AMD EPYC (Zen 3) whose measured peak
// is 103.7 GFLOP/s (AVX2 FMA from registers): the fastest of 8 times 25
// repetitions. "Dense" counts the operations of the textbook algorithm, "done"
// those that were carried out: the gradient of a pooled layer is zero in at
// least three of four places, and where ReLU was, which are skipped (an eighth
// is left of conv2's and conv3's; conv1's weight gradient takes a whole
// quarter); conv2 and conv3 go forward by Winograd's algorithm, whose additions
// are not counted. BenchmarkWinograd compares it with the direct sums, which
// reach 98 % of the peak in conv2.
//
//	                            ms   dense GFLOP/s   done GFLOP/s   of peak
//	scale pixels              0.07
//	conv1 forward+pool         6.4              68             68      66 %
//	conv2 forward+pool         7.0             156             69      67 %
//	conv3 forward+pool         2.8             166             74      71 %
//	dense forward              0.3              94             94      91 %
//	dense backward+update      1.3              40             40      39 %
//	conv3 weight gradient      1.1             423             53      51 %
//	conv3 input gradient       1.1             418             53      51 %
//	conv2 weight gradient      3.7             296             34      33 %
//	conv2 input gradient       4.4             249             29      28 %
//	conv1 weight gradient      3.6             122             30      29 %
//	all                         32     = 502 images/s on one thread
//
// The convolutions of a residual network (batch 16, 128x128, first layer 32
// channels wide) in dense GFLOP/s:
//
//	                           forward   weight gradient   input gradient
//	128x128,   3 ->  32, pool       68               127
//	64x64,    32 ->  64, pool      162               205              215
//	32x32,    64 -> 128, pool      186               215              182
//	16x16,   128 -> 256, pool      191               206              133
//	32x32,    64 ->  64            167                78              174
//	16x16,   128 -> 128            181                83              185
//	8x8,     256 -> 256            175                80              174
//
// On two threads the step of the reference network ran at 608 images/s on
// average and 841 at best. The Go reference does 20 images/s a thread.
// BenchmarkStep, BenchmarkParts and BenchmarkConv give these figures.
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
// is and how many rows fill the registers. A new function gets its reference
// in Go with the contract (backend_ref.go), a field of backend, and an entry
// in each backend (backend_amd64.go): in its simdKernels if it leaves a tail
// that fills no vector, which withTail then gives to the narrower backend;
// backend_test.go and width_test.go get a case. A new instruction set gets an
// isa, a backend and a place in available. The tests run on every backend the
// machine has.
//
// Depthwise and grouped convolutions belong beside Conv, as shapes of their
// own with files named conv_depthwise.go and conv_grouped.go; a network that is
// a general graph of layers is for package nn to compile.
package kernel

//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C ../tools/avo . -out ../../kernel/kernels_amd64.s -stubs ../../kernel/kernels_amd64.go -pkg kernel

// available lists the backends of this machine, fastest first.
func available() []*backend {
	var s []*backend
	x := &cpu.X86 // says also whether the operating system keeps the registers
	if x.HasAVX2 && x.HasFMA && x.HasPOPCNT {
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
			s = append(s, avx512Backend())
		}
		s = append(s, avx2Backend())
	}
	return append(s, goBackend())
}

// A backend of assembly leaves the tail that does not fill its vectors to the
// next narrower one: AVX-512 to AVX2, AVX2 to the scalar reference. The bits
// are the same: AVX-512 and AVX2 always agree, and nothing that the reference
// gets is a fused multiply-add.

func avx512Backend() *backend {
	narrow := avx2Backend()
	be := simdKernels{
		gemm: gemmAVX512, gemmBy3: gemmBy3AVX512, gemmBy4: gemmBy4AVX512,
		depthwise:         depthwiseAVX512,
		poolMax:           poolMaxAVX512,
		poolMean:          poolMeanAVX512,
		spmm:              spmmAVX512,
		compactChannels:   compactChannelsAVX512,
		biasRow:           biasRowAVX512,
		rmsprop:           rmspropAVX512,
		scale:             scaleAVX512,
		relu:              reluAVX512,
		clip:              clipAVX512,
		reluGrad:          reluGradAVX512,
		clipGrad:          clipGradAVX512,
		add:               addAVX512,
		addReLU:           addReLUAVX512,
		adam:              adamAVX512,
		ema:               emaAVX512,
		sumAndDot:         sumAndDotAVX512,
		normalize:         normalizeAVX512,
		normalizeBackward: normalizeBackwardAVX512,
		winogradInput:     winogradInputAVX512,
		winogradWeights:   winogradWeightsAVX512,
		tiles64:           tiles64AVX512, standardize64: standardize64AVX512,
		unary: [unaryOps]func(y, x []float32){
			UnaryExp:       expAVX512,
			UnarySigmoid:   sigmoidAVX512,
			UnarySiLU:      siluAVX512,
			UnaryTanh:      tanhAVX512,
			UnaryErf:       erfAVX512,
			UnaryGelu:      geluAVX512,
			UnaryGeluTanh:  geluTanhAVX512,
			UnaryHardSwish: hardSwishAVX512,
			UnarySqrt:      sqrtAVX512,
		},
		binary: [binaryOps]func(y, a, b []float32){
			BinaryAdd:   addAVX512,
			BinarySub:   subAVX512,
			BinaryMul:   mulAVX512,
			BinaryDiv:   divAVX512,
			BinaryMin:   minAVX512,
			BinaryMax:   maxAVX512,
			BinaryPReLU: preluAVX512,
		},
		hardSigmoid: hardSigmoidAVX512,
		leakyReLU:   leakyReLUAVX512,
		scaleBytes:  scaleBytesAVX512,
		largest:     largestAVX512,
		total:       totalAVX512,
		squares:     squaresAVX512,
		addScalar:   addScalarAVX512,
		divScalar:   divScalarAVX512,
		layerNorm:   layerNormAVX512,
	}.withTail(16, narrow)
	be.name = "avx512"
	be.compactWindows = func(s sparseRows, dy []float32, idx []uint8, channels, windows, wStep int) {
		compactWindowsAVX512(s.vals, s.offs, s.counts, s.capacity, dy, idx, channels, windows, wStep)
	}
	be.poolRow = poolRowAVX512
	be.gradW2x2 = func(dw []float32, dwStride int, gathered, dy []float32, idx []uint8, stride, windows, n int) {
		at := n &^ 15
		gradW2x2AVX512(dw, dwStride, gathered, dy, idx, stride, windows, at)
		if at < n && windows > 0 {
			narrow.gradW2x2(dw[at:], dwStride, gathered, dy[at:], idx[at:], stride, windows, n-at)
		}
	}
	be.gather2x2 = func(gathered, row, next []float32, n, cin int) {
		if n < 16 {
			narrow.gather2x2(gathered, row, next, n, cin)
			return
		}
		gather2x2AVX512(gathered, row, next, n, cin)
	}
	be.winogradOutput = winogradOutputAVX512
	be.transpose = narrow.transpose
	return be
}

func avx2Backend() *backend {
	be := simdKernels{
		gemm: gemmAVX2, gemmBy3: gemmBy3AVX2, gemmBy4: gemmBy4AVX2,
		depthwise:         depthwiseAVX2,
		poolMax:           poolMaxAVX2,
		poolMean:          poolMeanAVX2,
		spmm:              spmmAVX2,
		compactChannels:   compactChannelsAMD64,
		biasRow:           biasRowAVX2,
		rmsprop:           rmspropAVX2,
		scale:             scaleAVX2,
		relu:              reluAVX2,
		clip:              clipAVX2,
		reluGrad:          reluGradAVX2,
		clipGrad:          clipGradAVX2,
		add:               addAVX2,
		addReLU:           addReLUAVX2,
		adam:              adamAVX2,
		ema:               emaAVX2,
		sumAndDot:         sumAndDotAVX2,
		normalize:         normalizeAVX2,
		normalizeBackward: normalizeBackwardAVX2,
		winogradInput:     winogradInputAVX2,
		winogradWeights:   winogradWeightsAVX2,
		tiles64:           tiles64AVX2, standardize64: standardize64AVX2,
		unary: [unaryOps]func(y, x []float32){
			UnaryExp:       expAVX2,
			UnarySigmoid:   sigmoidAVX2,
			UnarySiLU:      siluAVX2,
			UnaryTanh:      tanhAVX2,
			UnaryErf:       erfAVX2,
			UnaryGelu:      geluAVX2,
			UnaryGeluTanh:  geluTanhAVX2,
			UnaryHardSwish: hardSwishAVX2,
			UnarySqrt:      sqrtAVX2,
		},
		binary: [binaryOps]func(y, a, b []float32){
			BinaryAdd:   addAVX2,
			BinarySub:   subAVX2,
			BinaryMul:   mulAVX2,
			BinaryDiv:   divAVX2,
			BinaryMin:   minAVX2,
			BinaryMax:   maxAVX2,
			BinaryPReLU: preluAVX2,
		},
		hardSigmoid: hardSigmoidAVX2,
		leakyReLU:   leakyReLUAVX2,
		scaleBytes:  scaleBytesAVX2,
		largest:     largestAVX2,
		total:       totalAVX2,
		squares:     squaresAVX2,
		addScalar:   addScalarAVX2,
		divScalar:   divScalarAVX2,
		layerNorm:   layerNormAVX2,
	}.withTail(8, goBackend())
	be.name = "avx2"
	be.compactWindows = func(s sparseRows, dy []float32, idx []uint8, channels, windows, wStep int) {
		if channels%8 != 0 {
			compactWindowsRef(s, dy, idx, channels, windows, wStep)
			return
		}
		compactWindowsAVX2(s.vals, s.offs, s.counts, s.capacity, dy, idx, channels, windows, wStep)
	}
	be.poolRow = func(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int) {
		if n%8 != 0 {
			poolRowRef(y, idx, stride, top, bottom, windows, n)
			return
		}
		poolRowAVX2(y, idx, stride, top, bottom, windows, n)
	}
	be.gradW2x2 = gradW2x2AVX2
	be.gather2x2 = gather2x2AVX2
	be.winogradOutput = winogradOutputAVX2
	be.transpose = func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
		r, c := rows&^7, cols&^7
		transposeAVX2(dst, dstStride, src, srcStride, r, c)
		if c < cols {
			transposeRef(dst[c*dstStride:], dstStride, src[c:], srcStride, rows, cols-c)
		}
		if r < rows {
			transposeRef(dst[r:], dstStride, src[r*srcStride:], srcStride, rows-r, c)
		}
	}
	return be
}

// simdKernels is the assembly of one instruction set. A function handles the
// whole vectors of its input only; gemm, sumAndDot, normalize,
// normalizeBackward and winogradWeights handle rows of exactly 16 lanes; spmm
// and compactChannels leave nothing over.
type simdKernels struct {
	gemm, gemmBy3, gemmBy4 func(dst []float32, dstStride int, init []float32, initStride int, x []float32, pixStride, rowStride, step int, w []float32, wStride, rows, run, n int, add []float32, clipped int, lo, hi float32, unused int)

	depthwise         func(dst []float32, dstStride int, init, x []float32, pixStride, rowStride, step int, w []float32, wStride, wRow, rows, run, n, channels int, lo, hi float32)
	poolMax, poolMean func(dst []float32, dstStride int, x []float32, pixStride, rowStride, step, rows, run, n, channels int, count float32)
	spmm              func(dst []float32, dstStride int, vals []float32, offs, counts []int32, capacity int, src []float32, run int)
	compactChannels   func(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, stride, n, base, step int, delta *[8]int32)
	biasRow           func(db, dy []float32, idx []uint8, stride, windows, n int)
	rmsprop           func(w, a, g []float32, lr, rho, oneMinusRho, eps, floor float32)
	scale             func(dst []float32, src []uint8, factor float32)
	relu              func(y, x []float32)
	clip              func(y, x []float32, lo, hi float32)
	reluGrad          func(dx, dy, y []float32)
	clipGrad          func(dx, dy, y []float32, lo, hi float32)
	add               func(y, a, b []float32)
	addReLU           func(y, x []float32)
	adam              func(w, m, v, g []float32, o *float32)
	ema               func(avg, w []float32, oneMinusDecay float32)
	sumAndDot         func(sums *float64, a, b []float32, stride, rows int)
	normalize         func(dst, a []float32, stride, rows int, c *float32)
	normalizeBackward func(dst, a, b []float32, stride, rows int, c *float32)
	winogradInput     func(v []float32, plane, stride int, x []float32, row, pixel, channels, n int)
	winogradWeights   func(u []float32, plane int, w []float32, elemStride, stride, cin int)

	// Of the functions of numbers, nil where there is only the reference.
	unary       [unaryOps]func(y, x []float32)
	hardSigmoid func(y, x []float32, alpha, beta float32)
	leakyReLU   func(y, x []float32, alpha float32)
	binary      [binaryOps]func(y, a, b []float32)

	tiles64       func(c, a []float64, row, step int, b []float64, rows, n int)
	standardize64 func(dst []float64, src []float32, mean, inverse []float64)

	scaleBytes              func(dst []float32, src []uint8, factor, offset []float32)
	largest, total, squares func(x []float32, mean float32) float32
	addScalar, divScalar    func(y, x []float32, value float32)
	layerNorm               func(y, x, gamma, beta []float32, mean, scale float32)
}

// withTail returns a backend that gives whole vectors of width float32 to the
// assembly, and the tail that fills no vector to a backend of narrower vectors
// or none.
func (a simdKernels) withTail(width int, tail *backend) *backend {
	full := func(n int) int { return n &^ (width - 1) }
	return &backend{
		gemm: func(g gemmArgs) {
			asm := a.gemm
			switch {
			case g.step == 1 && g.run%4 == 0:
				asm = a.gemmBy4
			case g.step == 1 && g.run%3 == 0:
				asm = a.gemmBy3
			}
			clipped := 0
			if g.clipped {
				clipped = 1
			}
			asm(g.dst, g.dstStride, g.init, g.initStride, g.x, g.pixStride, g.rowStride, g.step, g.w, g.wStride, g.rows, g.run, g.n, g.add, clipped, g.clip.Lo, g.clip.Hi, g.unused)
		},
		depthwise: func(g depthwiseArgs) {
			if g.channels < width {
				tail.depthwise(g)
				return
			}
			whole := full(g.channels)
			a.depthwise(g.dst, g.dstStride, g.init, g.x, g.pixStride, g.rowStride, g.step, g.w, g.wStride, g.wRow, g.rows, g.run, g.n, whole, g.clip.Lo, g.clip.Hi)
			if whole < g.channels { // the last vector again, up to the last channel
				g = g.from(g.channels - width)
				a.depthwise(g.dst, g.dstStride, g.init, g.x, g.pixStride, g.rowStride, g.step, g.w, g.wStride, g.wRow, g.rows, g.run, g.n, width, g.clip.Lo, g.clip.Hi)
			}
		},
		pool: func(g poolArgs) {
			if g.channels < width {
				tail.pool(g)
				return
			}
			asm := a.poolMax
			if g.mean {
				asm = a.poolMean
			}
			whole := full(g.channels)
			asm(g.dst, g.dstStride, g.x, g.pixStride, g.rowStride, g.step, g.rows, g.run, g.n, whole, g.count)
			if whole < g.channels { // the last vector again, up to the last channel
				g = g.from(g.channels - width)
				asm(g.dst, g.dstStride, g.x, g.pixStride, g.rowStride, g.step, g.rows, g.run, g.n, width, g.count)
			}
		},
		spmm: func(dst []float32, dstStride int, s sparseRows, src []float32, run int) {
			a.spmm(dst, dstStride, s.vals, s.offs, s.counts, s.capacity, src, run)
		},
		compactChannels: func(s sparseRows, dy []float32, idx []uint8, stride, n, base, step int, delta *[8]int32) {
			a.compactChannels(s.vals, s.offs, s.counts, s.capacity, dy, idx, stride, n, base, step, delta)
		},
		unary: func(u Unary, y, x []float32) {
			at := full(len(y))
			switch f := a.unary[u.Op]; {
			case f != nil:
				f(y, x)
			case u.Op == UnaryHardSigmoid:
				a.hardSigmoid(y, x, u.Alpha, u.Beta)
			case u.Op == UnaryLeakyReLU:
				a.leakyReLU(y, x, u.Alpha)
			default:
				at = 0
			}
			tail.unary(u, y[at:], x[at:])
		},
		binary: func(op BinaryOp, y, x, z []float32) {
			at := full(len(y))
			if f := a.binary[op]; f != nil {
				f(y, x, z)
			} else {
				at = 0
			}
			tail.binary(op, y[at:], x[at:], z[at:])
		},
		scaleBytes: func(dst []float32, src []uint8, factor, offset []float32) {
			at := len(dst) / bytePattern * bytePattern
			a.scaleBytes(dst, src, factor, offset)
			scaleBytesRef(dst[at:], src[at:], factor, offset)
		},
		tiles64: func(c, x []float64, row, step int, b []float64, n int) {
			a.tiles64(c, x, row, step, b, len(c)/lanes64, n)
		},
		standardize64: func(dst []float64, src []float32, mean, inverse []float64) {
			at := len(dst) &^ (width/2 - 1)
			a.standardize64(dst, src, mean, inverse)
			tail.standardize64(dst[at:], src[at:], mean[at:], inverse[at:])
		},
		largest: func(x []float32) float32 { return a.largest(x, 0) },
		total:   func(x []float32) float32 { return a.total(x, 0) },
		squares: a.squares,
		addScalar: func(y, x []float32, v float32) {
			at := full(len(y))
			a.addScalar(y, x, v)
			tail.addScalar(y[at:], x[at:], v)
		},
		divScalar: func(y, x []float32, v float32) {
			at := full(len(y))
			a.divScalar(y, x, v)
			tail.divScalar(y[at:], x[at:], v)
		},
		layerNorm: func(y, x, gamma, beta []float32, mean, scale float32) {
			at := full(len(y))
			a.layerNorm(y, x, gamma, beta, mean, scale)
			tail.layerNorm(y[at:], x[at:], gamma[at:], beta[at:], mean, scale)
		},
		biasRow: func(db, dy []float32, idx []uint8, stride, windows, n int) {
			at := full(n)
			a.biasRow(db, dy, idx, stride, windows, at)
			if at < n && windows > 0 {
				tail.biasRow(db[at:], dy[at:], idx[at:], stride, windows, n-at)
			}
		},
		rmsprop: func(w, s, g []float32, lr, rho, oneMinusRho, eps, floor float32) {
			at := full(len(w))
			a.rmsprop(w, s, g, lr, rho, oneMinusRho, eps, floor)
			tail.rmsprop(w[at:], s[at:], g[at:], lr, rho, oneMinusRho, eps, floor)
		},
		scale: func(dst []float32, src []uint8, factor float32) {
			at := full(len(dst))
			a.scale(dst, src, factor)
			tail.scale(dst[at:], src[at:], factor)
		},
		relu: func(y, x []float32) {
			at := full(len(y))
			a.relu(y, x)
			tail.relu(y[at:], x[at:])
		},
		clip: func(y, x []float32, lo, hi float32) {
			at := full(len(y))
			a.clip(y, x, lo, hi)
			tail.clip(y[at:], x[at:], lo, hi)
		},
		reluGrad: func(dx, dy, y []float32) {
			at := full(len(dx))
			a.reluGrad(dx, dy, y)
			tail.reluGrad(dx[at:], dy[at:], y[at:])
		},
		clipGrad: func(dx, dy, y []float32, lo, hi float32) {
			at := full(len(dx))
			a.clipGrad(dx, dy, y, lo, hi)
			tail.clipGrad(dx[at:], dy[at:], y[at:], lo, hi)
		},
		add: func(y, x, z []float32) {
			at := full(len(y))
			a.add(y, x, z)
			tail.add(y[at:], x[at:], z[at:])
		},
		addReLU: func(y, x []float32) {
			at := full(len(y))
			a.addReLU(y, x)
			tail.addReLU(y[at:], x[at:])
		},
		adam: func(w, m, v, g []float32, o *adamConst) {
			at := full(len(w))
			a.adam(w, m, v, g, &o.beta1)
			tail.adam(w[at:], m[at:], v[at:], g[at:], o)
		},
		ema: func(avg, w []float32, oneMinusDecay float32) {
			at := full(len(avg))
			a.ema(avg, w, oneMinusDecay)
			tail.ema(avg[at:], w[at:], oneMinusDecay)
		},
		sumAndDot: func(sums *[2 * lanes]float64, x, y []float32, stride, rows, n int) {
			if n != lanes {
				tail.sumAndDot(sums, x, y, stride, rows, n)
				return
			}
			a.sumAndDot(&sums[0], x, y, stride, rows)
		},
		normalize: func(dst, x []float32, stride, rows, n int, c *columns) {
			if n != lanes {
				tail.normalize(dst, x, stride, rows, n, c)
				return
			}
			a.normalize(dst, x, stride, rows, &c.mean[0])
		},
		normalizeBackward: func(dst, x, y []float32, stride, rows, n int, c *columns) {
			if n != lanes {
				tail.normalizeBackward(dst, x, y, stride, rows, n, c)
				return
			}
			a.normalizeBackward(dst, x, y, stride, rows, &c.mean[0])
		},
		winogradInput: func(v []float32, plane, stride int, x []float32, row, pixel, channels, n int) {
			at := full(channels)
			if at > 0 {
				a.winogradInput(v, plane, stride, x, row, pixel, at, n)
			}
			if at < channels {
				tail.winogradInput(v[at:], plane, stride, x[at:], row, pixel, channels-at, n)
			}
		},
		winogradWeights: func(u []float32, plane int, w []float32, elemStride, stride, cin, n int) {
			if n < lanes {
				tail.winogradWeights(u, plane, w, elemStride, stride, cin, n)
				return
			}
			a.winogradWeights(u, plane, w, elemStride, stride, cin)
		},
	}
}

//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C ../tools/avo . -out ../../kernel/kernels_amd64.s -stubs ../../kernel/kernels_amd64.go -pkg kernel

// available lists the paths of this machine, fastest first.
func available() []*micro {
	var s []*micro
	x := &cpu.X86 // says also whether the operating system keeps the registers
	if x.HasAVX2 && x.HasFMA && x.HasPOPCNT {
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
			s = append(s, avx512Micro())
		}
		s = append(s, avx2Micro())
	}
	return append(s, goMicro())
}

// The assembly leaves what does not fill its vectors to the next narrower path:
// AVX-512 to AVX2, AVX2 to the reference. Both give the same bits where this happens: AVX-512
// and AVX2 always do, and what the reference gets is not multiplied and added.

func avx512Micro() *micro {
	return &micro{
		name:       "avx512",
		tile:       avx512Tile,
		lists:      listsAVX512,
		pickWindow: pickWindowAVX512,
		pickRow:    avx512PickRow,
		poolRow:    poolRowAVX512,
		biasRow:    avx512BiasRow,
		quadRow:    avx512QuadRow,
		quads:      avx512Quads,
		rmsprop:    avx512RMSProp,
		scale:      avx512Scale,
		relu:       avx512ReLU,

		winogradInput:   avx512WinogradInput,
		winogradOutput:  winogradOutputAVX512,
		winogradWeights: avx512WinogradWeights,
		reluGrad:        avx512ReLUGrad,
		add:             avx512Add,
		addReLU:         avx512AddReLU,
		adam:            avx512Adam,
		average:         avx512Average,
		moments:         avx512Moments,
		centre:          avx512Centre,
		centre2:         avx512Centre2,
		transpose:       avx2Transpose,
	}
}

func avx512Tile(dst []float32, dstStride int, init []float32, initStride int, x []float32, pixStride, rowStride, step int, w []float32, wStride, rows, run, n int) {
	if step == 1 && run%4 == 0 {
		tileBy4AVX512(dst, dstStride, init, initStride, x, pixStride, rowStride, step, w, wStride, rows, run, n)
		return
	}
	if step == 1 && run%3 == 0 {
		tileBy3AVX512(dst, dstStride, init, initStride, x, pixStride, rowStride, step, w, wStride, rows, run, n)
		return
	}
	tileAVX512(dst, dstStride, init, initStride, x, pixStride, rowStride, step, w, wStride, rows, run, n)
}

func avx512PickRow(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, listStride, stride, n, base, step int, delta *[8]int32) {
	if listStride != 1 {
		pickRowAMD64(vals, offs, counts, capacity, dy, idx, listStride, stride, n, base, step, delta)
		return
	}
	pickRowAVX512(vals, offs, counts, capacity, dy, idx, stride, n, base, step, delta)
}

func avx512BiasRow(db, dy []float32, idx []uint8, stride, windows, n int) {
	full := n &^ 15
	biasRowAVX512(db, dy, idx, stride, windows, full)
	if full < n && windows > 0 {
		avx2BiasRow(db[full:], dy[full:], idx[full:], stride, windows, n-full)
	}
}

func avx512QuadRow(quad, row, next []float32, n, cin int) {
	if n < 16 {
		quadRowAVX2(quad, row, next, n, cin)
		return
	}
	quadRowAVX512(quad, row, next, n, cin)
}

func avx512Quads(dw []float32, dwStride int, quad, dy []float32, idx []uint8, stride, windows, n int) {
	full := n &^ 15
	quadsAVX512(dw, dwStride, quad, dy, idx, stride, windows, full)
	if full < n && windows > 0 {
		quadsAVX2(dw[full:], dwStride, quad, dy[full:], idx[full:], stride, windows, n-full)
	}
}

func avx512RMSProp(w, a, g []float32, lr, rho, rest, eps, floor float32) {
	rmspropAVX512(w, a, g, lr, rho, rest, eps, floor)
	full := len(w) &^ 15
	avx2RMSProp(w[full:], a[full:], g[full:], lr, rho, rest, eps, floor)
}

func avx512Scale(dst []float32, src []uint8, factor float32) {
	scaleAVX512(dst, src, factor)
	full := len(dst) &^ 15
	avx2Scale(dst[full:], src[full:], factor)
}

func avx512ReLU(y, x []float32) {
	reluAVX512(y, x)
	full := len(y) &^ 15
	avx2ReLU(y[full:], x[full:])
}

func avx512ReLUGrad(dx, dy, y []float32) {
	reluGradAVX512(dx, dy, y)
	full := len(dx) &^ 15
	avx2ReLUGrad(dx[full:], dy[full:], y[full:])
}

func avx512Add(y, a, b []float32) {
	addAVX512(y, a, b)
	full := len(y) &^ 15
	avx2Add(y[full:], a[full:], b[full:])
}

func avx512AddReLU(y, x []float32) {
	addReLUAVX512(y, x)
	full := len(y) &^ 15
	avx2AddReLU(y[full:], x[full:])
}

func avx512Adam(w, m, v, g []float32, o *adamConst) {
	adamAVX512(w, m, v, g, &o.beta1)
	full := len(w) &^ 15
	avx2Adam(w[full:], m[full:], v[full:], g[full:], o)
}

func avx512Average(avg, w []float32, rest float32) {
	averageAVX512(avg, w, rest)
	full := len(avg) &^ 15
	avx2Average(avg[full:], w[full:], rest)
}

func avx512Moments(sums *[2 * lanes]float64, a, b []float32, stride, rows, n int) {
	if n != lanes {
		avx2Moments(sums, a, b, stride, rows, n)
		return
	}
	momentsAVX512(&sums[0], a, b, stride, rows)
}

func avx512Centre(dst, a []float32, stride, rows, n int, c *columns) {
	if n != lanes {
		avx2Centre(dst, a, stride, rows, n, c)
		return
	}
	centreAVX512(dst, a, stride, rows, &c.mean[0])
}

func avx512Centre2(dst, a, b []float32, stride, rows, n int, c *columns) {
	if n != lanes {
		avx2Centre2(dst, a, b, stride, rows, n, c)
		return
	}
	centre2AVX512(dst, a, b, stride, rows, &c.mean[0])
}

func avx512WinogradInput(v []float32, plane, stride int, x []float32, row, pixel, channels, n int) {
	full := channels &^ 15
	if full > 0 {
		winogradInputAVX512(v, plane, stride, x, row, pixel, full, n)
	}
	if full < channels {
		avx2WinogradInput(v[full:], plane, stride, x[full:], row, pixel, channels-full, n)
	}
}

func avx512WinogradWeights(u []float32, plane int, w []float32, tap, stride, cin, n int) {
	if n < lanes {
		avx2WinogradWeights(u, plane, w, tap, stride, cin, n)
		return
	}
	winogradWeightsAVX512(u, plane, w, tap, stride, cin)
}

func avx2Micro() *micro {
	return &micro{
		name:       "avx2",
		tile:       avx2Tile,
		lists:      listsAVX2,
		pickWindow: avx2PickWindow,
		pickRow:    pickRowAMD64,
		poolRow:    avx2PoolRow,
		biasRow:    avx2BiasRow,
		quadRow:    quadRowAVX2,
		quads:      quadsAVX2,
		rmsprop:    avx2RMSProp,
		scale:      avx2Scale,
		relu:       avx2ReLU,

		winogradInput:   avx2WinogradInput,
		winogradOutput:  winogradOutputAVX2,
		winogradWeights: avx2WinogradWeights,
		reluGrad:        avx2ReLUGrad,
		add:             avx2Add,
		adam:            avx2Adam,
		average:         avx2Average,
		moments:         avx2Moments,
		centre:          avx2Centre,
		centre2:         avx2Centre2,
		addReLU:         avx2AddReLU,
		transpose:       avx2Transpose,
	}
}

func avx2Tile(dst []float32, dstStride int, init []float32, initStride int, x []float32, pixStride, rowStride, step int, w []float32, wStride, rows, run, n int) {
	if step == 1 && run%4 == 0 {
		tileBy4AVX2(dst, dstStride, init, initStride, x, pixStride, rowStride, step, w, wStride, rows, run, n)
		return
	}
	if step == 1 && run%3 == 0 {
		tileBy3AVX2(dst, dstStride, init, initStride, x, pixStride, rowStride, step, w, wStride, rows, run, n)
		return
	}
	tileAVX2(dst, dstStride, init, initStride, x, pixStride, rowStride, step, w, wStride, rows, run, n)
}

func avx2PickWindow(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int) {
	if channels%8 != 0 {
		pickWindowRef(vals, offs, counts, capacity, dy, idx, channels, windows, wStep)
		return
	}
	pickWindowAVX2(vals, offs, counts, capacity, dy, idx, channels, windows, wStep)
}

func avx2PoolRow(y []float32, idx []uint8, stride int, top, bottom []float32, windows, n int) {
	if n%8 != 0 {
		poolRowRef(y, idx, stride, top, bottom, windows, n)
		return
	}
	poolRowAVX2(y, idx, stride, top, bottom, windows, n)
}

func avx2BiasRow(db, dy []float32, idx []uint8, stride, windows, n int) {
	full := n &^ 7
	biasRowAVX2(db, dy, idx, stride, windows, full)
	if full < n && windows > 0 {
		biasRowRef(db[full:], dy[full:], idx[full:], stride, windows, n-full)
	}
}

func avx2RMSProp(w, a, g []float32, lr, rho, rest, eps, floor float32) {
	rmspropAVX2(w, a, g, lr, rho, rest, eps, floor)
	full := len(w) &^ 7
	rmspropRef(w[full:], a[full:], g[full:], lr, rho, rest, eps, floor)
}

func avx2Scale(dst []float32, src []uint8, factor float32) {
	scaleAVX2(dst, src, factor)
	full := len(dst) &^ 7
	scaleRef(dst[full:], src[full:], factor)
}

func avx2ReLU(y, x []float32) {
	reluAVX2(y, x)
	full := len(y) &^ 7
	reluRef(y[full:], x[full:])
}

func avx2WinogradInput(v []float32, plane, stride int, x []float32, row, pixel, channels, n int) {
	full := channels &^ 7
	winogradInputAVX2(v, plane, stride, x, row, pixel, full, n)
	if full < channels {
		winogradInputRef(v[full:], plane, stride, x[full:], row, pixel, channels-full, n)
	}
}

func avx2WinogradWeights(u []float32, plane int, w []float32, tap, stride, cin, n int) {
	if n < lanes {
		winogradWeightsRef(u, plane, w, tap, stride, cin, n)
		return
	}
	winogradWeightsAVX2(u, plane, w, tap, stride, cin)
}

func avx2ReLUGrad(dx, dy, y []float32) {
	reluGradAVX2(dx, dy, y)
	full := len(dx) &^ 7
	reluGradRef(dx[full:], dy[full:], y[full:])
}

func avx2Add(y, a, b []float32) {
	addAVX2(y, a, b)
	full := len(y) &^ 7
	addRef(y[full:], a[full:], b[full:])
}

func avx2Adam(w, m, v, g []float32, o *adamConst) {
	adamAVX2(w, m, v, g, &o.beta1)
	full := len(w) &^ 7
	adamRef(w[full:], m[full:], v[full:], g[full:], o)
}

func avx2Average(avg, w []float32, rest float32) {
	averageAVX2(avg, w, rest)
	full := len(avg) &^ 7
	averageRef(avg[full:], w[full:], rest)
}

func avx2Moments(sums *[2 * lanes]float64, a, b []float32, stride, rows, n int) {
	if n != lanes {
		momentsRef(sums, a, b, stride, rows, n)
		return
	}
	momentsAVX2(&sums[0], a, b, stride, rows)
}

func avx2Centre(dst, a []float32, stride, rows, n int, c *columns) {
	if n != lanes {
		centreRef(dst, a, stride, rows, n, c)
		return
	}
	centreAVX2(dst, a, stride, rows, &c.mean[0])
}

func avx2Centre2(dst, a, b []float32, stride, rows, n int, c *columns) {
	if n != lanes {
		centre2Ref(dst, a, b, stride, rows, n, c)
		return
	}
	centre2AVX2(dst, a, b, stride, rows, &c.mean[0])
}

func avx2AddReLU(y, x []float32) {
	addReLUAVX2(y, x)
	full := len(y) &^ 7
	addReLURef(y[full:], x[full:])
}

func avx2Transpose(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	r, c := rows&^7, cols&^7
	transposeAVX2(dst, dstStride, src, srcStride, r, c)
	if c < cols {
		transposeRef(dst[c*dstStride:], dstStride, src[c:], srcStride, rows, cols-c)
	}
	if r < rows {
		transposeRef(dst[r:], dstStride, src[r*srcStride:], srcStride, rows-r, c)
	}
}

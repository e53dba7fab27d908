package kernel

// elementChunk is the number of values of an elementwise task.
const elementChunk = 16 << 10

type elementKind int

const (
	elementScale elementKind = iota
	elementReLU
	elementReLUGrad
	elementDropout
	elementRMSProp
	elementAdam
	elementSGD
	elementDirection
	elementMove
	elementEMA
	elementAdd
	elementUnary
)

// elementJob applies one elementwise operation to a chunk.
type elementJob struct {
	kind    elementKind
	n       int
	dst     []float32
	a, b, c []float32
	bytes   []uint8
	factor  float32
	dropout dropoutConst
	opt     rmspropConst
	adam    adamConst
	sgd     sgdConst
	unary   Unary
}

func (ws *Workers) elementwise(j elementJob) {
	j.n = len(j.dst)
	ws.element = j
	ws.run((j.n+elementChunk-1)/elementChunk, &ws.element)
}

func (j *elementJob) task(i int, ws *Workers, _ *worker) {
	first, last := i*elementChunk, min((i+1)*elementChunk, j.n)
	dst := j.dst[first:last]
	switch j.kind {
	case elementScale:
		ws.backend.scale(dst, j.bytes[first:last], j.factor)
	case elementReLU:
		ws.backend.relu(dst, j.a[first:last])
	case elementReLUGrad:
		ws.backend.reluGrad(dst, j.a[first:last], j.b[first:last])
	case elementDropout:
		j.dropout.apply(dst, j.a[first:last], uint64(first))
	case elementRMSProp:
		j.opt.apply(ws.backend, dst, j.a[first:last], j.b[first:last])
	case elementAdam:
		ws.backend.adam(dst, j.a[first:last], j.b[first:last], j.c[first:last], &j.adam)
	case elementSGD:
		j.sgd.apply(dst, j.a[first:last], j.b[first:last])
	case elementDirection:
		m, g := j.a[first:last], j.b[first:last]
		for i, d := range g {
			dst[i] = j.sgd.direction(&m[i], d)
		}
	case elementMove:
		for i, u := range j.a[first:last] {
			j.sgd.move(&dst[i], u)
		}
	case elementEMA:
		ws.backend.ema(dst, j.a[first:last], j.factor)
	case elementAdd:
		ws.backend.add(dst, j.a[first:last], j.b[first:last])
	case elementUnary:
		ws.backend.apply(j.unary, dst, j.a[first:last])
	}
}

// Scale sets dst to src*factor in float32, as the first step of a network that
// is fed bytes. The two slices have the same length. The result is the same on
// every backend.
func Scale(ws *Workers, dst []float32, src []uint8, factor float32) {
	mustLen("src", src, len(dst))
	ws.elementwise(elementJob{kind: elementScale, dst: dst, bytes: src, factor: factor})
}

// ReLU sets y to max(x, 0). A NaN stays a NaN. y and x may be the same slice.
func ReLU(ws *Workers, y, x []float32) {
	mustLen("x", x, len(y))
	ws.elementwise(elementJob{kind: elementReLU, dst: y, a: x})
}

// ReLUBackward sets dx to dy where y, the output of ReLU, is positive (or NaN),
// else to 0. dx and dy may be the same slice.
func ReLUBackward(ws *Workers, dx, dy, y []float32) {
	mustLen("dy", dy, len(dx))
	mustLen("y", y, len(dx))
	ws.elementwise(elementJob{kind: elementReLUGrad, dst: dx, a: dy, b: y})
}

// Add sets y to a+b. y may be one of them.
func Add(ws *Workers, y, a, b []float32) {
	mustLen("a", a, len(y))
	mustLen("b", b, len(y))
	ws.elementwise(elementJob{kind: elementAdd, dst: y, a: a, b: b})
}

// scaleRef sets dst to src*factor.
func scaleRef(dst []float32, src []uint8, factor float32) {
	for i, v := range src {
		dst[i] = float32(v) * factor
	}
}

// reluRef sets y to max(x, 0); NaN stays NaN, and -0 becomes +0.
func reluRef(y, x []float32) {
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		y[i] = v
	}
}

// reluGradRef sets dx to dy where y is not at most zero, else to 0.
func reluGradRef(dx, dy, y []float32) {
	dy, y = dy[:len(dx)], y[:len(dx)]
	for i, v := range dy {
		if y[i] <= 0 {
			v = 0
		}
		dx[i] = v
	}
}

// addRef sets y to a+b.
func addRef(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i, v := range a {
		y[i] = v + b[i]
	}
}

// addReLURef sets y to max(y+x, 0); NaN stays NaN, and -0 becomes +0.
func addReLURef(y, x []float32) {
	for i, v := range x[:len(y)] {
		v += y[i]
		if v <= 0 {
			v = 0
		}
		y[i] = v
	}
}

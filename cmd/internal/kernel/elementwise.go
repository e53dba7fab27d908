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
	elementAverage
	elementAdd
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
}

func (p *Pool) elementwise(j elementJob) {
	j.n = len(j.dst)
	p.element = j
	p.run((j.n+elementChunk-1)/elementChunk, &p.element)
}

func (j *elementJob) task(i int, p *Pool, _ *worker) {
	first, last := i*elementChunk, min((i+1)*elementChunk, j.n)
	dst := j.dst[first:last]
	switch j.kind {
	case elementScale:
		p.micro.scale(dst, j.bytes[first:last], j.factor)
	case elementReLU:
		p.micro.relu(dst, j.a[first:last])
	case elementReLUGrad:
		p.micro.reluGrad(dst, j.a[first:last], j.b[first:last])
	case elementDropout:
		j.dropout.apply(dst, j.a[first:last], uint64(first))
	case elementRMSProp:
		j.opt.apply(p.micro, dst, j.a[first:last], j.b[first:last])
	case elementAdam:
		p.micro.adam(dst, j.a[first:last], j.b[first:last], j.c[first:last], &j.adam)
	case elementSGD:
		j.sgd.apply(dst, j.a[first:last], j.b[first:last])
	case elementAverage:
		p.micro.average(dst, j.a[first:last], j.factor)
	case elementAdd:
		p.micro.add(dst, j.a[first:last], j.b[first:last])
	}
}

// Scale sets dst to src*factor in float32, as the first step of a network that
// is fed bytes. The two slices have the same length. The result is the same on every path.
func Scale(p *Pool, dst []float32, src []uint8, factor float32) {
	mustLen("src", src, len(dst))
	p.elementwise(elementJob{kind: elementScale, dst: dst, bytes: src, factor: factor})
}

// ReLU sets y to max(x, 0). A NaN stays a NaN. y and x may be the same slice.
func ReLU(p *Pool, y, x []float32) {
	mustLen("x", x, len(y))
	p.elementwise(elementJob{kind: elementReLU, dst: y, a: x})
}

// ReLUBackward sets dx to dy where y, the output of ReLU, is positive (or NaN),
// else to 0. dx and dy may be the same slice.
func ReLUBackward(p *Pool, dx, dy, y []float32) {
	mustLen("dy", dy, len(dx))
	mustLen("y", y, len(dx))
	p.elementwise(elementJob{kind: elementReLUGrad, dst: dx, a: dy, b: y})
}

// Add sets y to a+b. y may be one of them.
func Add(p *Pool, y, a, b []float32) {
	mustLen("a", a, len(y))
	mustLen("b", b, len(y))
	p.elementwise(elementJob{kind: elementAdd, dst: y, a: a, b: b})
}

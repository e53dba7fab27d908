package kernel

import "math"

// Muon is the optimiser of Jordan and others ("Muon: an optimizer for hidden
// layers in neural networks", 2024) for weights that are a matrix [Rows][Cols],
// with Nesterov's momentum as in SGD and decoupled weight decay:
//
//	m = Momentum*m + g
//	u = Momentum*m + g
//	w = w - (decay*w + rate*orthogonal(u))
//
// orthogonal(u) has the singular vectors of u and singular values near 1: what
// few pictures ask for moves the weights as far as what all of them do.
// decay = LR * WeightDecay, and rate = LR * 0.2 * sqrt(max(Rows, Cols)), so that
// a step is about as long as one of Adam (Liu and others, "Muon is scalable for
// LLM training", 2025). m starts at zero. In memory the weights
// [K][K][Cin][Cout] of a Conv are K*K*Cin Rows and Cout Cols. Fewer Cols than
// Rows are what it is fast for.
type Muon struct {
	Rows, Cols                int
	LR, Momentum, WeightDecay float64
}

// Jordan's polynomial a*x + b*x^3 + c*x^5, applied five times, takes singular
// values from 0.0015 to 1 to ones from 0.67 to 1.21.
const (
	muonIterations = 5
	muonA          = 3.4445
	muonB          = -4.7750
	muonC          = 2.0315
)

// muonFloor is the least squared norm of a u that moves weights.
const muonFloor = 1e-30

// Update applies one step in place to the weights w and the momentum m, for the
// gradient g. An m of less than 1e-30 becomes 0, as in Adam; a u with a norm
// below 1e-15 does not move w. Sums are those of MatMul, and the rest is rounded
// to float32 step by step: the same bits on every width and at any number of
// threads.
//
// With s = x'x, an iteration of the polynomial is x*f, f = a + b*s + c*s^2. All
// that follows from s commutes, so the next s is s*f*f, and x is needed at the
// end alone: u times the product of all f. For a convolution of 3x3 with as many
// channels in as out, these are 0.37 of the multiplications.
func (o Muon) Update(ws *Workers, w, m, g []float32) {
	mustLen("w", w, o.Rows*o.Cols)
	mustLen("m", m, len(w))
	mustLen("g", g, len(w))
	rest, n := grow(&ws.orthogonal, 2*len(w)+5*o.Cols*o.Cols), o.Cols
	next := func(size int) (part []float32) {
		part, rest = rest[:size], rest[size:]
		return part
	}
	u, x := next(len(w)), next(len(w))
	s, f, product, square, spare := next(n*n), next(n*n), next(n*n), next(n*n), next(n*n)

	constants := sgdConst{rate: float32(o.LR * 0.2 * math.Sqrt(float64(max(o.Rows, o.Cols)))), momentum: float32(o.Momentum), decay: float32(o.LR * o.WeightDecay)}
	ws.elementwise(elementJob{kind: elementDirection, dst: u, a: m, b: g, sgd: constants})
	ws.transposing = transposeJob{dst: x, src: u, rows: o.Rows, cols: n, count: 1}
	ws.run(ws.transposing.tasks(), &ws.transposing)
	MatMul{Batch: 1, M: n, K: o.Rows, N: n}.Forward(ws, s, x, u)
	norm := 0.0 // of u, squared: the sum of the squares of all singular values
	for i := range n {
		norm += float64(s[i*n+i])
	}
	if norm < muonFloor {
		clear(x)
		ws.elementwise(elementJob{kind: elementMove, dst: w, a: x, sgd: constants})
		return
	}

	multiply := func(to *[]float32, a, b []float32) {
		MatMul{Batch: 1, M: n, K: n, N: n}.Forward(ws, spare, a, b)
		*to, spare = spare, *to
	}
	ws.squares = squaresJob{n: n, dst: s, x: s, b: float32(1 / norm)}
	ws.run(n, &ws.squares)
	for i := range muonIterations {
		multiply(&square, s, s)
		ws.squares = squaresJob{n: n, dst: f, x: s, y: square, a: muonA, b: muonB, c: muonC}
		ws.run(n, &ws.squares)
		if i == 0 {
			copy(product, f)
		} else {
			multiply(&product, product, f)
		}
		if i < muonIterations-1 {
			multiply(&s, s, f)
			multiply(&s, s, f)
		}
	}
	MatMul{Batch: 1, M: o.Rows, K: n, N: n}.Forward(ws, x, u, product)
	constants.rate = float32(float64(constants.rate) / math.Sqrt(norm))
	ws.elementwise(elementJob{kind: elementMove, dst: w, a: x, sgd: constants})
}

// squaresJob computes a row of dst = a + b*x + c*y of square matrices, where a
// number counts as so many times the identity. y may be nil, and dst may be x.
type squaresJob struct {
	n         int
	dst, x, y []float32
	a, b, c   float32
}

func (j *squaresJob) task(row int, _ *Workers, _ *worker) {
	dst, x := j.dst[row*j.n:][:j.n], j.x[row*j.n:][:j.n]
	for i, v := range x {
		dst[i] = float32(j.b * v)
	}
	if j.y != nil {
		for i, v := range j.y[row*j.n:][:j.n] {
			dst[i] += float32(j.c * v)
		}
	}
	dst[row] += j.a
}

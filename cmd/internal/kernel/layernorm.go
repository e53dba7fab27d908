package kernel

import "math"

// LayerNorm is the shape of a layer normalization over the last axis: x and y
// are [Rows][Cols], gamma and beta [Cols].
type LayerNorm struct {
	Rows, Cols int
	Eps        float32
}

// Forward sets y to (x - mean) / sqrt(variance + Eps) * gamma + beta, with the
// mean and the variance (divided by Cols) of each row. gamma and beta may be
// nil, for ones and zeros. y and x may be the same slice. All backends give the
// same bits.
func (s LayerNorm) Forward(ws *Workers, y, x, gamma, beta []float32) {
	mustLen("y", y, s.Rows*s.Cols)
	mustLen("x", x, s.Rows*s.Cols)
	optLen("gamma", gamma, s.Cols)
	optLen("beta", beta, s.Cols)
	j := &ws.layerNorm
	*j = layerNormJob{s: s, y: y, x: x, gamma: gamma, beta: beta}
	if gamma == nil || beta == nil {
		packed := grow(&ws.packed, 2*s.Cols)
		j.gamma, j.beta = packed[:s.Cols], packed[s.Cols:]
		for i := range j.gamma {
			j.gamma[i], j.beta[i] = 1, 0
		}
		if gamma != nil {
			j.gamma = gamma
		}
		if beta != nil {
			j.beta = beta
		}
	}
	j.perTask = max(1, softmaxValues/max(1, s.Cols))
	ws.run((s.Rows+j.perTask-1)/j.perTask, j)
}

type layerNormJob struct {
	s                 LayerNorm
	y, x, gamma, beta []float32
	perTask           int
}

func (j *layerNormJob) task(i int, ws *Workers, _ *worker) {
	cols := j.s.Cols
	for r := i * j.perTask; r < min((i+1)*j.perTask, j.s.Rows); r++ {
		x, y := j.x[r*cols:][:cols], j.y[r*cols:][:cols]
		mean := ws.backend.total(x) / float32(cols)
		variance := ws.backend.squares(x, mean) / float32(cols)
		scale := 1 / float32(math.Sqrt(float64(variance+j.s.Eps)))
		ws.backend.layerNorm(y, x, j.gamma, j.beta, mean, scale)
	}
}

// squaresRef is the sum of (x-mean)², added as totalRef does.
func squaresRef(x []float32, mean float32) float32 {
	var sums [lanes]float32
	for len(x) >= lanes {
		for l, v := range x[:lanes] {
			v -= mean
			sums[l] += float32(v * v)
		}
		x = x[lanes:]
	}
	var rest [lanes]float32
	for l, v := range x {
		v -= mean
		rest[l] = float32(v * v)
	}
	return fold(&sums, rest[:len(x)])
}

// layerNormRef sets y to (x-mean)*scale*gamma + beta.
func layerNormRef(y, x, gamma, beta []float32, mean, scale float32) {
	x, gamma, beta = x[:len(y)], gamma[:len(y)], beta[:len(y)]
	for i, v := range x {
		y[i] = float32(float32(float32(v-mean)*scale)*gamma[i]) + beta[i]
	}
}

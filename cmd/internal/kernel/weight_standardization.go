package kernel

import "math"

// WeightStandardization gives the weights of a convolution a mean of zero and a
// variance that keeps that of its input, for every output channel on its own
// (Qiao et al., "Micro-batch training with batch-channel normalization and
// weight standardization", 2019; the scale is that of Brock et al.,
// "Characterizing signal propagation to close the performance gap in
// unnormalized ResNets", ICLR 2021, with the gain of He et al. for ReLU, the
// square root of 2):
//
//	w = gain * sqrt(2) * (v-mean) / sqrt(var*FanIn + 1e-4)
//
// v, w are [FanIn][Out], gain is [Out]; mean and variance are those of a column
// of v. In memory the weights [K][K][Cin][Cout] of a Conv are that, with a
// FanIn of K*K*Cin.
//
// Sums are taken in float64, of products that are exact there, row by row, and
// the rest is rounded to float32 step by step without fused operations: the
// same bits on every backend.
type WeightStandardization struct{ FanIn, Out int }

// weightStandardizationEps keeps a column of equal weights from a division by
// zero.
const weightStandardizationEps = 1e-4

// Stats is the number of values of the stats of Forward and Backward.
func (s WeightStandardization) Stats() int { return 2 * s.Out }

// Forward computes w from v. stats, which may be nil, keeps what Backward
// needs.
func (s WeightStandardization) Forward(ws *Workers, w, v, gain []float32, stats []float64) {
	mustLen("w", w, s.FanIn*s.Out)
	mustLen("v", v, s.FanIn*s.Out)
	mustLen("gain", gain, s.Out)
	if stats != nil {
		mustLen("stats", stats, s.Stats())
	}
	ws.weightStandardization = weightStandardizationJob{s: s, to: w, v: v, gain: gain, stats: stats}
	ws.run((s.Out+lanes-1)/lanes, &ws.weightStandardization)
}

// Backward computes the gradients of v and gain for the gradient dw of w. stats
// are those of Forward for the same v.
func (s WeightStandardization) Backward(ws *Workers, dv, dgain, dw, v, gain []float32, stats []float64) {
	mustLen("dv", dv, s.FanIn*s.Out)
	mustLen("dgain", dgain, s.Out)
	mustLen("dw", dw, s.FanIn*s.Out)
	mustLen("v", v, s.FanIn*s.Out)
	mustLen("gain", gain, s.Out)
	mustLen("stats", stats, s.Stats())
	ws.weightStandardization = weightStandardizationJob{s: s, to: dv, v: v, gain: gain, stats: stats, dw: dw, dgain: dgain}
	ws.run((s.Out+lanes-1)/lanes, &ws.weightStandardization)
}

// weightStandardizationJob computes one block of columns, forward, or backward
// if there is a dw.
type weightStandardizationJob struct {
	s         WeightStandardization
	to, v     []float32
	gain      []float32
	stats     []float64 // mean and 1/sqrt(var*FanIn+eps) of each column in turn
	dw, dgain []float32
}

// columns are the constants of a block of columns: of each row a,
// scale*(a-mean), and if there is a second term, of b, less that.
type columns struct{ mean, scale, mean2, scale2 [lanes]float32 }

func (j *weightStandardizationJob) task(i int, ws *Workers, w *worker) {
	first := i * lanes
	n := min(lanes, j.s.Out-first)
	if j.dw != nil {
		j.backward(ws, w, first, n)
	} else {
		j.forward(ws, w, first, n)
	}
}

func (j *weightStandardizationJob) forward(ws *Workers, w *worker, first, n int) {
	sums, c := &w.sums, &w.columns
	rows, stride, v := j.s.FanIn, j.s.Out, j.v[first:]
	ws.backend.sumAndDot(sums, v, v, stride, rows, n)
	for l := range n {
		mean := sums[l] / float64(rows)
		squares := max(sums[lanes+l]-float64(sums[l]*mean), 0) // var*FanIn
		root := 1 / math.Sqrt(squares+weightStandardizationEps)
		c.mean[l] = float32(mean)
		c.scale[l] = float32(float64(j.gain[first+l]) * math.Sqrt2 * root)
		if j.stats != nil {
			j.stats[2*(first+l)], j.stats[2*(first+l)+1] = mean, root
		}
	}
	ws.backend.normalize(j.to[first:], v, stride, rows, n, c)
}

// backward: with u = v-mean and q = 1/sqrt(sum u^2 + eps), w = c*q*u, so that
//
//	dgain = sqrt(2) * q * sum dw*u
//	dv    = c*q * (dw - mean(dw)) - c*q^3 * (sum dw*u) * u
//
// since the u add up to zero.
func (j *weightStandardizationJob) backward(ws *Workers, w *worker, first, n int) {
	sums, c := &w.sums, &w.columns
	rows, stride, v, dw := j.s.FanIn, j.s.Out, j.v[first:], j.dw[first:]
	ws.backend.sumAndDot(sums, dw, v, stride, rows, n)
	for l := range n {
		mean, root := j.stats[2*(first+l)], j.stats[2*(first+l)+1]
		along := sums[lanes+l] - float64(mean*sums[l])
		scale := float64(j.gain[first+l]) * math.Sqrt2 * root
		j.dgain[first+l] = float32(math.Sqrt2 * root * along)
		c.mean[l], c.scale[l] = float32(sums[l]/float64(rows)), float32(scale)
		c.mean2[l], c.scale2[l] = float32(mean), float32(scale*root*root*along)
	}
	ws.backend.normalizeBackward(j.to[first:], dw, v, stride, rows, n, c)
}

// sumAndDotRef sets, for n columns, sums[l] to the sum of a and sums[lanes+l]
// to that of a*b, over rows of the given stride, in order.
func sumAndDotRef(sums *[2 * lanes]float64, a, b []float32, stride, rows, n int) {
	*sums = [2 * lanes]float64{}
	for r := range rows {
		a, b := a[r*stride:][:n], b[r*stride:][:n]
		for l, v := range a {
			x := float64(v)
			sums[l] += x
			sums[lanes+l] += float64(x * float64(b[l]))
		}
	}
}

// normalizeRef sets dst to scale*(a-mean), for n columns.
func normalizeRef(dst, a []float32, stride, rows, n int, c *columns) {
	for r := range rows {
		a, to := a[r*stride:][:n], dst[r*stride:][:n]
		for l, v := range a {
			to[l] = c.scale[l&(lanes-1)] * (v - c.mean[l&(lanes-1)])
		}
	}
}

// normalizeBackwardRef sets dst to scale*(a-mean) - scale2*(b-mean2), for n
// columns.
func normalizeBackwardRef(dst, a, b []float32, stride, rows, n int, c *columns) {
	for r := range rows {
		a, b, to := a[r*stride:][:n], b[r*stride:][:n], dst[r*stride:][:n]
		for l, v := range a {
			l := l & (lanes - 1)
			to[l] = float32(c.scale[l]*(v-c.mean[l])) - float32(c.scale2[l]*(b[l]-c.mean2[l]))
		}
	}
}

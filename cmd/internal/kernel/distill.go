package kernel

import "math"

// Distill gives a loss a teacher's part (Hinton, Vinyals and Dean, "Distilling
// the knowledge in a neural network", 2015). z are the logits [N][outputs] of a
// student, loss and dz what a loss head came to for them, and targets
// [N][classes] the probabilities of a teacher. It returns
//
//	(1-share) * loss + share * T² * mean of KL(p || q)
//
// and turns dz into the gradient of that. q is the softmax of z/T, p the
// probabilities to the power 1/T, which is the softmax of the teacher's logits
// divided by T; the rows of targets need not add up to 1, and one of zeros alone
// says nothing: p is then the same for all classes. T² keeps the teacher's
// gradients in proportion, whatever T is. One output is the logit of the second
// of two classes, whose sigmoid is the softmax of 0 and the logit. The mean is
// that of the loss heads, as are the weights.
func Distill(dz, z, targets []float32, outputs int, weights []float32, loss, share, temperature float64) float64 {
	n := len(z) / outputs
	classes := max(outputs, 2)
	mustLen("dz", dz, len(z))
	mustLen("targets", targets, n*classes)
	optLen("weights", weights, n)
	count := counted(n, weights)
	p, q := make([]float64, classes), make([]float64, classes) // logarithms
	var sum float64
	for i := range n {
		row, grad := z[i*outputs:][:outputs], dz[i*outputs:][:outputs]
		for c, t := range targets[i*classes:][:classes] {
			p[c] = math.Log(float64(t)) / temperature
		}
		q[0] = 0 // the first of two classes, where there is one output
		for k, v := range row {
			q[classes-outputs+k] = float64(v) / temperature
		}
		logSoftmax(p)
		logSoftmax(q)
		weight := weightOf(weights, i)
		if weight != 0 {
			var divergence float64
			for c, v := range p {
				if v > math.Inf(-1) {
					divergence += float64(math.Exp(v) * (v - q[c]))
				}
			}
			sum += float64(weight * divergence)
		}
		for k, d := range grad {
			c := classes - outputs + k
			soft := temperature * (math.Exp(q[c]) - math.Exp(p[c])) * weight / count
			grad[k] = float32(float64((1-share)*float64(d)) + float64(share*soft))
		}
	}
	return float64((1-share)*loss) + float64(share*temperature*temperature*(sum/count))
}

// logSoftmax turns logits into the logarithms of probabilities. Where all are
// -Inf the probabilities are the same.
func logSoftmax(x []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	if math.IsInf(top, -1) {
		clear(x)
		top = 0
	}
	var sum float64
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	by := top + math.Log(sum)
	for i := range x {
		x[i] -= by
	}
}

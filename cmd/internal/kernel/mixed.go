package kernel

import "math"

// MixedLabels gives a loss the part of second labels, for pictures of which a
// part shows something else (Zhang and others, "mixup: Beyond empirical risk
// minimization", 2018; Yun and others, "CutMix", 2019). z are the logits
// [N][outputs], and loss and dz what [SoftmaxCE], or for one output [SigmoidCE],
// came to for labels, with the same weights and smoothing. With shares [N], from
// 0 to 1, of seconds [N], other labels, the cross-entropy of a picture becomes
//
//	(1-share) * that for its label + share * that for the second
//
// MixedLabels returns the mean of those and turns dz into its gradient. A share
// of 0 leaves everything as it was, bit for bit.
func MixedLabels(dz, z []float32, outputs int, labels, seconds []int, shares, weights []float32, smoothing, loss float64) float64 {
	n := len(labels)
	mustLen("z", z, n*outputs)
	mustLen("dz", dz, len(z))
	mustLen("seconds", seconds, n)
	mustLen("shares", shares, n)
	optLen("weights", weights, n)
	count := counted(n, weights)
	var sum float64 // of what is added to the losses
	for i, second := range seconds {
		first, moved := labels[i], (1-smoothing)*float64(shares[i]) // of the target
		if moved == 0 || first == second {
			continue
		}
		weight := weightOf(weights, i)
		if outputs == 1 {
			p := Sigmoid(z[i])
			clipped := clipProbability(p)
			if second == 0 {
				moved = -moved
			}
			if weight != 0 {
				c := float64(clipped)
				sum += float64(weight * moved * (math.Log(1-c) - math.Log(c)))
			}
			if p == clipped {
				dz[i] -= float32(moved * weight / count)
			}
			continue
		}
		row, grad := z[i*outputs:][:outputs], dz[i*outputs:][:outputs]
		if weight != 0 {
			sum += float64(weight * moved * (float64(row[first]) - float64(row[second])))
		}
		grad[first] += float32(moved * weight / count)
		grad[second] -= float32(moved * weight / count)
	}
	return loss + sum/count
}

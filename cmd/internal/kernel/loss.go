package kernel

import "math"

// The loss heads take one row of logits z for each record, its label, and
// optionally its weight, and give the mean loss, the number of correct answers,
// and the gradient of the mean loss.
//
// As in Keras 2.2.4, the mean is the sum of weight times loss, divided by the
// number of records whose weight is not 0 (all, if weights is nil). Records of
// weight 0 do not count as correct either. dz and prob may be nil. The sums are
// taken in float64, in order. Large batches are no concern here, so there are
// no threads.
//
// Labels can be smoothed (Szegedy et al., "Rethinking the Inception
// architecture for computer vision", CVPR 2016, section 7): the target is
// 1-smoothing at the label, plus smoothing/classes for each class. Loss and
// gradient are those of the smoothed target. What is correct does not depend on
// it. smoothing is in [0, 1).

// SigmoidCE is binary cross-entropy after a sigmoid: z, dz and prob are [N],
// the labels 0 or 1, prob is the probability of class 1, and an answer is
// correct if class 1 is given exactly when prob > 0.5.
//
// It follows Keras 2.2.4 on TensorFlow: the probability is clipped to
// [1e-7, 1-1e-7] (both in float32) before the logarithm, and the gradient goes
// through the clipping, so that it is prob-label inside that range and 0
// outside, even for a wrong answer. A NaN logit gives a NaN loss and gradient.
func SigmoidCE(dz, prob, z []float32, labels []int, weights []float32, smoothing float64) (loss float64, correct int) {
	mustLen("labels", labels, len(z))
	optLen("weights", weights, len(z))
	optLen("dz", dz, len(z))
	optLen("prob", prob, len(z))
	count := counted(len(z), weights)
	for i, v := range z {
		p := Sigmoid(v)
		if prob != nil {
			prob[i] = p
		}
		t := smoothing / 2
		if labels[i] != 0 {
			t = 1 - t
		}
		weight := weightOf(weights, i)
		clipped := clipProbability(p)
		if weight != 0 {
			loss += weight * binary(float64(clipped), t)
			if (p > 0.5) == (labels[i] != 0) && p == p {
				correct++
			}
		}
		if dz != nil {
			d := p - float32(t)
			if p != clipped && p == p {
				d = 0
			}
			dz[i] = d * float32(weight/count)
		}
	}
	return loss / count, correct
}

// Sigmoid is 1 / (1 + exp(-z)), rounded once to float32.
func Sigmoid(z float32) float32 {
	return float32(1 / (1 + math.Exp(-float64(z))))
}

// clipProbability keeps a logarithm of p and of 1-p finite.
func clipProbability(p float32) float32 {
	const low, high = 1e-7, 1 - 1e-7
	return min(max(p, low), float32(high))
}

// binary is the cross-entropy of the probability p for the target t.
func binary(p, t float64) float64 {
	switch t {
	case 0:
		return -math.Log(1 - p)
	case 1:
		return -math.Log(p)
	}
	return -(float64(t*math.Log(p)) + float64((1-t)*math.Log(1-p)))
}

// SoftmaxCE is cross-entropy after a softmax: z, dz and prob are [N][classes],
// the labels in [0, classes); an answer is correct if the label's probability
// is the largest, the first of equals. Loss and gradient (prob - one at the
// label) are computed from the logits, so nothing needs clipping. A NaN or a
// logit of +Inf gives a NaN loss and gradient.
func SoftmaxCE(dz, prob, z []float32, classes int, labels []int, weights []float32, smoothing float64) (loss float64, correct int) {
	mustLen("z", z, len(labels)*classes)
	optLen("weights", weights, len(labels))
	optLen("dz", dz, len(z))
	optLen("prob", prob, len(z))
	count := counted(len(labels), weights)
	share := smoothing / float64(classes) // of every class
	for n, label := range labels {
		row := z[n*classes:][:classes]
		best, top := 0, math.Inf(-1)
		var sum float64
		for c, v := range row {
			if float64(v) > top {
				best, top = c, float64(v)
			}
		}
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		weight := weightOf(weights, n)
		if weight != 0 {
			expected := float64(row[label]) - top
			if smoothing > 0 {
				expected *= 1 - smoothing
				for _, v := range row {
					expected += float64(share * (float64(v) - top))
				}
			}
			loss += weight * (math.Log(sum) - expected)
			if best == label && sum == sum {
				correct++
			}
		}
		for c, v := range row {
			q := math.Exp(float64(v)-top) / sum
			if prob != nil {
				prob[n*classes+c] = float32(q)
			}
			if dz != nil {
				if c == label {
					q -= 1 - smoothing
				}
				q -= share
				dz[n*classes+c] = float32(q * weight / count)
			}
		}
	}
	return loss / count, correct
}

// counted is the number of records with a weight other than 0, but at least 1.
func counted(n int, weights []float32) float64 {
	for _, w := range weights {
		if w == 0 {
			n--
		}
	}
	return float64(max(n, 1))
}

func weightOf(weights []float32, i int) float64 {
	if weights == nil {
		return 1
	}
	return float64(weights[i])
}

package nn

import (
	"math"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// probabilities sets p to those of all classes, [n,classes], from the logits z:
// [1-sigmoid(z), sigmoid(z)] of one logit a picture, otherwise the softmax.
func probabilities(p, z []float32, classes int) {
	if len(z) == len(p) {
		softmax(p, z, classes)
		return
	}
	for i, v := range z {
		positive := kernel.Sigmoid(v)
		p[2*i], p[2*i+1] = 1-positive, positive
	}
}

// softmax sets every row of p to exp(z) / sum(exp(z)) of the same row of z.
// Both are [rows][classes].
func softmax(p, z []float32, classes int) {
	for at := 0; at < len(z); at += classes {
		row, out := z[at:at+classes], p[at:at+classes]
		top := row[0]
		for _, v := range row {
			top = max(top, v)
		}
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v) - float64(top))
		}
		for i, v := range row {
			out[i] = float32(math.Exp(float64(v)-float64(top)) / sum)
		}
	}
}

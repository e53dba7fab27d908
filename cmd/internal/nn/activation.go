package nn

import "math"

// sigmoid is 1 / (1 + exp(-z)), rounded once to float32.
func sigmoid(z float32) float32 {
	return float32(1 / (1 + math.Exp(-float64(z))))
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

package metrics

import "math"

// Bounds of a temperature.
const (
	minTemperature = 0.05
	maxTemperature = 20
)

// Temperature returns the number by which logits are to be divided so that the
// probabilities fit best to what is true: it has the least log loss (C. Guo and
// others: On calibration of modern neural networks, 2017). It is above 1 for a
// model that is too sure of itself, within 0.05 and 20, and a multiple of 0.001,
// so that the last bits of sums and logarithms do not matter.
//
// Of n answers the truth counts as true by (n+1)/(n+2) and the other classes
// share the rest (J. Platt: Probabilistic outputs for support vector machines,
// 1999). Without that no temperature would be low enough for answers that are
// all right, however few they are.
//
// probabilities are those of each answer, and truth the class of each.
func Temperature(probabilities [][]float32, truth []int) float64 {
	doubt := 1 / float64(len(truth)+2)
	// The loss is convex in the inverse: its slope is the mean of how far
	// the expected log probability is above that of the truth.
	slope := func(inverse float64) float64 {
		sum := 0.0
		for n, row := range probabilities {
			top := logOf(row[0])
			for _, p := range row {
				top = max(top, logOf(p))
			}
			var total, expected, all float64
			for _, p := range row {
				l := logOf(p)
				w := math.Exp(inverse * (l - top))
				total += w
				expected += w * l
				all += l
			}
			right := logOf(row[truth[n]])
			others := (all - right) / float64(max(1, len(row)-1))
			sum += expected/total - (1-doubt)*right - doubt*others
		}
		return sum
	}
	low, high := 1./maxTemperature, 1./minTemperature
	for range 40 {
		middle := math.Sqrt(low * high)
		if slope(middle) > 0 {
			high = middle
		} else {
			low = middle
		}
	}
	return math.Round(1000/math.Sqrt(low*high)) / 1000
}

// logOf is the logarithm of a probability, which may have been rounded to 0.
func logOf(p float32) float64 {
	return math.Log(float64(max(p, math.SmallestNonzeroFloat32)))
}

package metrics

import "math"

// CalibrationBins is the number of bins of a Calibration.
const CalibrationBins = 15

// A Calibration tells how far a model's probabilities can be believed: of the
// answers given with 0.8, about eight in ten should be right. The zero
// Calibration is empty and ready for use.
type Calibration struct {
	bins  [CalibrationBins]CalibrationBin
	brier float64
	total int64
}

// A CalibrationBin counts the answers whose probability p is in Low < p <= High.
type CalibrationBin struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Items      int64   `json:"items"`
	Confidence float64 `json:"confidence"` // mean probability of the answer
	Accuracy   float64 `json:"accuracy"`
}

// Add counts an answer: the probabilities of all classes, the class that was
// true and the one that was predicted.
func (c *Calibration) Add(probabilities []float32, truth, predicted int) {
	p := float64(probabilities[predicted])
	bin := min(max(int(math.Ceil(p*CalibrationBins))-1, 0), CalibrationBins-1)
	c.bins[bin].Items++
	c.bins[bin].Confidence += p
	if truth == predicted {
		c.bins[bin].Accuracy++
	}
	for i, p := range probabilities {
		d := float64(p)
		if i == truth {
			d--
		}
		c.brier += d * d
	}
	c.total++
}

// Bins returns the bins, empty ones as well.
func (c *Calibration) Bins() []CalibrationBin {
	bins := make([]CalibrationBin, 0, CalibrationBins)
	for i, b := range c.bins {
		b.Low, b.High = float64(i)/CalibrationBins, float64(i+1)/CalibrationBins
		if b.Items > 0 {
			b.Confidence /= float64(b.Items)
			b.Accuracy /= float64(b.Items)
		}
		bins = append(bins, b)
	}
	return bins
}

// ECE returns the expected calibration error: the mean distance between
// probability and accuracy of the bins, each counting as many times as it has
// answers (C. Guo and others: On calibration of modern neural networks, 2017).
func (c *Calibration) ECE() float64 {
	sum := 0.0
	for _, b := range c.bins {
		sum += math.Abs(b.Confidence - b.Accuracy)
	}
	return sum / float64(max(1, c.total))
}

// Brier returns the mean over the answers of the squared distance between the
// probabilities and the truth, summed over the classes (G. W. Brier:
// Verification of forecasts expressed in terms of probability, 1950): 0 is
// perfect, 2 the worst. Of two classes it is twice what scikit-learn's
// brier_score_loss returns.
func (c *Calibration) Brier() float64 { return c.brier / float64(max(1, c.total)) }

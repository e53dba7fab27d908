package metrics

// Scores are the four columns of a classification report.
type Scores struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1-score"`
	Support   int64   `json:"support"`
}

// PerClass returns the scores of each class. A ratio whose denominator is 0
// is 0.
func (c *Confusion) PerClass() []Scores {
	right, predicted, truth := c.marginals()
	rows := make([]Scores, len(c.classes))
	for i := range rows {
		rows[i] = Score(right[i], predicted[i], truth[i])
	}
	return rows
}

// Micro returns the scores over all answers taken together. Where every
// answer is one of the classes all three are the accuracy.
func (c *Confusion) Micro() Scores {
	right, all := c.Correct(), c.Total()
	return Score(right, all, all)
}

// Macro returns the means over the classes.
func (c *Confusion) Macro() Scores {
	m := Mean(c.PerClass())
	m.Support = c.Total()
	return m
}

// Weighted returns the means over the classes, weighted by support.
func (c *Confusion) Weighted() Scores {
	rows := c.PerClass()
	total := c.Total()
	w := average(rows, func(column []float64) float64 {
		if total == 0 {
			return 0
		}
		for i := range column {
			column[i] *= float64(rows[i].Support)
		}
		return pairwiseSum(column) / float64(total)
	})
	w.Support = total
	return w
}

// Mean returns the means of rows, without a support.
func Mean(rows []Scores) Scores {
	return average(rows, func(column []float64) float64 { return pairwiseSum(column) / float64(len(column)) })
}

// average applies mean to each column of rows. An average over no class is 0.
func average(rows []Scores, mean func([]float64) float64) Scores {
	if len(rows) == 0 {
		return Scores{}
	}
	column := make([]float64, len(rows))
	of := func(value func(Scores) float64) float64 {
		for i, row := range rows {
			column[i] = value(row)
		}
		return mean(column)
	}
	return Scores{
		Precision: of(func(s Scores) float64 { return s.Precision }),
		Recall:    of(func(s Scores) float64 { return s.Recall }),
		F1:        of(func(s Scores) float64 { return s.F1 }),
	}
}

// Score returns the scores of a class from how often it was right, predicted and
// true. F1 is written as scikit-learn 1.2 computes it, from
// the two rounded ratios, so that the last bit is the same.
func Score(right, predicted, truth int64) Scores {
	s := Scores{Precision: ratio(right, predicted), Recall: ratio(right, truth), Support: truth}
	if sum := s.Precision + s.Recall; sum > 0 {
		s.F1 = 2 * s.Precision * s.Recall / sum
	}
	return s
}

// pairwiseSum adds in NumPy's order: eight running sums in blocks of up to
// 128 numbers, and halves of longer lists. Averages then agree with
// scikit-learn's to the last bit, so a digit cannot round the other way.
func pairwiseSum(a []float64) float64 {
	switch n := len(a); {
	case n < 8:
		sum := 0.0
		for _, v := range a {
			sum += v
		}
		return sum
	case n <= 128:
		var r [8]float64
		copy(r[:], a)
		i := 8
		for ; i+8 <= n; i += 8 {
			for k := range r {
				r[k] += a[i+k]
			}
		}
		sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		for ; i < n; i++ {
			sum += a[i]
		}
		return sum
	default:
		half := n / 2
		half -= half % 8
		return pairwiseSum(a[:half]) + pairwiseSum(a[half:])
	}
}

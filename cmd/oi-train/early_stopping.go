package main

import "math"

// earlyStopping decides when training has had its best, as Keras'
// EarlyStopping with mode "min" does.
type earlyStopping struct {
	patience int
	minDelta float64

	best float64
	wait int
	any  bool
}

// observe takes the validation loss of an epoch. An epoch is better if its
// loss is below the best one by more than minDelta, the first one if its loss
// is a number at all. Training stops once patience epochs in a row, at least
// one, were not better.
func (s *earlyStopping) observe(loss float64) (better, stop bool) {
	if !s.any {
		s.best, s.any = math.Inf(1), true
	}
	if loss < s.best-s.minDelta { // never true of a NaN
		s.best, s.wait = loss, 0
		return true, false
	}
	s.wait++
	return false, s.wait >= s.patience
}

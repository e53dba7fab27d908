package metrics

import "math"

// Epsilon is how near to 0 and 1 a probability may come in a log loss, as in
// Keras.
const Epsilon = 1e-7

// A LogLoss is the running mean of -ln p, where p is the probability that was
// given to the true class, kept within Epsilon and 1-Epsilon. The zero value
// is ready to use.
type LogLoss struct {
	sum float64
	n   int64
}

// Add counts one answer in which the true class had probability p. A p that
// is not a number makes the mean one that is not a number either.
func (l *LogLoss) Add(p float64) {
	l.n++
	if math.IsNaN(p) {
		l.sum = math.NaN()
		return
	}
	l.sum -= math.Log(min(max(p, Epsilon), 1-Epsilon))
}

// Mean returns the loss, 0 before the first answer.
func (l *LogLoss) Mean() float64 {
	if l.n == 0 {
		return 0
	}
	return l.sum / float64(l.n)
}

package main

// The values of --lr-schedule.
const (
	constantRate = "constant"
	linearRate   = "linear"
)

// rate is the learning rate of an epoch, counted from 1. A linear one is lr in
// the first of n epochs, and 1/n of it less in each that follows (Defazio and
// others, "Optimal linear decay learning rate schedules and further
// refinements", 2023).
func (o *options) rate(epoch int) float64 {
	if o.schedule == linearRate {
		return o.lr * float64(o.epochs-epoch+1) / float64(o.epochs)
	}
	return o.lr
}

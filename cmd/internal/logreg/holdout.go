package logreg

import "context"

// HoldOut fits a model to all items but those of rows, which are sorted, and
// calls answer with the probabilities [K] that it gives each of these, in
// order; they are valid until answer returns. No held-out item has a part in
// the fit, not even in how features are standardised.
//
// A class of which all items are held out has the probability 0, and answer is
// not called for its items: nothing was learnt of them. If fewer than two
// classes are left, it is called for none.
func HoldOut(ctx context.Context, data Data, rows []int, classes int, c float64, o Options, answer func(row int, probabilities []float64) error) error {
	if err := o.check(data, classes); err != nil {
		return err
	}
	rest, held := split(data, rows)
	number, rest, held, kept := renumber(rest, held, classes)
	if len(number) < 2 || len(kept) == 0 {
		return nil
	}
	o.ClassWeights = renumberWeights(o.ClassWeights, number)
	standard, err := Measure(ctx, rest.Features, o.Threads)
	if err != nil {
		return err
	}
	pool := startThreads(o.Threads)
	defer pool.Close()
	p := newProblem(rest, standard, len(number), o.ClassWeights, pool)
	theta := make([]float64, p.size())
	if _, err := p.fit(ctx, theta, c, o); err != nil {
		return err
	}
	all := make([]float64, classes)
	return newProblem(held, standard, len(number), nil, pool).answers(ctx, theta, func(i int, probabilities []float64) error {
		for k, class := range number {
			all[class] = probabilities[k]
		}
		return answer(rows[kept[i]], all)
	})
}

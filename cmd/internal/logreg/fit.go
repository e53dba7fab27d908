package logreg

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Data is N items.
type Data struct {
	Features Source
	Labels   []int // [N], each from 0 to K-1
	// Groups, [N] or nil, says by equal numbers which items belong together,
	// such as those of one author: no group is divided by cross-validation.
	Groups []int
}

// Options are what a fit goes by; the zero value is what is usual.
type Options struct {
	// Strengths are the values of C to try, each positive; nil means
	// [DefaultStrengths].
	Strengths []float64
	// ClassWeights, [K], is how much an item of each class counts in what is
	// minimised; nil means 1. See [Balanced].
	ClassWeights []float64
	// Tolerance is how large the largest absolute value of the gradient may
	// be where a fit ends; 0 means 1e-6. The gradient is that of the function
	// in the package comment, penalty included, by the standardised weights
	// and the intercepts: the mean over the items, not their sum.
	Tolerance float64
	// MaxIterations ends a fit that does not get there; 0 means 2000.
	MaxIterations int
	// Threads is how many are at work; below 1 means 1.
	Threads int
}

// DefaultStrengths returns the values of C that are tried if none are given:
// 1e-4 to 3e-2.
func DefaultStrengths() []float64 { return []float64{1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2} }

// Balanced returns the class weights under which all classes count the same, as
// scikit-learn's "balanced": items / (classes * items of the class). A class
// without items gets 0.
func Balanced(labels []int, classes int) []float64 {
	weights := count(labels, classes, nil)
	for k, n := range weights {
		if n > 0 {
			weights[k] = float64(len(labels)) / (float64(classes) * n)
		}
	}
	return weights
}

// An EmptyClassError is a class of which there is no item to fit on. Its
// intercept would go to minus infinity.
type EmptyClassError struct{ Class int }

func (e *EmptyClassError) Error() string {
	return fmt.Sprintf("class %d has no item to learn from", e.Class)
}

// Model is a fitted regression of K classes on D features.
type Model struct {
	Standard  *Standard
	Weights   []float64 // [K][D], of the standardised features
	Intercept []float64 // [K]
}

// Trained says how a fit went.
type Trained struct {
	C          float64
	Iterations int
	Passes     int     // evaluations of loss and gradient
	Gradient   float64 // its largest absolute value at the end
	// Converged is whether that is within the tolerance. If not, the
	// iterations came to their maximum, or rounding left no better point.
	Converged bool
	Objective float64 // what is minimised, penalty included
	Loss      float64 // the weighted mean of the items' losses alone
}

// Fit fits a model for one strength c, starting from another one, which may be
// standardised in another way, or from zeros. An item that cannot be used is a
// [*ValueError], a class without items an [*EmptyClassError]. It is no error if
// the fit does not converge: see [Trained].
func Fit(ctx context.Context, data Data, standard *Standard, classes int, c float64, start *Model, o Options) (*Model, Trained, error) {
	if err := o.check(data, classes); err != nil {
		return nil, Trained{}, err
	}
	if err := learnable(data.Labels, classes); err != nil {
		return nil, Trained{}, err
	}
	pool := startThreads(o.Threads)
	defer pool.Close()
	p := newProblem(data, standard, classes, o.ClassWeights, pool)
	theta := make([]float64, p.size())
	if start != nil {
		if len(start.Intercept) != classes || len(start.Standard.Mean) != len(standard.Mean) {
			return nil, Trained{}, errors.New("the model to start from has other classes or features")
		}
		p.pack(theta, start)
	}
	trained, err := p.fit(ctx, theta, c, o)
	if err != nil {
		return nil, trained, err
	}
	return p.model(theta), trained, nil
}

// fit goes from theta, which it changes.
func (p *problem) fit(ctx context.Context, theta []float64, c float64, o Options) (Trained, error) {
	t := Trained{C: c}
	if !(c > 0) || math.IsInf(c, 0) {
		return t, fmt.Errorf("a strength C of %v: want a positive number", c)
	}
	tolerance, iterations := o.Tolerance, o.MaxIterations
	if tolerance == 0 {
		tolerance = 1e-6
	}
	if iterations == 0 {
		iterations = 2000
	}
	f := &penalised{problem: p, penalty: p.penalty(c)}
	m, err := minimize(ctx, f, theta, tolerance, iterations)
	t.Iterations, t.Passes, t.Gradient, t.Converged, t.Objective = m.iterations, m.passes, m.gradient, m.converged, m.value
	if err != nil {
		return t, err
	}
	t.Loss = m.value - float64(f.penalty/2*p.square(theta))
	return t, nil
}

func (o Options) check(data Data, classes int) error {
	n := data.Features.Rows()
	switch {
	case classes < 2:
		return fmt.Errorf("%d classes: want at least 2", classes)
	case len(data.Labels) != n:
		return fmt.Errorf("%d labels for %d items", len(data.Labels), n)
	case data.Groups != nil && len(data.Groups) != n:
		return fmt.Errorf("%d groups for %d items", len(data.Groups), n)
	case o.ClassWeights != nil && len(o.ClassWeights) != classes:
		return fmt.Errorf("%d class weights for %d classes", len(o.ClassWeights), classes)
	}
	for k, w := range o.ClassWeights {
		if !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("class %d has the weight %v: want a positive number", k, w)
		}
	}
	for i, label := range data.Labels {
		if label < 0 || label >= classes {
			return fmt.Errorf("item %d has the label %d of %d classes", i, label, classes)
		}
	}
	return nil
}

// learnable reports the first class without items.
func learnable(labels []int, classes int) error {
	for k, n := range count(labels, classes, nil) {
		if n == 0 {
			return &EmptyClassError{k}
		}
	}
	return nil
}

// at is where the parameter of a class and a feature lies.
func (p *problem) at(class, feature int) int {
	return (class/lanes*p.dp+feature)*lanes + class%lanes
}

// pack sets theta to the model, in the standardisation of p.
func (p *problem) pack(theta []float64, m *Model) {
	d := len(p.inverse)
	for k, b := range m.Intercept {
		for i, w := range m.Weights[k*d:][:d] {
			if m.Standard != p.standard {
				w /= m.Standard.Scale[i]
				b += float64(w * (p.standard.Mean[i] - m.Standard.Mean[i]))
				w *= p.standard.Scale[i]
			}
			theta[p.at(k, i)] = w
		}
		theta[p.at(k, d)] = b
	}
}

func (p *problem) model(theta []float64) *Model {
	d := len(p.inverse)
	m := &Model{Standard: p.standard, Weights: make([]float64, 0, p.classes*d), Intercept: make([]float64, 0, p.classes)}
	for k := range p.classes {
		for i := range d {
			m.Weights = append(m.Weights, theta[p.at(k, i)])
		}
		m.Intercept = append(m.Intercept, theta[p.at(k, d)])
	}
	return m
}

// Scores says how well a model answers for items.
type Scores struct {
	N       int
	Loss    float64 // the mean of -log of the label's probability, not weighted
	Correct int     // items whose label has the highest logit, the first of equals
}

// Accuracy is the share of correct answers.
func (s Scores) Accuracy() float64 { return float64(s.Correct) / float64(s.N) }

// Evaluate tries the model on items, of which there must be one.
func (m *Model) Evaluate(ctx context.Context, data Data, threads int) (Scores, error) {
	classes := len(m.Intercept)
	switch {
	case data.Features.Dim() != len(m.Standard.Mean):
		return Scores{}, fmt.Errorf("items have %d features, the model %d", data.Features.Dim(), len(m.Standard.Mean))
	case data.Features.Rows() == 0:
		return Scores{}, errors.New("no items to evaluate the model on")
	}
	if err := (Options{}).check(data, classes); err != nil {
		return Scores{}, err
	}
	pool := startThreads(threads)
	defer pool.Close()
	p := newProblem(data, m.Standard, classes, nil, pool)
	theta := make([]float64, p.size())
	p.pack(theta, m)
	return p.scores(ctx, theta)
}

func (p *problem) scores(ctx context.Context, theta []float64) (Scores, error) {
	s, err := p.pass(ctx, theta, nil)
	if err != nil {
		return Scores{}, err
	}
	n := p.data.Features.Rows()
	return Scores{N: n, Loss: s.plain.total() / float64(n), Correct: s.correct}, nil
}

// Export folds the standardisation into the weights: what it returns is for
// features as they are, weights [K][D] and bias [K], logits = W*x + b. A bias
// takes up what rounding does to its weights at the mean of the features.
// It is an error if a weight cannot be a float32.
func (m *Model) Export() (weights, bias []float32, err error) {
	d := len(m.Standard.Mean)
	weights, bias = make([]float32, len(m.Weights)), make([]float32, len(m.Intercept))
	for k, b := range m.Intercept {
		var s sum
		s.add(b)
		for i, v := range m.Weights[k*d:][:d] {
			w := float32(v / m.Standard.Scale[i])
			weights[k*d+i] = w
			s.add(-float64(float64(w) * m.Standard.Mean[i]))
			if math.IsInf(float64(w), 0) || w != w {
				return nil, nil, fmt.Errorf("the weight of class %d and feature %d, whose values differ by only about %g, is too large for a float32", k, i, m.Standard.Scale[i])
			}
		}
		bias[k] = float32(s.total())
		if math.IsInf(float64(bias[k]), 0) || bias[k] != bias[k] {
			return nil, nil, fmt.Errorf("the bias of class %d is too large for a float32", k)
		}
	}
	return weights, bias, nil
}

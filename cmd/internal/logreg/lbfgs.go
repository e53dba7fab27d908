package logreg

import (
	"context"
	"math"
)

// objective is a smooth convex function. evaluate returns its value at x and
// sets gradient.
type objective interface {
	evaluate(ctx context.Context, x, gradient []float64) (float64, error)
}

// history is the number of steps that L-BFGS remembers.
const history = 10

// minimum says how a minimisation ended.
type minimum struct {
	value      float64
	gradient   float64 // largest absolute value
	iterations int
	passes     int // evaluations
	converged  bool
}

// minimize goes from x, which it changes, to where no value of the gradient is
// larger than tolerance, by L-BFGS (Nocedal and Wright: Numerical Optimization,
// 2006, algorithms 7.4 and 7.5). It gives up after the given number of
// iterations, or where rounding leaves no better point to be found.
func minimize(ctx context.Context, f objective, x []float64, tolerance float64, iterations int) (minimum, error) {
	n := len(x)
	var (
		m         minimum
		gradient  = make([]float64, n)
		direction = make([]float64, n)
		search    = lineSearch{x: make([]float64, n), gradient: make([]float64, n)}
		memory    pairs
		err       error
	)
	m.value, err = f.evaluate(ctx, x, gradient)
	if err != nil {
		return m, err
	}
	m.passes++
	for {
		m.gradient = largest(gradient)
		if m.gradient <= tolerance {
			m.converged = true
			return m, nil
		}
		if m.iterations == iterations {
			return m, nil
		}
		memory.direction(direction, gradient)
		slope := dot(direction, gradient)
		if !(slope < 0) && len(memory.list) > 0 {
			memory = pairs{}
			continue
		}
		step := 1.0
		if len(memory.list) == 0 {
			step = min(1, 1/math.Sqrt(-slope))
		}
		ok, err := search.run(ctx, f, x, direction, m.value, slope, step)
		m.passes += search.passes
		if err != nil {
			return m, err
		}
		if !ok {
			if len(memory.list) == 0 {
				return m, nil // steepest descent finds nothing either
			}
			memory = pairs{}
			continue
		}
		m.iterations++
		memory.push(search.x, x, search.gradient, gradient)
		copy(x, search.x)
		copy(gradient, search.gradient)
		m.value = search.value
	}
}

// pair is a step and how the gradient changed by it.
type pair struct {
	s, y []float64
	rho  float64 // 1 / (s*y)
}

// pairs are the last steps, the oldest first.
type pairs struct{ list []pair }

// push remembers the step from x to next, unless it shows no curvature.
func (p *pairs) push(next, x, nextGradient, gradient []float64) {
	var free pair
	if len(p.list) == history {
		free = p.list[0]
		p.list = append(p.list[:0], p.list[1:]...)
	} else {
		free = pair{s: make([]float64, len(x)), y: make([]float64, len(x))}
	}
	for i := range x {
		free.s[i] = next[i] - x[i]
		free.y[i] = nextGradient[i] - gradient[i]
	}
	sy := dot(free.s, free.y)
	if !(sy > 1e-300) {
		return
	}
	free.rho = 1 / sy
	p.list = append(p.list, free)
}

// direction sets d to minus the gradient times what the steps tell of the
// inverse Hessian.
func (p *pairs) direction(d, gradient []float64) {
	for i, g := range gradient {
		d[i] = -g
	}
	if len(p.list) == 0 {
		return
	}
	var alpha [history]float64
	for i := len(p.list) - 1; i >= 0; i-- {
		q := p.list[i]
		alpha[i] = q.rho * dot(q.s, d)
		axpy(d, -alpha[i], q.y)
	}
	last := p.list[len(p.list)-1]
	scale := 1 / (last.rho * dot(last.y, last.y))
	for i := range d {
		d[i] *= scale
	}
	for i, q := range p.list {
		beta := float64(q.rho * dot(q.y, d))
		axpy(d, alpha[i]-beta, q.s)
	}
}

// lineSearch finds a point along a direction that is enough lower and flatter:
// the strong Wolfe conditions, by bracketing and cubic interpolation.
type lineSearch struct {
	x, gradient []float64 // of the point tried last
	value       float64
	passes      int
}

const (
	lower    = 1e-4 // c1 of the sufficient decrease
	flatter  = 0.9  // c2 of the curvature
	searches = 30   // evaluations at most
)

// trial is a step, with value and slope there.
type trial struct{ step, value, slope float64 }

// run reports whether a point was found; x, value and gradient are then its.
func (l *lineSearch) run(ctx context.Context, f objective, x, direction []float64, value, slope, step float64) (bool, error) {
	start := trial{0, value, slope}
	low, high := start, trial{step: math.Inf(1)}
	l.passes = 0
	for range searches {
		for i := range x {
			l.x[i] = x[i] + float64(step*direction[i])
		}
		v, err := f.evaluate(ctx, l.x, l.gradient)
		if err != nil {
			return false, err
		}
		l.passes++
		l.value = v
		t := trial{step, v, dot(direction, l.gradient)}
		// Close to the minimum the decrease is below what values resolve. The
		// slopes still tell (Hager and Zhang 2005: approximate Wolfe).
		near := v <= value+float64(1e-14*math.Abs(value)) && t.slope <= (2*lower-1)*slope
		down := v <= value+float64(lower*step*slope) || near
		switch {
		case down && math.Abs(t.slope) <= -flatter*slope:
			return true, nil
		case !down || t.slope >= 0 || math.IsNaN(v):
			high = t
		default:
			low = t
		}
		if math.IsInf(high.step, 1) {
			step *= 4
			continue
		}
		step = between(low, high)
		if step == low.step || step == high.step {
			break
		}
	}
	return false, nil
}

// between is where the cubic through both values and slopes has its minimum,
// kept off the ends.
func between(a, b trial) float64 {
	width := b.step - a.step
	at := a.step + float64(width/2)
	d1 := a.slope + b.slope - float64(3*(b.value-a.value))/width
	if root := float64(d1*d1) - float64(a.slope*b.slope); root >= 0 {
		d2 := math.Sqrt(root)
		if s := b.step - float64(width*((b.slope+d2-d1)/(b.slope-a.slope+2*d2))); s == s && !math.IsInf(s, 0) {
			at = s
		}
	}
	margin := float64(0.1 * width)
	return min(max(at, a.step+margin), b.step-margin)
}

func dot(a, b []float64) float64 {
	var s float64
	for i, v := range a {
		s += float64(v * b[i])
	}
	return s
}

func axpy(y []float64, a float64, x []float64) {
	for i, v := range x {
		y[i] += float64(a * v)
	}
}

func largest(x []float64) float64 {
	var m float64
	for _, v := range x {
		m = max(m, math.Abs(v))
	}
	return m
}

package logreg

import (
	"context"
	"math"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/threadpool"
)

// lanes is the number of classes that are computed side by side, as in
// [kernel.Float64]. Blocks of classes are filled up with zeros.
const lanes = 8

// The sizes of what is computed at once. No result depends on them.
const (
	chunkRows = 512 // rows that are in memory, standardised
	blockRows = 16  // rows of a chunk that one goroutine takes
	depth     = 256 // features whose weights stay in the nearest cache
)

// problem is what is minimised, or for items that are held out, evaluated.
//
// Parameters are kept as [kernel.Float64.Tiles] takes them: blocks of classes,
// [K/8][Dp][8]. Dp is D+1, rounded up to a multiple of 8: a feature that is
// always 1 follows the features of the items, and its weights are the
// intercepts. What fills up is 0 and stays 0.
type problem struct {
	data     Data
	standard *Standard
	inverse  []float64 // 1/scale
	classes  int
	weights  []float64 // of the classes
	total    float64   // of the weights of all items
	pool     *threadpool.Pool

	dp, panels, kblocks int
	loops               kernel.Float64

	// Of the chunk under way. The last row of each block of p is empty, so
	// that blocks don't compete for the same lines of a cache.
	stride  int       // values from one row of x to the next
	x       []float64 // [chunkRows][stride], standardised
	p       []float64 // [K/8][chunkRows+1][8], logits, then what is wrong with them
	loss    []float64 // [chunkRows], not weighted
	hit     []bool    // [chunkRows]
	workers []worker
}

const panelSize = (chunkRows + 1) * lanes

// worker is the memory of one goroutine.
type worker struct {
	rows []float32 // [blockRows][D], as they are read
}

// newProblem checks nothing but counts: that is up to its callers. weights are
// those of the classes, nil for 1.
func newProblem(data Data, standard *Standard, classes int, weights []float64, pool *threadpool.Pool) *problem {
	d := data.Features.Dim()
	p := &problem{
		data: data, standard: standard, classes: classes, weights: weights, pool: pool,
		panels: blocks(d+1, lanes), kblocks: blocks(classes, lanes), loops: kernel.NewFloat64(),
		inverse: make([]float64, d),
		loss:    make([]float64, chunkRows), hit: make([]bool, chunkRows),
	}
	p.dp = p.panels * lanes
	p.stride = p.dp
	if p.panels%2 == 0 {
		p.stride += lanes // or many rows share few places of a cache
	}
	p.x = make([]float64, chunkRows*p.stride)
	p.p = make([]float64, p.kblocks*panelSize)
	for i, s := range standard.Scale {
		p.inverse[i] = 1 / s
	}
	for _, n := range count(data.Labels, classes, weights) {
		p.total += n
	}
	p.workers = make([]worker, pool.Threads())
	for i := range p.workers {
		p.workers[i] = worker{make([]float32, blockRows*d)}
	}
	return p
}

// count is the sum of the weights of each class.
func count(labels []int, classes int, weights []float64) []float64 {
	n := make([]float64, classes)
	for _, label := range labels {
		n[label]++
	}
	for k := range weights {
		n[k] *= weights[k]
	}
	return n
}

// size is the number of parameters, with what fills up.
func (p *problem) size() int { return p.kblocks * p.dp * lanes }

// scores are sums over items.
type scores struct {
	loss, plain sum // weighted and not
	correct     int
}

// pass computes the scores of the parameters theta, and unless it is nil, adds
// the sum of the gradients of the weighted losses to gradient.
func (p *problem) pass(ctx context.Context, theta, gradient []float64) (scores, error) {
	var s scores
	n := p.data.Features.Rows()
	for first := 0; first < n; first += chunkRows {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		rows := min(chunkRows, n-first)
		err := parallel(p.pool, blocks(rows, blockRows), func(w, i int) error {
			from := i * blockRows
			return p.forward(&p.workers[w], theta, first, from, min(from+blockRows, rows))
		})
		if err != nil {
			return s, err
		}
		for i, label := range p.data.Labels[first : first+rows] {
			s.loss.add(float64(p.weight(label) * p.loss[i]))
			s.plain.add(p.loss[i])
			if p.hit[i] {
				s.correct++
			}
		}
		if gradient == nil {
			continue
		}
		_ = parallel(p.pool, p.panels, func(_, panel int) error {
			for kb := range p.kblocks {
				at := (kb*p.dp + panel*lanes) * lanes
				p.loops.Tiles(gradient[at:at+lanes*lanes], p.x[panel*lanes:], 1, p.stride, p.p[kb*panelSize:], rows)
			}
			return nil
		})
	}
	return s, nil
}

// answers calls answer with the probabilities [K] that theta gives each row, in
// order. They are valid until answer returns.
func (p *problem) answers(ctx context.Context, theta []float64, answer func(row int, probabilities []float64) error) error {
	p.weights = nil // what forward leaves is not to be weighted
	probabilities := make([]float64, p.classes)
	n := p.data.Features.Rows()
	for first := 0; first < n; first += chunkRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows := min(chunkRows, n-first)
		err := parallel(p.pool, blocks(rows, blockRows), func(w, i int) error {
			from := i * blockRows
			return p.forward(&p.workers[w], theta, first, from, min(from+blockRows, rows))
		})
		if err != nil {
			return err
		}
		for r := range rows {
			for k := range probabilities {
				probabilities[k] = p.p[k/lanes*panelSize+r*lanes+k%lanes]
			}
			probabilities[p.data.Labels[first+r]] = exp(-p.loss[r]) // in place of it less 1
			if err := answer(first+r, probabilities); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *problem) weight(label int) float64 {
	if p.weights == nil {
		return 1
	}
	return p.weights[label]
}

// forward handles the rows from..to-1 of the chunk that begins with row first.
func (p *problem) forward(w *worker, theta []float64, first, from, to int) error {
	d := p.data.Features.Dim()
	rows := w.rows[:(to-from)*d]
	if err := readChecked(p.data.Features, rows, first+from); err != nil {
		return err
	}
	for r := from; r < to; r++ {
		x := p.x[r*p.stride:][:p.dp]
		p.loops.Standardize(x[:d], rows[(r-from)*d:][:d], p.standard.Mean, p.inverse)
		x[d] = 1
	}
	for kb := range p.kblocks {
		z := p.p[kb*panelSize:][from*lanes : to*lanes]
		clear(z)
		for at := 0; at < p.dp; at += depth {
			n := min(depth, p.dp-at)
			p.loops.Tiles(z, p.x[from*p.stride+at:], p.stride, 1, theta[(kb*p.dp+at)*lanes:], n)
		}
	}
	for r := from; r < to; r++ {
		p.softmax(r, p.data.Labels[first+r])
	}
	return nil
}

// softmax makes of the logits of row r of the chunk its loss, and of each
// logit the derivative of the weighted loss by it: weight * (probability - 1 at
// the label).
func (p *problem) softmax(r, label int) {
	row := func(kb int) []float64 {
		return p.p[kb*panelSize+r*lanes:][:min(lanes, p.classes-kb*lanes)]
	}
	top, best := math.Inf(-1), -1
	for kb := range p.kblocks {
		for k, z := range row(kb) {
			if z > top {
				top, best = z, kb*lanes+k
			}
		}
	}
	own := &row(label / lanes)[label%lanes]
	right := *own - top
	total := 0.0
	for kb := range p.kblocks {
		for k, z := range row(kb) {
			e := exp(z - top)
			row(kb)[k] = e
			total += e
		}
	}
	p.loss[r], p.hit[r] = log(total)-right, best == label
	scale := p.weight(label) / total
	for kb := range p.kblocks {
		for k, e := range row(kb) {
			row(kb)[k] = float64(e * scale)
		}
	}
	*own -= p.weight(label)
}

// sum adds up numbers with what rounding loses (Neumaier 1974), so that two
// losses that are nearly equal can be compared.
type sum struct{ value, lost float64 }

func (s *sum) add(v float64) {
	next := s.value + v
	if math.Abs(s.value) >= math.Abs(v) {
		s.lost += (s.value - next) + v
	} else {
		s.lost += (v - next) + s.value
	}
	s.value = next
}

func (s *sum) total() float64 { return s.value + s.lost }

// penalised is the function that is minimised, for a strength, with its
// gradient: the mean of the losses plus penalty/2 * |W|².
type penalised struct {
	*problem
	penalty float64
}

// penalty is that of scikit-learn's C in front of half the mean.
func (p *problem) penalty(c float64) float64 {
	if p.classes == 2 { // see the package comment
		c /= 2
	}
	return 1 / (c * p.total)
}

func (f *penalised) evaluate(ctx context.Context, theta, gradient []float64) (float64, error) {
	clear(gradient)
	s, err := f.pass(ctx, theta, gradient)
	if err != nil {
		return 0, err
	}
	for i, v := range theta {
		gradient[i] /= f.total
		if !f.intercept(i) {
			gradient[i] += float64(f.penalty * v)
		}
	}
	return s.loss.total()/f.total + float64(f.penalty/2*f.square(theta)), nil
}

// intercept reports whether a parameter is one, which is not penalised.
func (p *problem) intercept(i int) bool { return i/lanes%p.dp == p.data.Features.Dim() }

// square is |W|².
func (p *problem) square(theta []float64) float64 {
	var s sum
	for i, v := range theta {
		if !p.intercept(i) {
			s.add(float64(v * v))
		}
	}
	return s.total()
}

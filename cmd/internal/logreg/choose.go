package logreg

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// A Rule is how a strength was chosen.
type Rule int

const (
	// ByVal: the lowest log loss on the items held out for it.
	ByVal Rule = iota
	// ByCrossValidation: the lowest log loss on parts of the train items,
	// each answered by a fit on the others. No group is divided.
	ByCrossValidation
	// Middle: the middle of the strengths, of two the stronger penalty. There
	// was nothing to compare on.
	Middle
)

func (r Rule) String() string {
	switch r {
	case ByVal:
		return "log loss on val"
	case ByCrossValidation:
		return "log loss in cross-validation"
	}
	return "the middle one, since there is nothing to compare on"
}

// Strength is one row of the table: a fit on all train items, and how it does
// on those that are compared on.
type Strength struct {
	Trained
	// Val is for the val items; in cross-validation for the train items, each
	// answered by a fit on other parts, as far as their class occurs there;
	// all zero if there is nothing to compare on.
	Val Scores
}

// Choice is the outcome of [Choose].
type Choice struct {
	Model  *Model
	Table  []Strength // from the strongest penalty to the weakest that was tried
	Chosen int        // the row of the table that is Model's
	Rule   Rule
	Folds  int // parts of the cross-validation
}

// Choose fits the strengths on the train items, from the strongest penalty
// towards the weakest, each fit starting from the one before, until the log
// loss on val rises, and returns the model before that; of equals the more
// strongly penalised. A penalty that is weaker still would only take longer.
//
// Without val items (a nil Source, or no rows) the strength is chosen by
// cross-validation, if train has groups: whole groups are dealt to 5 parts, or
// as many as there are groups, the largest group first, each to the part with
// the fewest items. An item whose class has no items in the other parts is not
// compared on. If there are no groups, or fewer than two, or no item to compare
// on, the middle strength is taken.
func Choose(ctx context.Context, train, val Data, standard *Standard, classes int, o Options) (*Choice, error) {
	if o.Strengths == nil {
		o.Strengths = DefaultStrengths()
	}
	if len(o.Strengths) == 0 {
		return nil, errors.New("no strengths to choose from")
	}
	o.Strengths = slices.Compact(slices.Sorted(slices.Values(o.Strengths)))
	if err := o.check(train, classes); err != nil {
		return nil, err
	}
	if err := learnable(train.Labels, classes); err != nil {
		return nil, err
	}
	choice := &Choice{Rule: ByVal, Table: make([]Strength, len(o.Strengths))}
	if val.Features == nil || val.Features.Rows() == 0 {
		err := choice.crossValidate(ctx, train, classes, o)
		if err != nil {
			return nil, err
		}
		val = Data{}
	} else if err := o.check(val, classes); err != nil {
		return nil, err
	} else if val.Features.Dim() != train.Features.Dim() {
		return nil, errors.New("train and val have features of different length")
	}

	best := 0
	err := path(ctx, train, val, standard, classes, o, func(i int, p *problem, theta []float64, t Trained, s *Scores) bool {
		choice.Table[i].Trained = t
		if s != nil {
			choice.Table[i].Val = *s
		}
		loss, least := choice.Table[i].Val.Loss, choice.Table[best].Val.Loss
		better := i == 0 || loss < least
		if choice.Rule == Middle {
			better = i <= (len(o.Strengths)-1)/2
		}
		if better {
			best, choice.Model = i, p.model(theta)
		}
		if choice.Rule == ByVal && loss > least {
			choice.Table = choice.Table[:i+1]
			return false
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	choice.Chosen = best
	return choice, nil
}

// path fits each strength, and calls done with what came out, and with the
// scores on val if there are items, until done returns false. theta is valid
// until then.
func path(ctx context.Context, train, val Data, standard *Standard, classes int, o Options,
	done func(i int, p *problem, theta []float64, t Trained, val *Scores) (more bool)) error {
	pool := startThreads(o.Threads)
	defer pool.Close()
	p := newProblem(train, standard, classes, o.ClassWeights, pool)
	var held *problem
	if val.Features != nil {
		held = newProblem(val, standard, classes, nil, pool)
	}
	theta := make([]float64, p.size())
	for i, c := range o.Strengths {
		t, err := p.fit(ctx, theta, c, o)
		if err != nil {
			return err
		}
		var s *Scores
		if held != nil {
			scores, err := held.scores(ctx, theta)
			if err != nil {
				return err
			}
			s = &scores
		}
		if !done(i, p, theta, t, s) {
			return nil
		}
	}
	return nil
}

// crossValidate fills the table's Val and says by which rule to choose.
func (c *Choice) crossValidate(ctx context.Context, train Data, classes int, o Options) error {
	c.Rule = Middle
	parts := deal(train.Groups, 5)
	if len(parts) < 2 {
		return nil
	}
	losses := make([]sum, len(o.Strengths))
	scored := make([]Scores, len(o.Strengths))
	for _, part := range parts {
		rest, held := split(train, part)
		// The classes of the rest, numbered anew.
		number, rest, held, _ := renumber(rest, held, classes)
		if len(number) < 2 || len(held.Labels) == 0 {
			continue
		}
		standard, err := Measure(ctx, rest.Features, o.Threads)
		if err != nil {
			return err
		}
		fold := o
		fold.ClassWeights = renumberWeights(o.ClassWeights, number)
		err = path(ctx, rest, held, standard, len(number), fold, func(i int, _ *problem, _ []float64, _ Trained, s *Scores) bool {
			scored[i].N += s.N
			scored[i].Correct += s.Correct
			losses[i].add(float64(s.Loss * float64(s.N)))
			return true
		})
		if err != nil {
			return err
		}
	}
	if scored[0].N == 0 {
		return nil
	}
	c.Rule, c.Folds = ByCrossValidation, len(parts)
	for i := range scored {
		scored[i].Loss = losses[i].total() / float64(scored[i].N)
		c.Table[i].Val = scored[i]
	}
	return nil
}

// deal divides the items, whole groups, into parts of about the same size.
func deal(groups []int, parts int) [][]int {
	members := map[int][]int{}
	var order []int // of groups, by their first item
	for i, g := range groups {
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(members[b]), len(members[a])) })
	dealt := make([][]int, min(parts, len(order)))
	for _, g := range order {
		least := 0
		for i := range dealt {
			if len(dealt[i]) < len(dealt[least]) {
				least = i
			}
		}
		dealt[least] = append(dealt[least], members[g]...)
	}
	for _, part := range dealt {
		slices.Sort(part)
	}
	return dealt
}

// split divides the data into the items of a part, which is sorted, and the
// rest.
func split(data Data, part []int) (rest, held Data) {
	var others []int
	next := 0
	for i := range data.Labels {
		if next < len(part) && part[next] == i {
			next++
			continue
		}
		others = append(others, i)
	}
	return subset(data, others), subset(data, part)
}

func subset(data Data, rows []int) Data {
	labels := make([]int, len(rows))
	for i, r := range rows {
		labels[i] = data.Labels[r]
	}
	return Data{Features: NewSubset(data.Features, rows), Labels: labels}
}

// renumber numbers the classes that have items in rest; number is which class
// each was. Items of held that are of another class are left out; kept are the
// others, by their place in held.
func renumber(rest, held Data, classes int) (number []int, _, _ Data, kept []int) {
	at := make([]int, classes)
	for class, n := range count(rest.Labels, classes, nil) {
		at[class] = -1
		if n > 0 {
			at[class] = len(number)
			number = append(number, class)
		}
	}
	for i, class := range rest.Labels {
		rest.Labels[i] = at[class]
	}
	for i, class := range held.Labels {
		if at[class] >= 0 {
			kept = append(kept, i)
		}
	}
	held = subset(held, kept)
	for i, class := range held.Labels {
		held.Labels[i] = at[class]
	}
	return number, rest, held, kept
}

// renumberWeights returns the weights of the classes as renumber numbered them.
func renumberWeights(weights []float64, number []int) []float64 {
	if weights == nil {
		return nil
	}
	renumbered := make([]float64, len(number))
	for k, class := range number {
		renumbered[k] = weights[class]
	}
	return renumbered
}

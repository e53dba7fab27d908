package selection

import "context"

// limits say which hits of each label are kept: those of the lowest ranks.
type limits struct {
	samples []lowest
	over    []overflow
	items   int64 // how many are kept, negatives included
}

// overflow is how many hits of a label go beyond which limit.
type overflow struct{ most, balance int64 }

// limits finds them, or returns nil if everything is kept.
func (s *Selection) limits(ctx context.Context) (*limits, error) {
	if s.query.Limit == 0 && s.query.MaxPerClass == 0 && !s.query.Balance {
		return nil, nil
	}
	asked := len(s.query.Classes) // negatives have a number of their own
	have := make([]int64, asked)
	negatives := int64(0)
	err := s.judge(ctx, s.held != nil, func(c *candidate) error {
		switch {
		case c.reason != "":
		case c.hit.label < asked:
			have[c.hit.label]++
		default:
			negatives++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l := s.query.quotas(have)
	l.items = negatives
	for _, sample := range l.samples {
		l.items += sample.size
	}
	return l, s.judge(ctx, s.held != nil, func(c *candidate) error {
		if c.reason != "" || c.hit.label >= asked {
			return nil
		}
		if r := rank(s.query.Seed, c.hit); l.samples[c.hit.label].admits(r) {
			l.samples[c.hit.label].add(ranked{rank: r})
		}
		return nil
	})
}

// quotas sizes the samples of the labels from what they have.
func (q *Query) quotas(have []int64) *limits {
	l := &limits{samples: make([]lowest, len(have)), over: make([]overflow, len(have))}
	left := make([]int64, len(have))
	fewest := int64(0) // of the labels that have any
	for i, n := range have {
		left[i] = n
		if q.MaxPerClass > 0 {
			left[i] = min(n, q.MaxPerClass)
		}
		l.over[i].most = n - left[i]
		if left[i] > 0 && (fewest == 0 || left[i] < fewest) {
			fewest = left[i]
		}
	}
	if q.Balance {
		for i, n := range left {
			left[i] = min(n, fewest)
			l.over[i].balance = n - left[i]
		}
	}
	if q.Limit > 0 {
		left = share(q.Limit, left)
	}
	for i, n := range left {
		l.samples[i].size = n
	}
	return l
}

// refuse returns which limit a hit goes beyond, or "". Where several limits
// take hits of one label, the first ones go to the account of the first limit,
// and so on.
func (l *limits) refuse(seed uint64, h *hit) string {
	if h.label >= len(l.samples) {
		return ""
	}
	kept := l.samples[h.label].entries
	if len(kept) > 0 && rank(seed, h) <= kept[0].rank {
		return ""
	}
	over := &l.over[h.label]
	switch {
	case over.most > 0:
		over.most--
		return ReasonMost
	case over.balance > 0:
		over.balance--
		return ReasonBalance
	}
	return ReasonLimit
}

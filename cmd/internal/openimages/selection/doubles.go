package selection

import (
	"cmp"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// Doubles say what becomes of boxes that lie on one object under two labels:
// boxes of one photo under two of Query.Classes whose intersection is more than
// 0.7 of their union. Those are compared that no rule takes away but a limit, a
// shard or StrictAuthors.
type Doubles struct {
	// Drop takes them all away, for [ReasonDouble], before any limit.
	Drop bool
	// Seen, if set, is called with each box that is taken away and each of
	// its partners, in the order of the lists; or, without Drop, of those
	// that are emitted both. It names no more than 64 partners of a box.
	Seen func(Double) error
}

// A Double is a box and another one on the same object.
type Double struct {
	Key, Partner        string
	Label, PartnerLabel int     // positions in Query.Classes
	IoU                 float64 // intersection over union
}

// A LabelPair is two labels, by their positions in Query.Classes, the lower one
// first, and how many pairs of boxes on one object have them.
type LabelPair struct {
	Labels [2]int
	Pairs  int64
}

// doubleCounts are the boxes on one object of a batch or of a selection.
type doubleCounts struct {
	boxes int64
	pairs map[[2]int]int64
	seen  []Double // of a batch, for Doubles.Seen
}

// maxPartners bounds the partners of a box that are named.
const maxPartners = 64

// Doubles returns how many boxes on one object under two labels there were,
// taken away or emitted, and their pairs by labels, the most frequent first.
func (s *Selection) Doubles() (boxes int64, pairs []LabelPair) {
	for labels, n := range s.doubles.pairs {
		pairs = append(pairs, LabelPair{labels, n})
	}
	slices.SortFunc(pairs, func(a, b LabelPair) int {
		return cmp.Or(cmp.Compare(b.Pairs, a.Pairs), slices.Compare(a.Labels[:], b.Labels[:]))
	})
	return s.doubles.boxes, pairs
}

// add adds the counts of a batch.
func (d *doubleCounts) add(batch *doubleCounts, seen func(Double) error) error {
	d.boxes += batch.boxes
	for labels, n := range batch.pairs {
		if d.pairs == nil {
			d.pairs = map[[2]int]int64{}
		}
		d.pairs[labels] += n
	}
	for _, double := range batch.seen {
		if err := seen(double); err != nil {
			return err
		}
	}
	return nil
}

// count counts a candidate and those of its partners that wanted accepts.
func (d *doubleCounts) count(q *Query, c *candidate, wanted func(*match) bool) {
	named := 0
	for _, i := range c.doubles.partners(c.at) {
		partner := &c.group.all[i]
		if !wanted(partner) {
			continue
		}
		if named++; named == 1 {
			d.boxes++
		}
		if i < c.at { // each pair once
			if d.pairs == nil {
				d.pairs = map[[2]int]int64{}
			}
			d.pairs[[2]int{min(c.match.label, partner.label), max(c.match.label, partner.label)}]++
		}
		if q.Doubles.Seen != nil && named <= maxPartners {
			d.seen = append(d.seen, Double{
				c.match.row().Key(), partner.row().Key(), c.match.label, partner.label, openimages.IoU(&c.match.box, &partner.box),
			})
		}
	}
}

// doubles finds the boxes of a photo that lie on one object under two labels.
type doubles struct {
	q     *Query
	all   []match
	order []int // of the boxes that are compared, by XMin
	where []int // the place in order of each box, or -1
}

// of prepares for the boxes of a photo, of which some are alike or clash.
func (d *doubles) of(q *Query, all []match, alike, clash []bool) {
	d.order, d.where = d.order[:0], d.where[:0]
	if q.ImageLabels || !slices.ContainsFunc(all, func(m match) bool { return m.label != all[0].label }) {
		return
	}
	d.q, d.all = q, all
	for i := range all {
		d.where = append(d.where, -1)
		if m := &all[i]; m.label < len(q.Classes) && !alike[i] && !clash[i] && (&openimages.BoxRow{Box: m.box}).Sane() {
			d.order = append(d.order, i)
		}
	}
	slices.SortStableFunc(d.order, func(a, b int) int { return cmp.Compare(all[a].box.XMin, all[b].box.XMin) })
	for at, i := range d.order {
		d.where[i] = at
	}
}

// partners yields the boxes on one object with a box, by their positions and in
// this order, if that box is wanted itself.
func (d *doubles) partners(of int) []int {
	if len(d.order) < 2 || d.where[of] < 0 {
		return nil
	}
	var found []int
	m, at := &d.all[of], d.where[of]
	look := func(i int) {
		if o := &d.all[i]; o.label != m.label && openimages.OneObject(&m.box, &o.box) && d.wanted(o) {
			found = append(found, i)
		}
	}
	// Of two boxes that meet in a share s of their union, the width that
	// both have is at least s of either's width.
	width := m.box.XMax - m.box.XMin
	for k := at - 1; k >= 0 && m.box.XMin-d.all[d.order[k]].box.XMin < width*(1/openimages.MinOverlap-1); k-- {
		look(d.order[k])
	}
	for k := at + 1; k < len(d.order) && d.all[d.order[k]].box.XMin-m.box.XMin < width*(1-openimages.MinOverlap); k++ {
		look(d.order[k])
	}
	if len(found) == 0 || !d.wanted(m) {
		return nil
	}
	slices.Sort(found)
	return found
}

// wanted reports whether no filter takes a box away.
func (d *doubles) wanted(m *match) bool { return d.q.Refuse == nil || d.q.Refuse(m.row()) == "" }

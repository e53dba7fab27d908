package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/record"
)

// A Slice is the items that have something in common, such as being partly
// hidden, and how the model did on them.
type Slice struct {
	By       string           `json:"by"`
	Value    string           `json:"value"`
	Items    int64            `json:"items"`
	Groups   int              `json:"groups"`
	Accuracy float64          `json:"accuracy"`
	Interval metrics.Interval `json:"accuracy_interval"`
	TooFew   bool             `json:"too_few_to_judge,omitempty"` // groups
}

// dimensions are what items are told apart by, each with the value of an item,
// "" for none.
func dimensions() []dimension {
	flag := func(name string, of func(*record.Box) int) dimension {
		return dimension{name, func(item *record.Item, _ bool) string {
			if item.Box == nil {
				return ""
			}
			switch of(item.Box) {
			case 1:
				return "yes"
			case 0:
				return "no"
			}
			return "unknown"
		}}
	}
	return []dimension{
		{"short side", func(item *record.Item, _ bool) string { return shortSide(item.Crop) }},
		flag("occluded", func(b *record.Box) int { return b.Occluded }),
		flag("truncated", func(b *record.Box) int { return b.Truncated }),
		flag("group of", func(b *record.Box) int { return b.GroupOf }),
		flag("depiction", func(b *record.Box) int { return b.Depiction }),
		flag("inside", func(b *record.Box) int { return b.Inside }),
		{"subset", func(item *record.Item, _ bool) string { return item.Subset }},
		{"source", func(item *record.Item, _ bool) string {
			if item.Fetched == nil {
				return ""
			}
			return item.Fetched.Source
		}},
		{"author in train", func(_ *record.Item, shared bool) string {
			if shared {
				return "yes"
			}
			return "no"
		}},
	}
}

// A dimension is one way to divide items.
type dimension struct {
	name  string
	value func(item *record.Item, shared bool) string
}

// shortSide says how large a box is in the stored picture.
func shortSide(crop *record.Crop) string {
	if crop == nil {
		return ""
	}
	low := 0
	for _, high := range []int{32, 64, 128, 256} {
		if min(crop.Width, crop.Height) < high {
			return fmt.Sprintf("%d to %d px", low, high-1)
		}
		low = high
	}
	return fmt.Sprintf("%d px or more", low)
}

// sliceValues are the values of an item, by dimension: its place among the
// values of a slicer.
type sliceValues [9]uint8

// A slicer numbers the values of each dimension in the order in which they
// come. The zero slicer is ready for use.
type slicer struct {
	dimensions []dimension
	seen       [len(sliceValues{})][]string
}

// values returns those of an item. Beyond 255 different values of one
// dimension the rest are one.
func (s *slicer) values(item *record.Item, shared bool) (v sliceValues) {
	if s.dimensions == nil {
		s.dimensions = dimensions()
	}
	for i, d := range s.dimensions {
		value := d.value(item, shared)
		at := slices.Index(s.seen[i], value)
		if at < 0 {
			if at = len(s.seen[i]); at == 255 {
				value = "other"
			}
			if at > 255 {
				at = 255
			} else {
				s.seen[i] = append(s.seen[i], value)
			}
		}
		v[i] = uint8(at)
	}
	return v
}

// names returns the values of dimensions in which items differ.
func (s *slicer) names(v sliceValues) map[string]string {
	names := map[string]string{}
	for i, d := range s.dimensions {
		if value := s.seen[i][v[i]]; value != "" && len(s.seen[i]) > 1 {
			names[d.name] = value
		}
	}
	return names
}

// slices returns the slices of all dimensions in which items differ, those that
// the model does worst on first; but last those of too few groups to judge.
func (d *details) slices(groups []int32) []Slice {
	list := []Slice{}
	for i, dim := range d.slicer.dimensions {
		values := d.slicer.seen[i]
		if len(values) < 2 {
			continue
		}
		by := make([]shares, len(values))
		for k := range by {
			by[k] = shares{}
		}
		for n, x := range d.answers {
			by[x.slices[i]].add(groups[n], x.truth == x.predicted)
		}
		for k, value := range values {
			if value == "" {
				continue
			}
			s := Slice{By: dim.name, Value: value, Groups: len(by[k]), TooFew: len(by[k]) < enoughGroups, Interval: *by[k].interval()}
			var right int64
			for _, g := range by[k] {
				s.Items, right = s.Items+g.Total, right+g.Right
			}
			s.Accuracy = float64(right) / float64(s.Items)
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Slice) int {
		few := func(s Slice) int {
			if s.TooFew {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(few(a), few(b)), cmp.Compare(a.Accuracy, b.Accuracy), cmp.Compare(b.Items, a.Items), cmp.Compare(a.By, b.By), cmp.Compare(a.Value, b.Value))
	})
	return list
}

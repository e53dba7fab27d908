package record

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// encodeHeader returns the canonical bytes of h, to compare headers by.
func encodeHeader(h *Header) []byte {
	e := &encoder{limits: DefaultLimits(), check: newFixedWindow(nil), inline: true}
	headerObject.write(e, h)
	return e.buf
}

// MergeHeaders returns a header that stands for the segments of both: the
// classes are the union, sorted by name and then MID, the stages those of a and
// then those that b adds, and the expected items are added up. Neither a nor b
// is changed; a may be nil.
func MergeHeaders(a, b *Header) *Header {
	m := &Header{Version: Version, Completeness: b.Completeness}
	if a == nil {
		a = &Header{}
	}
	if m.Completeness == "" {
		m.Completeness = a.Completeness
	}
	m.Classes = mergeClasses(a.Classes, b.Classes)
	m.Stages = slices.Clone(a.Stages)
	for i := range b.Stages {
		if !slices.ContainsFunc(m.Stages, b.Stages[i].equal) {
			m.Stages = append(m.Stages, b.Stages[i])
		}
	}
	m.Expected = a.Expected + min(b.Expected, math.MaxInt64-a.Expected) // anybody may have written them
	m.Extra = mergeFields(a.Extra, b.Extra)
	return m
}

// difference says in words where two headers differ first.
func difference(a, b *Header) string {
	for i := range min(len(a.Stages), len(b.Stages)) {
		s, t := a.Stages[i], b.Stages[i]
		switch {
		case s.Tool != t.Tool:
			return fmt.Sprintf("stage %d is %.40s in one, %.40s in the other", i+1, s.Tool, t.Tool)
		case s.Version != t.Version:
			return fmt.Sprintf("%.40s is of version %.80q in one, of %.80q in the other", s.Tool, s.Version, t.Version)
		}
		for _, name := range slices.Sorted(maps.Keys(mergeArgs(s.Args, t.Args))) {
			if v, w := s.Args[name], t.Args[name]; v != w {
				return fmt.Sprintf("%.40s ran with %.40s %.80q in one, %.80q in the other", s.Tool, name, v, w)
			}
		}
	}
	switch {
	case len(a.Stages) != len(b.Stages):
		return fmt.Sprintf("%d stages in one, %d in the other", len(a.Stages), len(b.Stages))
	case !bytes.Equal(encodeHeader(&Header{Classes: a.Classes}), encodeHeader(&Header{Classes: b.Classes})):
		return "other classes"
	}
	return "one has a field that the other has not"
}

// mergeArgs returns the arguments of both.
func mergeArgs(a, b map[string]string) map[string]string {
	all := make(map[string]string, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// mergeClasses returns the union, sorted by name and then MID. Of two entries of
// one class the one that knows its supercategory stays.
func mergeClasses(a, b []Class) []Class {
	all := slices.Concat(a, b)
	order := func(x, y Class) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.MID, y.MID))
	}
	slices.SortStableFunc(all, func(x, y Class) int {
		return cmp.Or(order(x, y), cmp.Compare(min(len(y.Supercategory), 1), min(len(x.Supercategory), 1)))
	})
	return slices.CompactFunc(all, func(x, y Class) bool { return order(x, y) == 0 })
}

// mergeFields returns a and those fields of b whose keys a does not have.
func mergeFields(a, b []Field) []Field {
	if len(b) == 0 {
		return a
	}
	all := slices.Clone(a)
	for _, f := range b {
		if !slices.ContainsFunc(a, func(g Field) bool { return g.Key == f.Key }) {
			all = append(all, f)
		}
	}
	return all
}

// equal reports whether two entries of the provenance say the same.
func (s Stage) equal(t Stage) bool {
	if s.Tool != t.Tool || s.Version != t.Version || len(s.Args) != len(t.Args) {
		return false
	}
	for k, v := range s.Args {
		if w, ok := t.Args[k]; !ok || v != w {
			return false
		}
	}
	return slices.EqualFunc(s.Extra, t.Extra, func(x, y Field) bool {
		return x.Key == y.Key && bytes.Equal(x.Value, y.Value)
	})
}

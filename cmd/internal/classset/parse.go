package classset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A ConflictError is a request that contradicts itself.
type ConflictError struct{ Problem string }

func (e *ConflictError) Error() string { return e.Problem }

// Parse reads the arguments that ask for labels and those that leave classes
// out. With below, each class stands for the kinds below it too, as what is
// left out always does. The order does not matter. The error joins everything
// that is wrong: an *openimages.UnknownClassError for each name that is none,
// and *ConflictError.
func Parse(names *openimages.Classes, labels, without []string, below bool) (*Set, error) {
	p := &parser{names: names, below: below}
	s := &Set{}
	for _, text := range labels {
		s.Labels = append(s.Labels, p.labels(text)...)
	}
	p.below = true
	for _, text := range without {
		s.Without = append(s.Without, p.list(text)...)
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	s.Without = tidy(s.Without)
	var err error
	if s.Labels, err = merge(s.Labels); err != nil {
		return nil, err
	}
	return s, s.check()
}

type parser struct {
	names *openimages.Classes
	below bool
	errs  []error
}

// labels reads an argument: mostly one label, but a list with commas is no
// crime.
func (p *parser) labels(text string) []Label {
	text = unquote(text)
	l, err := p.label(text)
	if err == nil {
		return []Label{l}
	}
	if parts := split(text, commas); len(parts) > 1 {
		var list []Label
		for _, part := range parts {
			part, e := p.label(unquote(part))
			if e != nil {
				err = e
				break
			}
			list = append(list, part)
		}
		if len(list) == len(parts) {
			return list
		}
	}
	p.errs = append(p.errs, err)
	return nil
}

// list reads classes that need no label.
func (p *parser) list(text string) []Term {
	t, err := p.term(unquote(text))
	if err == nil {
		return []Term{t}
	}
	var terms []Term
	for _, l := range p.labels(text) {
		terms = append(terms, l.Terms...)
	}
	return terms
}

// label reads one label. A text that is a class's name as it stands is that
// class, whatever signs are in it.
func (p *parser) label(text string) (Label, error) {
	t, err := p.term(text)
	if err == nil {
		return Label{Name: t.Class.Name, Terms: []Term{t}}, nil
	}
	l := Label{}
	if name, rest, ok := cutAny(text, equals); ok && trim(name) != "" {
		l.Name, l.named, text = norm.NFC.String(trim(name)), true, rest
	}
	for _, part := range split(text, pluses) {
		t, err := p.term(unquote(part))
		if err != nil {
			return Label{}, err
		}
		l.Terms = append(l.Terms, t)
	}
	l.Terms = tidy(l.Terms)
	if !l.named {
		var names []string
		for _, t := range l.Terms {
			names = append(names, t.Class.Name)
		}
		l.Name = strings.Join(names, "+")
	}
	return l, nil
}

// term reads one class.
func (p *parser) term(text string) (Term, error) {
	if _, minus := CutMinus(text); minus {
		// Names are found without regard to hyphens, but who writes one
		// in front means the opposite.
		return Term{}, &openimages.UnknownClassError{Query: trim(text)}
	}
	class, err := p.names.Find(text)
	if err == nil {
		return Term{class, p.below}, nil
	}
	bare, slash := CutSlash(text)
	if !slash {
		return Term{}, err
	}
	class, err = p.names.Find(bare)
	return Term{class, true}, err
}

// tidy sorts terms and makes one of those for the same class.
func tidy(terms []Term) []Term {
	slices.SortFunc(terms, func(a, b Term) int { return byName(a.Class, b.Class) })
	var tidied []Term
	for _, t := range terms {
		if last := len(tidied) - 1; last >= 0 && tidied[last].Class == t.Class {
			tidied[last].Below = tidied[last].Below || t.Below
			continue
		}
		tidied = append(tidied, t)
	}
	return tidied
}

// merge sorts labels and makes one of those that are the same.
func merge(labels []Label) ([]Label, error) {
	slices.SortStableFunc(labels, func(a, b Label) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), byName(a.Terms[0].Class, b.Terms[0].Class))
	})
	var merged []Label
	for _, l := range labels {
		last := len(merged) - 1
		if last < 0 || merged[last].Name != l.Name {
			merged = append(merged, l)
			continue
		}
		before := &merged[last]
		switch {
		case before.named != l.named:
			return nil, &ConflictError{fmt.Sprintf("label %s is a class and a name of something else", l.Name)}
		case !l.named && !sameClasses(before.Terms, l.Terms):
			merged = append(merged, l) // two classes of one name
		default:
			before.Terms = tidy(slices.Concat(before.Terms, l.Terms))
		}
	}
	return merged, nil
}

func sameClasses(a, b []Term) bool {
	return slices.EqualFunc(a, b, func(a, b Term) bool { return a.Class == b.Class })
}

// check refuses a class that is named for two purposes: its boxes can go to one
// only.
func (s *Set) check() error {
	var errs []error
	before := map[openimages.Class][]owner{}
	for _, a := range s.owners() {
		for _, b := range before[a.Class] {
			problem := fmt.Sprintf("%s is asked for and left out", a.Class.Name)
			if a.label != nobody {
				problem = fmt.Sprintf("%s is asked for under %s and under %s", a.Class.Name, s.Labels[b.label].Name, s.Labels[a.label].Name)
			}
			errs = append(errs, &ConflictError{problem})
		}
		before[a.Class] = append(before[a.Class], a)
	}
	return errors.Join(errs...)
}

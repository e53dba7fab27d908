// Package classset works out what a person asks for: labels that are made of
// classes, and which label the boxes of each class get.
//
// Each argument is one label:
//
//	Vehicle                  the class alone
//	Vehicle/                 the class and all kinds below it
//	Hamburger+Pizza          the boxes of several classes under one label
//	fast=Hamburger+Pizza/    and under that name
//
// A slash after a name means what it means after a folder's: that, and what is
// in it. None of / + = is special to a shell within a word, so nothing needs
// quotes; a star would be a pattern, and a hyphen in front an option. Therefore
// an option of its own says what is to be left out.
//
// Where several of the classes named, wanted or unwanted, apply to a box, the
// most specific one decides.
package classset

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/commalist"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A Term is a class, alone or with all kinds below it.
type Term struct {
	Class openimages.Class
	Below bool
}

// String returns the canonical form, by MID.
func (t Term) String() string {
	if t.Below {
		return t.Class.MID + "/"
	}
	return t.Class.MID
}

// A Label is what the boxes of some classes are called.
type Label struct {
	Name  string
	Terms []Term // sorted by the classes' names
	named bool   // by a person: no class's name
}

// String returns the canonical form, by MID.
func (l Label) String() string {
	var terms []string
	for _, t := range l.Terms {
		terms = append(terms, t.String())
	}
	text := strings.Join(terms, "+")
	if l.named {
		text = l.Name + "=" + text
	}
	return text
}

// Class is the label as a class. The MID is empty where the label is made of
// several classes.
func (l Label) Class() openimages.Class {
	if len(l.Terms) == 1 && !l.named {
		return l.Terms[0].Class
	}
	return openimages.Class{Name: l.Name}
}

// A Set is what is asked for.
type Set struct {
	Labels  []Label // sorted by name
	Without []Term  // what no label gets, sorted by the classes' names
}

// Classes returns the labels as classes.
func (s *Set) Classes() []openimages.Class {
	var list []openimages.Class
	for _, l := range s.Labels {
		list = append(list, l.Class())
	}
	return list
}

// Args returns the canonical form of the labels and of what is left out, each a
// commalist. Sets that mean the same have the same form.
func (s *Set) Args() (labels, without string) {
	var list []string
	for _, l := range s.Labels {
		list = append(list, l.String())
	}
	labels = commalist.Join(list)
	list = nil
	for _, t := range s.Without {
		list = append(list, t.String())
	}
	return labels, commalist.Join(list)
}

// An owner is a term and whose it is: a position in Labels, or nobody.
type owner struct {
	Term
	label int
}

const nobody = -1

func (s *Set) owners() []owner {
	var list []owner
	for i, l := range s.Labels {
		for _, t := range l.Terms {
			list = append(list, owner{t, i})
		}
	}
	for _, t := range s.Without {
		list = append(list, owner{t, nobody})
	}
	return list
}

// Assign says which label the boxes of each MID get, as positions in Labels. A
// MID that is named goes to who names it. One below goes to the most specific
// term with kinds below: one that is no ancestor of another such term, and
// among several of those the one fewest steps up, then the first. What goes to
// Without is left out.
func (s *Set) Assign(h *openimages.Hierarchy) map[string]int {
	var above []openimages.Class
	var whose []int
	owners := s.owners()
	for _, o := range owners {
		if o.Below {
			above = append(above, o.Class)
			whose = append(whose, o.label)
		}
	}
	assigned := map[string]int{}
	for mid, i := range h.Assign(above, true) {
		assigned[mid] = whose[i]
	}
	for _, o := range owners {
		assigned[o.Class.MID] = o.label
	}
	for mid, label := range assigned {
		if label == nobody {
			delete(assigned, mid)
		}
	}
	return assigned
}

// Related returns the MIDs of the classes named, and of all they are kinds of
// and all kinds of them: what their boxes may be too.
func (s *Set) Related(h *openimages.Hierarchy) map[string]bool {
	related := s.Kinds(h)
	for _, l := range s.Labels {
		maps.Copy(related, l.ancestors(h))
	}
	return related
}

// Kinds returns the MIDs of the classes named and of all kinds of them: who
// sees one of these sees what is asked for.
func (s *Set) Kinds(h *openimages.Hierarchy) map[string]bool {
	kinds := map[string]bool{}
	for _, l := range s.Labels {
		for _, t := range l.Terms {
			kinds[t.Class.MID] = true
			for _, mid := range h.Descendants(t.Class.MID) {
				kinds[mid] = true
			}
		}
	}
	return kinds
}

// The following three are for labels of whole photos, of which one can have
// several.

// Vetoes returns for each label the MIDs that keep a photo out of it: those
// that go to Without, except what a class of the label is more specific than.
// Labels that have the same MIDs share the map.
func (s *Set) Vetoes(h *openimages.Hierarchy) []map[string]bool {
	assigned := s.Assign(h)
	kinds := make([][]string, len(s.Without)) // that no label asks for
	for i, w := range s.Without {
		for _, mid := range append(h.Descendants(w.Class.MID), w.Class.MID) {
			if _, asked := assigned[mid]; !asked {
				kinds[i] = append(kinds[i], mid)
			}
		}
	}
	vetoes := make([]map[string]bool, len(s.Labels))
	shared := map[string]map[string]bool{}
	for i, l := range s.Labels {
		above := l.ancestors(h)
		var used []byte // a bit for each of Without, as text
		for _, w := range s.Without {
			used = strconv.AppendBool(used, !above[w.Class.MID])
		}
		if shared[string(used)] == nil {
			veto := map[string]bool{}
			for j, w := range s.Without {
				if !above[w.Class.MID] {
					for _, mid := range kinds[j] {
						veto[mid] = true
					}
				}
			}
			shared[string(used)] = veto
		}
		vetoes[i] = shared[string(used)]
	}
	return vetoes
}

// ancestors returns the MIDs of what the label's classes are kinds of.
func (l Label) ancestors(h *openimages.Hierarchy) map[string]bool {
	above := map[string]bool{}
	for _, t := range l.Terms {
		for _, mid := range h.Ancestors(t.Class.MID) {
			above[mid] = true
		}
	}
	return above
}

// named returns the terms of all labels by MID. A class is named by one label
// only.
func (s *Set) named() map[string]owner {
	named := map[string]owner{}
	for i, l := range s.Labels {
		for _, t := range l.Terms {
			named[t.Class.MID] = owner{t, i}
		}
	}
	return named
}

// MoreSpecific returns a function that reports whether a class of label a is a
// kind of one of label b.
func (s *Set) MoreSpecific(h *openimages.Hierarchy) func(a, b int) bool {
	wins := map[[2]int]bool{}
	named := s.named()
	for i, a := range s.Labels {
		for mid := range a.ancestors(h) {
			if b, ok := named[mid]; ok && b.label != i {
				wins[[2]int{i, b.label}] = true
			}
		}
	}
	return func(a, b int) bool { return wins[[2]int{a, b}] }
}

// Denials returns for each class the MIDs of which one must be denied of a
// photo that is not to show it: its own, and those of what it is a kind of.
func (s *Set) Denials(h *openimages.Hierarchy) [][]string {
	var groups [][]string
	for _, l := range s.Labels {
		for _, t := range l.Terms {
			groups = append(groups, append(h.Ancestors(t.Class.MID), t.Class.MID))
		}
	}
	return groups
}

// A Kinship is a class asked for that is a kind of another one, under another
// label.
type Kinship struct {
	Ancestor, Descendant openimages.Class
	To                   string // the descendant's label
	Below                bool   // the ancestor's kinds below are asked for too
}

// Kin returns the kinships between different labels, sorted by the classes'
// names.
func (s *Set) Kin(h *openimages.Hierarchy) []Kinship {
	var kin []Kinship
	named := s.named()
	for i, l := range s.Labels {
		for _, t := range l.Terms {
			for _, mid := range h.Ancestors(t.Class.MID) {
				if u, ok := named[mid]; ok && u.label != i && mid != t.Class.MID {
					kin = append(kin, Kinship{u.Class, t.Class, l.Name, u.Below})
				}
			}
		}
	}
	slices.SortFunc(kin, func(a, b Kinship) int {
		return cmp.Or(byName(a.Descendant, b.Descendant), byName(a.Ancestor, b.Ancestor))
	})
	return kin
}

// Idle returns the terms of Without that take nothing out.
func (s *Set) Idle(h *openimages.Hierarchy) []Term {
	with := s.Assign(h)
	var idle []Term
	for i, t := range s.Without {
		rest := &Set{s.Labels, slices.Delete(slices.Clone(s.Without), i, i+1)}
		if len(rest.Assign(h)) == len(with) {
			idle = append(idle, t)
		}
	}
	return idle
}

func byName(a, b openimages.Class) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.MID, b.MID))
}

package dataset

import (
	"maps"
	"slices"

	"github.com/opensandwich/oi/record"
)

// Groups finds which items go together: those of one photo, which is one
// ImageID or the same bytes, and those of one author, transitively. An author
// is known for a photo if one of its items names him.
//
// The zero Groups is empty and ready for use.
type Groups struct {
	numbers map[tag]int32 // of authors, ids and files
	sets    disjoint
	authors []bool // by number; only that of a representative counts
}

// Add returns the number of an item's group, which may be one of several
// that are the same, see Find.
func (g *Groups) Add(item *record.Item) int {
	author := AuthorOf(item)
	first := int32(-1)
	join := func(name string) {
		n := g.number(name)
		if first < 0 {
			first = n
		}
		g.unite(first, n)
	}
	if author != "" {
		join(author)
	}
	if item.ID != "" {
		join(Group("", "", item.ID))
	}
	if file := FileOf(item); file != (Picture{}) {
		join("file:" + file.String())
	}
	if first < 0 {
		join("key:" + KeyOf(item))
	}
	if author != "" {
		g.authors[g.sets.find(first)] = true
	}
	return int(first)
}

// Find returns the number that represents a whole group. It may change with
// every Add.
func (g *Groups) Find(n int) int { return int(g.sets.find(int32(n))) }

// Clone returns a copy, which changes without this one.
func (g *Groups) Clone() *Groups {
	return &Groups{numbers: maps.Clone(g.numbers), sets: g.sets.clone(), authors: slices.Clone(g.authors)}
}

// Join makes one group of those of two numbers, for whatever other reason.
func (g *Groups) Join(a, b int) { g.unite(int32(a), int32(b)) }

// HasAuthor reports whether an author is known of a group.
func (g *Groups) HasAuthor(n int) bool { return g.authors[g.Find(n)] }

func (g *Groups) number(name string) int32 {
	n, ok := g.numbers[tagOf(name)]
	if !ok {
		if g.numbers == nil {
			g.numbers = map[tag]int32{}
		}
		n = g.sets.add()
		g.numbers[tagOf(name)], g.authors = n, append(g.authors, false)
	}
	return n
}

func (g *Groups) unite(a, b int32) {
	known := g.authors[g.sets.find(a)] || g.authors[g.sets.find(b)]
	g.sets.unite(a, b)
	g.authors[g.sets.find(a)] = known
}

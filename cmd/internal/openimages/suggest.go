package openimages

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opensandwich/oi/cmd/internal/editdistance"
)

// near returns up to n classes that may have been meant, the nearest first: by
// the number of edits between the names, but those that the query names but
// for an addition such as " (Animal)" before all others. A class that agrees
// with the query in less than half of its letters is not near, unless the query
// is a part of its name.
func (c *Classes) near(query string, n int) []Class {
	type candidate struct {
		class    Class
		distance int
		within   int // 0 if the query is a part of the name, else 1
	}
	const longest = 200 // no name is near a longer query
	if utf8.RuneCountInString(query) > longest {
		return nil
	}
	form := bare(fold(query))
	letters := []rune(form)
	slips := max(1, len(letters)/2)
	var candidates []candidate
	for i, class := range c.list {
		name := c.bare[i]
		d := editdistance.Levenshtein(letters, []rune(name))
		if plain, _, added := strings.Cut(class.Name, " ("); added && bare(fold(plain)) == form {
			d = 0
		}
		within := 1
		if len(letters) >= 3 && strings.Contains(name, form) {
			within = 0
		}
		if d <= slips || within == 0 {
			candidates = append(candidates, candidate{class, d, within})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.within, b.within))
	})
	var near []Class
	for _, candidate := range candidates[:min(n, len(candidates))] {
		near = append(near, candidate.class)
	}
	return near
}

package openimages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An UnknownClassError is a query that names no class, or several.
type UnknownClassError struct {
	Query string
	Same  []Class // the classes it may mean equally well; none if unknown
	Near  []Class // else those with names like it, the nearest first
}

func (e *UnknownClassError) Error() string {
	if len(e.Same) > 0 {
		var names []string
		for _, class := range e.Same {
			names = append(names, fmt.Sprintf("%s (%s)", class.Name, class.MID))
		}
		return fmt.Sprintf("class %q is ambiguous: %s", e.Query, strings.Join(names, ", "))
	}
	return fmt.Sprintf("no class %q", e.Query)
}

// Hint returns what to try instead, or "".
func (e *UnknownClassError) Hint() string {
	var names []string
	for _, class := range e.Near {
		names = append(names, class.Name)
	}
	switch {
	case len(e.Same) > 0:
		return "name it by its MID"
	case len(names) == 0:
		return ""
	case len(names) == 1:
		return fmt.Sprintf("did you mean %s?", names[0])
	}
	last := len(names) - 1
	return fmt.Sprintf("did you mean %s or %s?", strings.Join(names[:last], ", "), names[last])
}

// Find returns the class that a person means by query: a MID, or a name
// without regard to case, spaces, underscores and hyphens, in the singular or
// a simple plural. The exact name wins over the others. The error is an
// *UnknownClassError.
func (c *Classes) Find(query string) (Class, error) {
	query = strings.TrimSpace(query)
	if i, ok := c.byMID[query]; ok {
		return c.list[i], nil
	}
	for _, form := range forms(fold(query)) {
		found := c.byForm[form]
		if len(found) == 1 {
			return c.list[found[0]], nil
		}
		if len(found) > 1 {
			return c.exact(query, found)
		}
	}
	return Class{}, &UnknownClassError{Query: query, Near: c.near(query, 3)}
}

// exact decides between classes whose names differ in case or spaces only.
func (c *Classes) exact(query string, found []int) (Class, error) {
	var same, exact []Class
	for _, i := range found {
		same = append(same, c.list[i])
		if c.list[i].Name == query {
			exact = append(exact, c.list[i])
		}
	}
	if len(exact) == 1 {
		return exact[0], nil
	}
	return Class{}, &UnknownClassError{Query: query, Same: same}
}

// Search returns the classes whose name contains one of the queries, in the
// loose sense of Find, or whose MID is one of them, sorted by name. No queries
// find everything.
func (c *Classes) Search(queries ...string) []Class {
	if len(queries) == 0 {
		return c.All()
	}
	var found []Class
	for _, class := range c.list {
		name := fold(class.Name)
		if slices.ContainsFunc(queries, func(query string) bool {
			if strings.TrimSpace(query) == class.MID {
				return true
			}
			for _, form := range forms(fold(query)) {
				if form != "" && strings.Contains(name, form) {
					return true
				}
			}
			return false
		}) {
			found = append(found, class)
		}
	}
	return found
}

// near returns up to n classes that may have been meant: first those that the
// query names but for an addition such as " (Animal)", then those that it names
// but for a few edits or that have it within their name, the nearest first.
func (c *Classes) near(query string, n int) []Class {
	type candidate struct {
		class    Class
		distance int
	}
	const longest = 200 // no name is near a longer query
	if utf8.RuneCountInString(query) > longest {
		return nil
	}
	form := fold(query)
	letters := []rune(form)
	slips := max(1, len(letters)/3)
	var candidates []candidate
	for _, class := range c.list {
		name := fold(class.Name)
		d := distance(letters, []rune(name))
		if plain, _, added := strings.Cut(class.Name, " ("); added && fold(plain) == form {
			d = 0
		}
		if d <= slips || len(letters) >= 3 && strings.Contains(name, form) {
			candidates = append(candidates, candidate{class, d})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var near []Class
	for _, candidate := range candidates[:min(n, len(candidates))] {
		near = append(near, candidate.class)
	}
	return near
}

// fold drops what people do not care about in a name.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// forms returns a folded name and what it may be the plural or singular of,
// the most literal first.
func forms(name string) []string {
	list := []string{name}
	for _, rule := range [...]struct{ plural, singular string }{
		{"s", ""}, {"es", ""}, {"ies", "y"}, {"ves", "fe"}, {"ves", "f"}, {"men", "man"},
	} {
		stem, ok := strings.CutSuffix(name, rule.plural)
		// Short words are left alone: "bus" is no plural.
		if ok && len(stem)+len(rule.singular) >= 3 && !strings.HasSuffix(name, "ss") {
			list = append(list, stem+rule.singular)
		}
	}
	if len(name) >= 4 && !strings.HasSuffix(name, "s") {
		list = append(list, name+"s") // "trouser" for Trousers
	}
	return list
}

// distance is the Levenshtein distance.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, ra := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, rb := range b {
			change := diagonal
			if ra != rb {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

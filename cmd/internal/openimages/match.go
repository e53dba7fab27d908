package openimages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// An UnknownClassError is a query that names no class, or several.
type UnknownClassError struct {
	Query string
	Same  []Class // the classes it may mean equally well; none if unknown
	// Near are those with names like it, the nearest first, Parent is what
	// the nearest is a kind of, and Beside are the other kinds of that.
	// Suggest fills them in.
	Near   []Class
	Parent Class
	Beside []Class
}

func (e *UnknownClassError) Error() string {
	if len(e.Same) > 0 {
		var names []string
		for _, class := range e.Same {
			names = append(names, fmt.Sprintf("%s (%s)", class.Name, class.MID))
		}
		return fmt.Sprintf("class %q is ambiguous: %s", e.Query, strings.Join(names, ", "))
	}
	return "no class " + e.Quoted()
}

// Quoted returns the query for a message. What looks the same as a name that
// was meant, but has letters of another script, is spelt out.
func (e *UnknownClassError) Quoted() string {
	if len(e.Near) > 0 && strings.ContainsFunc(e.Query, isForeign) {
		return strconv.QuoteToASCII(e.Query)
	}
	return strconv.Quote(e.Query)
}

// isForeign reports whether r is a letter that is not Latin.
func isForeign(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }

// Hint returns what to try instead, or "".
func (e *UnknownClassError) Hint() string {
	if len(e.Same) > 0 {
		return "name it by its MID"
	}
	if len(e.Near) == 0 {
		return ""
	}
	hint := fmt.Sprintf("did you mean %s?", ListNames(e.Near, "or"))
	if len(e.Beside) > 0 {
		hint += fmt.Sprintf(" Beside %s, below %s: %s", e.Near[0].Name, e.Parent.Name, ListNames(e.Beside, "and"))
	}
	return hint
}

// Suggest fills in the classes with names like the query, and those next to the
// nearest in the hierarchy: who does not know a name often knows a relative's.
// It compares the query with every name.
func (e *UnknownClassError) Suggest(h *Hierarchy, names *Classes) {
	if len(e.Same) == 0 {
		e.Near = names.near(e.Query, 3)
	}
	if len(e.Near) == 0 {
		return
	}
	nearest := e.Near[0].MID
	for _, parent := range h.get(nearest).parents {
		if parent == h.root {
			continue // all that is beside it there is that it is a thing
		}
		var beside []Class
		for _, mid := range sortedByName(h.get(parent).children, names) {
			class := Class{mid, names.Name(mid)}
			if mid != nearest && !slices.Contains(e.Near, class) {
				beside = append(beside, class)
			}
		}
		if len(beside) > 0 {
			e.Parent, e.Beside = Class{parent, names.Name(parent)}, beside
			return
		}
	}
}

// ListNames joins names as a sentence does, as many as a line takes.
func ListNames(classes []Class, word string) string {
	const most = 8
	more := 0
	if len(classes) > most {
		more = len(classes) - (most - 1)
		classes = classes[:most-1]
	}
	var names []string
	for _, class := range classes {
		names = append(names, class.Name)
	}
	if more > 0 {
		return fmt.Sprintf("%s %s %d more", strings.Join(names, ", "), word, more)
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
	}
	return strings.Join(names, "")
}

// Find returns the class that a person means by query: a MID, or a name
// without regard to case, spaces, underscores and hyphens, or else to accents
// and apostrophes, in the singular or a simple plural. The exact name wins over
// the others. The error is an *UnknownClassError.
func (c *Classes) Find(query string) (Class, error) {
	query = strings.TrimSpace(query)
	for _, mid := range []string{query, norm.NFKC.String(strings.Map(dropInvisible, query))} {
		if i, ok := c.byMID[mid]; ok {
			return c.list[i], nil
		}
	}
	literal := forms(fold(query))
	plain := forms(bare(literal[0]))
	for _, try := range []struct {
		names map[string][]int
		forms []string
	}{{c.byForm, literal[:1]}, {c.byBare, plain[:1]}, {c.byForm, literal[1:]}, {c.byBare, plain[1:]}} {
		for _, form := range try.forms {
			found := try.names[form]
			if len(found) == 1 {
				return c.list[found[0]], nil
			}
			if len(found) > 1 {
				return c.exact(query, found)
			}
		}
	}
	return Class{}, &UnknownClassError{Query: query}
}

// exact decides between classes whose names differ in case, spaces or accents
// only.
func (c *Classes) exact(query string, found []int) (Class, error) {
	var same []Class
	for _, i := range found {
		same = append(same, c.list[i])
	}
	for _, form := range []func(string) string{strings.Clone, norm.NFC.String} {
		var exact []Class
		for _, class := range same {
			if form(class.Name) == form(query) {
				exact = append(exact, class)
			}
		}
		if len(exact) == 1 {
			return exact[0], nil
		}
	}
	return Class{}, &UnknownClassError{Query: query, Same: same}
}

// Search returns the classes whose name contains one of the queries, in the
// loosest sense of Find, or whose MID is one of them, sorted by name. No
// queries find everything.
func (c *Classes) Search(queries ...string) []Class {
	if len(queries) == 0 {
		return c.All()
	}
	mids := map[string]bool{}
	var wanted []string
	for _, query := range queries {
		mids[strings.Map(dropInvisible, query)] = true
		for _, form := range forms(bare(fold(query))) {
			if form != "" {
				wanted = append(wanted, form)
			}
		}
	}
	var found []Class
	for i, class := range c.list {
		if mids[class.MID] || slices.ContainsFunc(wanted, func(form string) bool { return strings.Contains(c.bare[i], form) }) {
			found = append(found, class)
		}
	}
	return found
}

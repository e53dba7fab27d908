package openimages

import "strings"

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

// Package classlist is about the file classes.txt next to exported pictures: the
// classes in the order of their numbers, one a line.
package classlist

import (
	"slices"
	"strings"
	"unicode"

	"github.com/opensandwich/oi/cmd/internal/export/safename"
)

// FileName is the file's name.
const FileName = "classes.txt"

// Sort returns names in the order of their numbers, each once. It is that of
// their folders' names by code point, by which torchvision and Keras number
// classes.
func Sort(names []string) []string {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, func(a, b string) int { return strings.Compare(safename.Of(a), safename.Of(b)) })
	return slices.Compact(sorted)
}

// Text is the content of the file for names that are sorted. A name that would
// not be one line stands there as its folder is called.
func Text(names []string) string {
	var b strings.Builder
	for _, name := range names {
		if strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsAny(name, "\u2028\u2029") {
			name = safename.Of(name)
		}
		b.WriteString(name + "\n")
	}
	return b.String()
}

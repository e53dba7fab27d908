package openimages

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// WriteTree writes the class mid and everything below it as an indented text
// tree, a class a line, siblings sorted by name, kinds before parts. A class
// with several parents stands under each of them. What note, if not nil,
// returns for a MID ends its line.
func (h *Hierarchy) WriteTree(w io.Writer, names *Classes, mid string, note func(mid string) string) error {
	b := bufio.NewWriter(w)
	// A bufio.Writer keeps its first error for Flush.
	h.writeBranch(b, names, mid, nil, "", note)
	return b.Flush()
}

// writeBranch writes one line and those below it. path holds the classes
// above, so that a circle in the file ends.
func (h *Hierarchy) writeBranch(b *bufio.Writer, names *Classes, mid string, path []string, remark string, note func(mid string) string) {
	if note != nil {
		remark += note(mid)
	}
	_, err := b.WriteString(strings.Repeat("  ", len(path)) + names.Name(mid) + "  " + mid + remark + "\n")
	if err != nil || slices.Contains(path, mid) {
		return
	}
	path = append(slices.Clip(path), mid)
	n := h.get(mid)
	for _, child := range sortedByName(n.children, names) {
		h.writeBranch(b, names, child, path, "", note)
	}
	for _, part := range sortedByName(n.parts, names) {
		h.writeBranch(b, names, part, path, "  (part)", note)
	}
}

func sortedByName(mids []string, names *Classes) []string {
	list := slices.Clone(mids)
	slices.SortFunc(list, func(a, b string) int {
		return byName(Class{a, names.Name(a)}, Class{b, names.Name(b)})
	})
	return list
}

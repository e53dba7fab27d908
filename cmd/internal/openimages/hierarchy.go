package openimages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxHierarchyFile bounds the hierarchy file. The official one has 86,291 bytes.
const maxHierarchyFile = 16 << 20

// A Hierarchy says which classes are kinds of which, and which are parts of
// which. A class can have several parents, so it is a graph, not a tree.
type Hierarchy struct {
	root  string
	nodes map[string]*node
}

// A node holds the edges of one class, by MID, without doubles, in the file's
// order.
type node struct {
	parents, children []string // Subcategory
	wholes, parts     []string // Part
}

// jsonNode is the file's form: the graph spread out as a tree.
type jsonNode struct {
	LabelName   string
	Subcategory []*jsonNode
	Part        []*jsonNode
}

// ReadHierarchy reads the hierarchy file of d.
func ReadHierarchy(ctx context.Context, src Source, d Dataset) (_ *Hierarchy, err error) {
	r, err := src.Open(ctx, d.Hierarchy.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return ParseHierarchy(r, d.Hierarchy.Path)
}

// ParseHierarchy reads a hierarchy file. file is the name for messages.
func ParseHierarchy(r io.Reader, file string) (*Hierarchy, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxHierarchyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(data) > maxHierarchyFile {
		return nil, fmt.Errorf("%s: expected at most %d bytes", file, maxHierarchyFile)
	}
	root := &jsonNode{}
	if err := json.Unmarshal(data, root); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
			return nil, &RowError{File: file, Line: int64(line), Err: err}
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	h := &Hierarchy{root: root.LabelName, nodes: map[string]*node{}}
	if err := h.add(root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return h, nil
}

// add takes in n and everything below it.
func (h *Hierarchy) add(n *jsonNode) error {
	if n == nil || n.LabelName == "" {
		return errors.New("expected a LabelName in every node")
	}
	self := h.node(n.LabelName)
	for _, child := range n.Subcategory {
		if err := h.add(child); err != nil {
			return err
		}
		self.children = appendNew(self.children, child.LabelName)
		below := h.node(child.LabelName)
		below.parents = appendNew(below.parents, n.LabelName)
	}
	for _, part := range n.Part {
		if err := h.add(part); err != nil {
			return err
		}
		self.parts = appendNew(self.parts, part.LabelName)
		below := h.node(part.LabelName)
		below.wholes = appendNew(below.wholes, n.LabelName)
	}
	return nil
}

func (h *Hierarchy) node(mid string) *node {
	n := h.nodes[mid]
	if n == nil {
		n = &node{}
		h.nodes[mid] = n
	}
	return n
}

func appendNew(list []string, mid string) []string {
	if slices.Contains(list, mid) {
		return list
	}
	return append(list, mid)
}

// get returns a class's edges; none for a class the file does not know.
func (h *Hierarchy) get(mid string) *node {
	if n := h.nodes[mid]; n != nil {
		return n
	}
	return &node{}
}

// Root returns the MID at the top.
func (h *Hierarchy) Root() string { return h.root }

// Parents returns the MIDs of what mid is a kind of.
func (h *Hierarchy) Parents(mid string) []string { return slices.Clone(h.get(mid).parents) }

// Children returns the MIDs of the kinds of mid.
func (h *Hierarchy) Children(mid string) []string { return slices.Clone(h.get(mid).children) }

// Wholes returns the MIDs of what mid is a part of.
func (h *Hierarchy) Wholes(mid string) []string { return slices.Clone(h.get(mid).wholes) }

// Parts returns the MIDs of the parts of mid.
func (h *Hierarchy) Parts(mid string) []string { return slices.Clone(h.get(mid).parts) }

// Descendants returns the MIDs of all kinds of mid, at any depth, sorted, mid
// itself not among them. Parts are not followed: an eye is no kind of face.
func (h *Hierarchy) Descendants(mid string) []string {
	return h.reach(mid, func(n *node) []string { return n.children })
}

// Ancestors returns the MIDs of everything mid is a kind of, at any distance,
// sorted, mid itself not among them.
func (h *Hierarchy) Ancestors(mid string) []string {
	return h.reach(mid, func(n *node) []string { return n.parents })
}

func (h *Hierarchy) reach(mid string, next func(*node) []string) []string {
	seen := map[string]bool{mid: true} // also ends a circle
	var found []string
	for todo := []string{mid}; len(todo) > 0; {
		n := h.get(todo[0])
		todo = todo[1:]
		for _, m := range next(n) {
			if !seen[m] {
				seen[m] = true
				found = append(found, m)
				todo = append(todo, m)
			}
		}
	}
	slices.Sort(found)
	return found
}

// A Kinship is a pair of requested classes of which one is a kind of the other.
type Kinship struct{ Ancestor, Descendant Class }

// Kin returns the pairs among classes of which one is an ancestor of the
// other, in the order of classes.
func (h *Hierarchy) Kin(classes []Class) []Kinship {
	var pairs []Kinship
	for _, descendant := range classes {
		above := h.Ancestors(descendant.MID)
		for _, ancestor := range classes {
			if slices.Contains(above, ancestor.MID) && ancestor.MID != descendant.MID {
				pairs = append(pairs, Kinship{ancestor, descendant})
			}
		}
	}
	return pairs
}

// Assign says under which of the requested classes the boxes of each MID go,
// as positions in classes. A class's own boxes go to itself. With descendants,
// those of the kinds below it do too: to the most specific requested class,
// that is one that is no ancestor of another candidate, and among several of
// those to the one fewest steps up, then the first in classes.
func (h *Hierarchy) Assign(classes []Class, descendants bool) map[string]int {
	assigned := map[string]int{}
	requested := map[string]int{}
	for i, class := range classes {
		assigned[class.MID] = i
		requested[class.MID] = i
	}
	if !descendants {
		return assigned
	}
	below := map[string]bool{}
	for _, class := range classes {
		for _, mid := range h.Descendants(class.MID) {
			below[mid] = true
		}
	}
	for mid := range below {
		if _, ok := requested[mid]; !ok {
			assigned[mid] = h.nearest(mid, requested)
		}
	}
	return assigned
}

// nearest climbs from mid, level by level, to the most specific requested
// class. There is one.
func (h *Hierarchy) nearest(mid string, requested map[string]int) int {
	above := map[string]bool{} // ancestors of candidates are less specific
	var candidates []int       // by distance, then position
	seen := map[string]bool{mid: true}
	for level := []string{mid}; len(level) > 0; {
		var next []string
		var here []int
		for _, m := range level {
			for _, parent := range h.get(m).parents {
				if seen[parent] {
					continue
				}
				seen[parent] = true
				next = append(next, parent)
				if i, ok := requested[parent]; ok {
					here = append(here, i)
					for _, ancestor := range h.Ancestors(parent) {
						above[ancestor] = true
					}
				}
			}
		}
		slices.Sort(here)
		candidates = append(candidates, here...)
		level = next
	}
	mids := make(map[int]string, len(requested))
	for m, i := range requested {
		mids[i] = m
	}
	for _, i := range candidates {
		if !above[mids[i]] {
			return i
		}
	}
	return candidates[0] // only in a circle
}

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

// maxHierarchyFile bounds the hierarchy file. The official one has 86,291
// bytes.
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
	if err := h.add(root, map[edge]bool{}); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return h, nil
}

// An edge leads from a class to a kind of it, or to a part.
type edge struct {
	from, to string
	part     bool
}

// add takes in n and everything below it. known are the edges so far.
func (h *Hierarchy) add(n *jsonNode, known map[edge]bool) error {
	if n == nil || n.LabelName == "" {
		return errors.New("expected a LabelName in every node")
	}
	self := h.node(n.LabelName)
	for _, child := range n.Subcategory {
		if err := h.add(child, known); err != nil {
			return err
		}
		if e := (edge{n.LabelName, child.LabelName, false}); !known[e] {
			known[e] = true
			self.children = append(self.children, child.LabelName)
			below := h.node(child.LabelName)
			below.parents = append(below.parents, n.LabelName)
		}
	}
	for _, part := range n.Part {
		if err := h.add(part, known); err != nil {
			return err
		}
		if e := (edge{n.LabelName, part.LabelName, true}); !known[e] {
			known[e] = true
			self.parts = append(self.parts, part.LabelName)
			whole := h.node(part.LabelName)
			whole.wholes = append(whole.wholes, n.LabelName)
		}
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

// Supercategory returns the name of what mid is a kind of, or "" where the file
// does not know it. Of several parents it is the first by name, and the top
// only where there is no other.
func (h *Hierarchy) Supercategory(mid string, names *Classes) string {
	name, found := "", false
	for _, parent := range h.get(mid).parents {
		switch n := names.Name(parent); {
		case parent == h.root:
			if !found {
				name = n
			}
		case !found || n < name:
			name, found = n, true
		}
	}
	return name
}

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
	seen := map[string]bool{mid: true} // also ends a cycle
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
			assigned[mid] = h.nearest(mid, classes, requested)
		}
	}
	return assigned
}

// nearest climbs from mid, level by level, to the most specific requested
// class. There is one. requested holds the positions in classes by MID.
func (h *Hierarchy) nearest(mid string, classes []Class, requested map[string]int) int {
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
	for _, i := range candidates {
		if !above[classes[i].MID] {
			return i
		}
	}
	return candidates[0] // only in a cycle
}

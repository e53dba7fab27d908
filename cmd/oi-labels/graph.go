package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A graph is the hierarchy laid out for a picture: every class once, in a tree
// that hangs each on one of its parents, and beside it the edges to the others.
type graph struct {
	nodes []*vertex
	more  []edge  // to further parents, and from wholes to parts
	rings int     // the greatest height
	room  float64 // around the circle, in leaves
}

// A vertex is a class in the tree.
type vertex struct {
	class    openimages.Class
	parent   int // -1 at the top
	part     bool
	children []int
	height   int    // steps down to the farthest leaf
	group    string // the ancestor just below the top, where that is no leaf
	kindOf   []string
	partOf   []string
	counts   []count // by subset
	boxes    int64   // of this class, all subsets
	below    int64   // of this class and all kinds below it
	turn     float64 // position around the circle, 0 to 1
}

// An edge joins two vertices.
type edge struct {
	from, to int
	part     bool
}

// newGraph lays out what is below root. The tree takes for each class the
// parent nearest to the top, the first by name among equals; parts hang on
// their whole only where nothing else holds them.
func newGraph(h *openimages.Hierarchy, names *openimages.Classes, root string, tally *tally) *graph {
	g := &graph{}
	at := map[string]int{}
	add := func(mid string, parent int, part bool) {
		if _, ok := at[mid]; ok {
			return
		}
		at[mid] = len(g.nodes)
		v := &vertex{class: openimages.Class{MID: mid, Name: names.Name(mid)}, parent: parent, part: part}
		g.nodes = append(g.nodes, v)
		if parent >= 0 {
			g.nodes[parent].children = append(g.nodes[parent].children, at[mid])
		}
	}
	add(root, -1, false)
	for kinds, parts := 0, 0; parts < len(g.nodes); {
		if kinds < len(g.nodes) { // all kinds before the first part
			for _, mid := range byName(h.Children(g.nodes[kinds].class.MID), names) {
				add(mid, kinds, false)
			}
			kinds++
			continue
		}
		for _, mid := range byName(h.Parts(g.nodes[parts].class.MID), names) {
			add(mid, parts, true)
		}
		parts++
	}
	for i, v := range g.nodes {
		for _, mid := range byName(h.Parents(v.class.MID), names) {
			v.kindOf = append(v.kindOf, names.Name(mid))
			if j, ok := at[mid]; ok && (j != v.parent || v.part) {
				g.more = append(g.more, edge{j, i, false})
			}
		}
		for _, mid := range byName(h.Wholes(v.class.MID), names) {
			v.partOf = append(v.partOf, names.Name(mid))
			if j, ok := at[mid]; ok && (j != v.parent || !v.part) {
				g.more = append(g.more, edge{j, i, true})
			}
		}
		v.counts = tally.of(v.class.MID)
		for _, mid := range append(h.Descendants(v.class.MID), v.class.MID) {
			for _, c := range tally.of(mid) {
				v.below += c.boxes
				if mid == v.class.MID {
					v.boxes += c.boxes
				}
			}
		}
	}
	g.layOut()
	return g
}

// layOut gives the leaves places at equal distance around the circle, in the
// order of the tree, and everything above the middle of what is below it. What
// has something below comes before what has not, so that the many classes right
// below the top do not lie between everything else.
func (g *graph) layOut() {
	for _, v := range g.nodes {
		slices.SortStableFunc(v.children, func(a, b int) int {
			return cmp.Compare(min(len(g.nodes[b].children), 1), min(len(g.nodes[a].children), 1))
		})
	}
	const gap = 0.35 // of a leaf's room, around those below one class
	var visit func(i int, group string)
	visit = func(i int, group string) {
		v := g.nodes[i]
		v.group = group
		if len(v.children) > 0 {
			g.room += gap
			defer func() { g.room += gap }()
		}
		for _, c := range v.children {
			below := group
			if i == 0 {
				below = ""
				if len(g.nodes[c].children) > 0 {
					below = g.nodes[c].class.Name
				}
			}
			visit(c, below)
			v.height = max(v.height, g.nodes[c].height+1)
		}
		if len(v.children) == 0 {
			v.turn = g.room
			g.room++
			return
		}
		v.turn = (g.nodes[v.children[0]].turn + g.nodes[v.children[len(v.children)-1]].turn) / 2
	}
	visit(0, "")
	g.rings = g.nodes[0].height
	for _, v := range g.nodes {
		v.turn /= g.room
	}
}

// most is the highest number of boxes of a class.
func (g *graph) most() int64 {
	most := int64(1)
	for _, v := range g.nodes {
		most = max(most, v.boxes)
	}
	return most
}

// groups are the names of the groups in the order of the tree.
func (g *graph) groups() []string {
	var list []string
	for _, i := range g.nodes[0].children {
		if group := g.nodes[i].group; group != "" {
			list = append(list, group)
		}
	}
	return list
}

// ring is the distance of a vertex from the middle, 0 to 1: leaves stand on the
// outer ring, others one ring further in than the highest below them.
func (g *graph) ring(v *vertex) float64 {
	if v.parent < 0 {
		return 0
	}
	return 1 - 0.85*float64(v.height)/float64(max(g.rings, 1))
}

// preorder returns the positions of the vertices in the order of the tree.
func (g *graph) preorder() []int {
	var order []int
	var visit func(i int)
	visit = func(i int) {
		order = append(order, i)
		for _, c := range g.nodes[i].children {
			visit(c)
		}
	}
	visit(0)
	return order
}

func byName(mids []string, names *openimages.Classes) []string {
	slices.SortFunc(mids, func(a, b string) int {
		if n := strings.Compare(names.Name(a), names.Name(b)); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	return mids
}

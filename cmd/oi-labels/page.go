package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
)

// pageSource is the page but for its data.
//
//go:embed page.html.tmpl
var pageSource string

const (
	// leafRoom is the length of the circle that a label needs, in pixels.
	leafRoom = 9.5
	// margin is the room for labels outside the circle.
	margin = 170
	// largest is the radius of the disc of the class with most boxes.
	largest = 13.0
)

// page is what the template shows.
type page struct {
	Title   string
	Radius  int
	Box     int // half of Side
	Side    int // of the picture
	Nodes   []pageNode
	Links   []pageLink
	Data    []pageDetail
	Subsets []string
	Boxes   string
	Classes int
	Largest pageSize
	Smaller pageSize
}

// pageNode is a disc with its label.
type pageNode struct {
	Index     int
	Name      string
	X, Y      string
	R         string
	Hue       int // of its group, -1 for none
	Transform string
	TextX     string
	Left      bool // the label reads towards the middle
	End       bool // the label ends at the disc
	Inner     bool
}

// pageLink is a line between two classes.
type pageLink struct {
	From, To int
	Path     string
	Kind     string // "", "top" for one from the top, "also" for a further parent, "part"
}

// pageDetail is what the page's script knows of a class.
type pageDetail struct {
	MID    string    `json:"mid"`
	Name   string    `json:"name"`
	Kinds  []int     `json:"kinds"` // below
	Parts  []int     `json:"parts"`
	KindOf []int     `json:"of"` // above
	PartOf []int     `json:"in"`
	Boxes  [][]int64 `json:"counts"` // boxes and photos by subset
	Below  int64     `json:"below"`
}

// pageSize is an entry of the legend.
type pageSize struct {
	R    string
	Text string
}

// writePage writes the graph as one page that needs nothing else.
func writePage(w io.Writer, g *graph, title string, subsets []string) error {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		return err
	}
	return t.Execute(w, newPage(g, title, subsets))
}

func newPage(g *graph, title string, subsets []string) *page {
	radius := max(220, math.Ceil(g.room*leafRoom/(2*math.Pi)))
	p := &page{Title: title, Radius: int(radius), Box: int(radius) + margin, Side: 2 * (int(radius) + margin), Subsets: subsets, Classes: len(g.nodes), Boxes: thousands(g.nodes[0].below)}
	hues := map[string]int{"": -1}
	for i, group := range g.groups() {
		hues[group] = i * 1375 / 10 % 360 // the golden angle keeps neighbours apart
	}
	most := float64(g.most())
	size := func(boxes int64) float64 { return 1.5 + (largest-1.5)*math.Sqrt(float64(boxes)/most) }
	p.Largest = pageSize{decimal(size(g.most())), thousands(g.most())}
	p.Smaller = pageSize{decimal(size(g.most() / 100)), thousands(g.most() / 100)}
	for i, v := range g.nodes {
		x, y := polar(v.turn, radius*g.ring(v))
		r := size(v.boxes)
		n := pageNode{Index: i, Name: v.class.Name, X: decimal(x), Y: decimal(y), R: decimal(r), Hue: hues[v.group], Inner: len(v.children) > 0}
		degrees := 360*v.turn - 90
		if n.Left = v.turn > 0.5; n.Left {
			degrees += 180
		}
		if v.parent < 0 {
			degrees, n.Left = 0, false
		}
		n.Transform = fmt.Sprintf("translate(%s %s) rotate(%s)", n.X, n.Y, decimal(degrees))
		offset := r + 3
		if n.Left {
			offset = -offset
		}
		if n.Inner && v.parent >= 0 { // outside are the leaves' labels
			offset, n.End = -offset, !n.Left
		} else {
			n.End = n.Left
		}
		n.TextX = decimal(offset)
		p.Nodes = append(p.Nodes, n)
		d := pageDetail{MID: v.class.MID, Name: v.class.Name, Below: v.below, Kinds: []int{}, Parts: []int{}, KindOf: []int{}, PartOf: []int{}, Boxes: [][]int64{}}
		for _, c := range v.counts {
			d.Boxes = append(d.Boxes, []int64{c.boxes, c.photos})
		}
		p.Data = append(p.Data, d)
	}
	join := func(e edge, kind string) {
		p.Links = append(p.Links, pageLink{e.from, e.to, g.curve(e, radius, g.nodes[e.to].parent == e.from && kind != "also"), kind})
		from, to := &p.Data[e.from], &p.Data[e.to]
		if e.part {
			from.Parts, to.PartOf = append(from.Parts, e.to), append(to.PartOf, e.from)
		} else {
			from.Kinds, to.KindOf = append(from.Kinds, e.to), append(to.KindOf, e.from)
		}
	}
	for i, v := range g.nodes {
		if v.parent >= 0 {
			kind := ""
			switch {
			case v.part:
				kind = "part"
			case v.parent == 0:
				kind = "top"
			}
			join(edge{v.parent, i, v.part}, kind)
		}
	}
	for _, e := range g.more {
		kind := "also"
		if e.part {
			kind = "part"
		}
		join(e, kind)
	}
	return p
}

// curve returns the path of an edge: within the tree along the radius at both
// ends, else bent towards the middle, so that it does not run along the rings.
func (g *graph) curve(e edge, radius float64, tree bool) string {
	a, b := g.nodes[e.from], g.nodes[e.to]
	ra, rb := radius*g.ring(a), radius*g.ring(b)
	x1, y1 := polar(a.turn, ra)
	x2, y2 := polar(b.turn, rb)
	if !tree {
		x, y := 0.35*(x1+x2), 0.35*(y1+y2)
		return fmt.Sprintf("M%s %sQ%s %s %s %s", decimal(x1), decimal(y1), decimal(x), decimal(y), decimal(x2), decimal(y2))
	}
	from := a.turn
	if a.parent < 0 {
		from = b.turn // the top has no direction of its own
	}
	x3, y3 := polar(from, (ra+rb)/2)
	x4, y4 := polar(b.turn, (ra+rb)/2)
	return fmt.Sprintf("M%s %sC%s %s %s %s %s %s", decimal(x1), decimal(y1), decimal(x3), decimal(y3), decimal(x4), decimal(y4), decimal(x2), decimal(y2))
}

// polar returns the point at a distance from the middle; turns begin at the top
// and go clockwise.
func polar(turn, distance float64) (x, y float64) {
	sin, cos := math.Sincos(2*math.Pi*turn - math.Pi/2)
	return distance * cos, distance * sin
}

// decimal writes a coordinate.
func decimal(v float64) string { return fmt.Sprintf("%.1f", v+0) }

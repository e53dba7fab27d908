package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"io"
	"math"
	"strings"
	"text/template"
)

// vegaSource is the specification but for its data.
//
//go:embed vega.json.tmpl
var vegaSource string

// vegaNode is a class as the specification has it.
type vegaNode struct {
	ID     string `json:"id"` // the MID: every class is there once
	Parent string `json:"parent,omitempty"`
	Name   string `json:"name"`
	Group  string `json:"group"`
	Part   bool   `json:"part,omitempty"` // of the parent, and no kind of it
	Boxes  int64  `json:"boxes"`
	Below  int64  `json:"below"`
	KindOf string `json:"kind_of"`
	PartOf string `json:"part_of"`
}

// vegaEdge leads to a class from a parent that it does not hang on.
type vegaEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
	Part bool   `json:"part"`
}

// writeVega writes the graph as a specification for Vega 5: a radial tree with
// the data in it.
func writeVega(w io.Writer, g *graph, title string) error {
	var nodes []vegaNode
	for _, i := range g.preorder() {
		v := g.nodes[i]
		n := vegaNode{
			ID: v.class.MID, Name: v.class.Name, Group: v.group, Part: v.part, Boxes: v.boxes, Below: v.below,
			KindOf: strings.Join(v.kindOf, ", "), PartOf: strings.Join(v.partOf, ", "),
		}
		if v.parent >= 0 {
			n.Parent = g.nodes[v.parent].class.MID
		}
		nodes = append(nodes, n)
	}
	var edges []vegaEdge
	for _, e := range g.more {
		edges = append(edges, vegaEdge{g.nodes[e.from].class.MID, g.nodes[e.to].class.MID, e.part})
	}
	nodeLines, err := jsonLines(nodes)
	if err != nil {
		return err
	}
	edgeLines, err := jsonLines(edges)
	if err != nil {
		return err
	}
	groups, err := json.Marshal(append([]string{""}, g.groups()...))
	if err != nil {
		return err
	}
	name, err := json.Marshal(title)
	if err != nil {
		return err
	}
	// Around the circle a label needs the height of its letters.
	radius := max(120, int(math.Ceil(g.room*8.5/(2*math.Pi))))
	t, err := template.New("vega").Parse(vegaSource)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"Title": string(name), "Nodes": nodeLines, "Edges": edgeLines, "Groups": string(groups),
		"Radius": radius, "Size": 2 * (radius + 130),
	})
}

// jsonLines writes the elements of an array one a line.
func jsonLines[T any](list []T) (string, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, v := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n        ")
		line, err := json.Marshal(v)
		if err != nil {
			return "", err
		}
		b.Write(line)
	}
	b.WriteByte(']')
	return b.String(), nil
}

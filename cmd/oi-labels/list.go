package main

import (
	"bufio"
	"encoding/json"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// writeList writes a class a line.
func (l *lister) writeList(found []openimages.Class) error {
	b := bufio.NewWriter(l.env.Stdout)
	// Flush returns the first error.
	if l.tally != nil {
		_, _ = b.WriteString("# mid\tname")
		for _, subset := range l.subsets {
			_, _ = fmt.Fprintf(b, "\t%s boxes\t%[1]s photos", subset)
		}
		_ = b.WriteByte('\n')
	}
	for _, class := range found {
		_, _ = fmt.Fprintf(b, "%s\t%s", class.MID, class.Name)
		for _, c := range l.tally.of(class.MID) {
			_, _ = fmt.Fprintf(b, "\t%d\t%d", c.boxes, c.photos)
		}
		_ = b.WriteByte('\n')
	}
	return b.Flush()
}

// entry is a class as data.
type entry struct {
	MID      string           `json:"mid"`
	Name     string           `json:"name"`
	Parents  []ref            `json:"parents"`
	Children []ref            `json:"children"`
	PartOf   []ref            `json:"part_of"`
	Parts    []ref            `json:"parts"`
	Boxes    map[string]int64 `json:"boxes,omitempty"`  // by subset
	Photos   map[string]int64 `json:"photos,omitempty"` // with such a box
}

type ref struct {
	MID  string `json:"mid"`
	Name string `json:"name"`
}

// writeJSON writes an object a line.
func (l *lister) writeJSON(found []openimages.Class) error {
	refs := func(mids []string) []ref {
		list := []ref{} // never null
		for _, mid := range mids {
			list = append(list, ref{mid, l.classes.Name(mid)})
		}
		return list
	}
	b := bufio.NewWriter(l.env.Stdout)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	h := l.hierarchy
	for _, class := range found {
		e := entry{
			MID: class.MID, Name: class.Name,
			Parents: refs(h.Parents(class.MID)), Children: refs(h.Children(class.MID)),
			PartOf: refs(h.Wholes(class.MID)), Parts: refs(h.Parts(class.MID)),
		}
		for i, c := range l.tally.of(class.MID) {
			if e.Boxes == nil {
				e.Boxes, e.Photos = map[string]int64{}, map[string]int64{}
			}
			e.Boxes[l.subsets[i]], e.Photos[l.subsets[i]] = c.boxes, c.photos
		}
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	return b.Flush()
}

package selection

import (
	"github.com/opensandwich/oi/record"
)

// A rendering is room for an item and its parts.
type rendering struct {
	item  record.Item
	box   record.Box
	avoid []record.Rect
}

// render makes the record of a candidate, in place of the one before.
func (r *rendering) render(s *Selection, c *candidate) *record.Item {
	r.box = c.match.box
	r.avoid = s.avoid(c, r.avoid[:0])
	r.item = record.Item{
		ID: c.match.id, Key: c.match.row().Key(), Subset: c.sub.name,
		Label: s.labels[c.match.label], Box: &r.box, Image: c.image,
	}
	if len(r.avoid) > 0 {
		r.item.Avoid = r.avoid
	}
	if c.image != nil {
		if c.set == "" { // the items of a photo have one
			c.set = s.query.Set(c.sub.name, c.author)
		}
		r.item.Set = c.set
	}
	return &r.item
}

// newLabels returns the labels of the items, the last of them for negatives.
func (q *Query) newLabels() []*record.Label {
	var labels []*record.Label
	for _, class := range q.Classes {
		labels = append(labels, &record.Label{MID: class.MID, Name: class.Name})
	}
	return append(labels, &record.Label{Name: q.NotName})
}

// avoid appends the photo's other boxes of the classes asked for, before any
// filter, as far as they lie within the picture.
func (s *Selection) avoid(c *candidate, rects []record.Rect) []record.Rect {
	if s.query.ImageLabels {
		return rects // nothing is next to a whole photo
	}
	for i := range c.group.all {
		o := &c.group.all[i]
		if o.place == c.match.place || c.alike[i] || o.sum == c.match.sum || o.label >= len(s.query.Classes) {
			continue
		}
		r := record.Rect{
			XMin: max(o.box.XMin, 0), XMax: min(o.box.XMax, 1),
			YMin: max(o.box.YMin, 0), YMax: min(o.box.YMax, 1),
		}
		if r.XMin < r.XMax && r.YMin < r.YMax {
			rects = append(rects, r)
		}
	}
	return rects
}

package sample

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// boxHeader is the header of a box file; those of V6 train go on with
// clickHeader.
const (
	boxHeader   = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
	clickHeader = ",XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"
	imageHeader = "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation"
	licence     = "https://creativecommons.org/publicdomain/zero/1.0/"
)

// boxFile writes the boxes of some photos, sorted by image id; clicks adds V6's
// eight columns.
func boxFile(w io.Writer, photos []photo, measures []measure, clicks bool) error {
	order := make([]int, len(photos))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(photos[a].id, photos[b].id) })
	var out []byte
	out = append(out, boxHeader...)
	tail := ""
	if clicks {
		out = append(out, clickHeader...)
		tail = strings.Repeat(",-1.000000", 8)
	}
	out = append(out, '\n')
	for _, i := range order {
		m := &measures[i]
		for _, b := range m.boxes {
			out = append(out, photos[i].id...)
			out = append(out, ",activemil,"...)
			out = append(out, classes[b.class].mid...)
			out = append(out, ",1"...)
			out = appendFraction(out, b.x0, m.w)
			out = appendFraction(out, b.x1, m.w)
			out = appendFraction(out, b.y0, m.h)
			out = appendFraction(out, b.y1, m.h)
			for _, flag := range [...]bool{b.occluded, b.truncated, b.group, b.depiction, false} {
				if flag {
					out = append(out, ",1"...)
				} else {
					out = append(out, ",0"...)
				}
			}
			out = append(out, tail...)
			out = append(out, '\n')
		}
	}
	_, err := w.Write(out)
	return err
}

// labelFile writes what somebody who looked at each photo as a whole said of
// it: yes of each class with a box in it, and no of about two others.
func labelFile(w io.Writer, photos []photo, measures []measure) error {
	order := make([]int, len(photos))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(photos[a].id, photos[b].id) })
	var out strings.Builder
	out.WriteString("ImageID,Source,LabelName,Confidence\n")
	for _, i := range order {
		var shown [len(classes)]bool
		for _, b := range measures[i].boxes {
			shown[b.class] = true
		}
		r := newRandom(hash("labels " + photos[i].id))
		for c := range classes {
			asked := r.chance(0.25) // in every case, so that one answer does not change the others
			switch {
			case shown[c]:
				fmt.Fprintf(&out, "%s,verification,%s,1\n", photos[i].id, classes[c].mid)
			case asked:
				fmt.Fprintf(&out, "%s,verification,%s,0\n", photos[i].id, classes[c].mid)
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// appendFraction adds a comma and n/of with six decimals.
func appendFraction(out []byte, n, of int) []byte {
	millionths := (n*1_000_000 + of/2) / of
	out = append(out, ',')
	out = strconv.AppendInt(out, int64(millionths/1_000_000), 10)
	out = append(out, '.')
	digits := strconv.Itoa(1_000_000 + millionths%1_000_000)
	return append(out, digits[1:]...)
}

// imageFile writes the image list of some photos. Like the official lists it is
// not sorted.
func imageFile(w io.Writer, photos []photo, measures []measure) error {
	if _, err := io.WriteString(w, imageHeader+"\n"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	for i, p := range photos {
		if err := c.Write([]string{
			p.id, p.subset, "sample:" + p.subset + "/" + p.id + ".jpg", "https://example.org/drawings/" + p.id, licence,
			p.author.url, p.author.name, title(&photos[i], &measures[i]), "", "", "", p.rotation,
		}); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// title makes up what the photographer wrote.
func title(p *photo, m *measure) string {
	what := "an empty table"
	if len(m.boxes) > 0 {
		what = strings.ToLower(classes[m.boxes[0].class].name)
	}
	r := newRandom(hash("title " + p.id))
	switch r.intn(12) {
	case 0:
		return fmt.Sprintf("Lunch, day %d", r.between(2, 300))
	case 1:
		return fmt.Sprintf("The \"best\" %s in town", what)
	case 2:
		return fmt.Sprintf("IMG_%04d", r.between(1, 9999))
	case 3:
		return fmt.Sprintf("%s, fries & friends", what)
	case 4:
		return fmt.Sprintf("Still life with %s", what)
	case 5:
		return ""
	case 6:
		return fmt.Sprintf("Café Zürich: %s nº %d", what, r.between(2, 40))
	case 7:
		if r.chance(0.2) {
			return fmt.Sprintf("Not a photo\n(a drawing of %s)", what)
		}
	}
	return fmt.Sprintf("Drawing of %s", what)
}

// classFile writes the class names, with V7's header.
func classFile(w io.Writer) error {
	type row struct{ mid, name string }
	rows := []row{
		{"/m/02wbm", "Food"}, {"/m/01_bhs", "Fast food"}, {"/m/052lwg6", "Baked goods"}, {"/m/0hnyx", "Pastry"}, {"/m/0270h", "Dessert"},
		{"/m/0f4s2w", "Vegetable"}, {"/m/01g317", "Person"}, {"/m/02p0tk3", "Human body"}, {"/m/0k65p", "Human hand"},
	}
	for _, c := range classes {
		rows = append(rows, row{c.mid, c.name})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.mid, b.mid) })
	var out strings.Builder
	out.WriteString("LabelName,DisplayName\n")
	for _, r := range rows {
		fmt.Fprintf(&out, "%s,%s\n", r.mid, r.name)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// node is a class in the official hierarchy file. Subcategory says "is a", Part
// "has a".
type node struct {
	LabelName   string
	Subcategory []node `json:",omitempty"`
	Part        []node `json:",omitempty"`
}

// hierarchyFile writes the branches of the official hierarchy that the sample's
// classes lie on, and one with parts.
func hierarchyFile(w io.Writer) error {
	leaf := func(c class) node { return node{LabelName: classes[c].mid} }
	sandwich := leaf(classSandwich)
	sandwich.Subcategory = []node{leaf(classHamburger)}
	root := node{LabelName: "/m/0bl9f", Subcategory: []node{
		{LabelName: "/m/02wbm", Subcategory: []node{
			{LabelName: "/m/01_bhs", Subcategory: []node{leaf(classHotDog), leaf(classFries)}},
			{LabelName: "/m/0270h", Subcategory: []node{leaf(classMuffin), leaf(classCake)}},
			{LabelName: "/m/052lwg6", Subcategory: []node{leaf(classMuffin), {LabelName: "/m/0hnyx", Subcategory: []node{leaf(classDoughnut)}}}},
			leaf(classPizza),
			{LabelName: "/m/0f4s2w", Subcategory: []node{leaf(classSalad)}},
			sandwich,
		}},
		{LabelName: "/m/01g317", Part: []node{{LabelName: "/m/02p0tk3", Part: []node{{LabelName: "/m/0k65p"}}}}},
	}}
	e := json.NewEncoder(w)
	e.SetIndent("", "    ")
	return e.Encode(root)
}

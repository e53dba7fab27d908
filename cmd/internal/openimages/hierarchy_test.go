package openimages

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// diamond: e has the kinds a and b; c is a kind of both; d of c; p is a part of
// c, and a kind of b.
const diamond = `{"LabelName":"e","Subcategory":[
	{"LabelName":"a","Subcategory":[{"LabelName":"c","Subcategory":[{"LabelName":"d"}]}]},
	{"LabelName":"b","Subcategory":[{"LabelName":"p"},{"LabelName":"c","Part":[{"LabelName":"p"}]},{"LabelName":"c"}]}]}`

func parseHierarchy(t testing.TB, text string) *Hierarchy {
	t.Helper()
	h, err := ParseHierarchy(strings.NewReader(text), "h.json")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHierarchy(t *testing.T) {
	h := parseHierarchy(t, diamond)
	for name, got := range map[string][]string{
		"parents of c: a b":           h.Parents("c"),
		"children of b: p c":          h.Children("b"),
		"children of c: d":            h.Children("c"), // once, though it stands thrice
		"parts of c: p":               h.Parts("c"),
		"wholes of p: c":              h.Wholes("p"),
		"descendants of e: a b c d p": h.Descendants("e"),
		"descendants of c: d":         h.Descendants("c"),
		"ancestors of d: a b c e":     h.Ancestors("d"),
		"ancestors of p: b e":         h.Ancestors("p"),
		"parents of nobody:":          h.Parents("nobody"),
	} {
		_, want, _ := strings.Cut(name, ":")
		if strings.Join(got, " ") != strings.TrimSpace(want) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if h.Root() != "e" || h.nodes["p"] == nil || h.nodes["x"] != nil {
		t.Error("root or membership is wrong")
	}
}

// TestSupercategory: of several parents the first by name, whatever their order
// in the file, and the top only where there is no other.
func TestSupercategory(t *testing.T) {
	names, err := ParseClasses(strings.NewReader("/m/a,Zebra\n/m/b,Ape\n/m/c,Cow\n/m/d,Dog\n/m/p,Paw\n/m/e,All\n"), "c.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		diamond,
		`{"LabelName":"e","Subcategory":[{"LabelName":"c"},{"LabelName":"b","Subcategory":[{"LabelName":"c","Subcategory":[{"LabelName":"d"}]},{"LabelName":"p"}]},{"LabelName":"a","Subcategory":[{"LabelName":"c"}]}]}`,
	} {
		h := parseHierarchy(t, strings.ReplaceAll(text, `"LabelName":"`, `"LabelName":"/m/`))
		for mid, want := range map[string]string{"a": "All", "b": "All", "c": "Ape", "d": "Cow", "p": "Ape", "e": "", "x": "", "": ""} {
			if got := h.Supercategory("/m/"+mid, names); got != want {
				t.Errorf("%s is a kind of %q, want %q", mid, got, want)
			}
		}
	}
}

func TestAssign(t *testing.T) {
	// a > b > c > d, and s beside b with c below it too.
	h := parseHierarchy(t, `{"LabelName":"e","Subcategory":[{"LabelName":"a","Subcategory":[
		{"LabelName":"b","Subcategory":[{"LabelName":"c","Subcategory":[{"LabelName":"d"}]}]},
		{"LabelName":"s","Subcategory":[{"LabelName":"c"}]}]}]}`)
	for _, tt := range []struct {
		classes, want string
	}{
		{"a", "a:a b:a c:a d:a s:a"},
		{"a b", "a:a b:b c:b d:b s:a"}, // b is more specific than a
		{"a s", "a:a b:a c:s d:s s:s"},
		{"b s", "b:b c:b d:b s:s"}, // equally near: the first
		{"s b", "b:b c:s d:s s:s"},
		{"a b d", "a:a b:b c:b d:d s:a"}, // a class keeps its own
		{"e", "a:e b:e c:e d:e e:e s:e"},
		{"x", "x:x"},
	} {
		var classes []Class
		for mid := range strings.FieldsSeq(tt.classes) {
			classes = append(classes, Class{MID: mid})
		}
		var got []string
		for mid, i := range h.Assign(classes, true) {
			got = append(got, mid+":"+classes[i].MID)
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %s, want %s", tt.classes, s, tt.want)
		}
		own := h.Assign(classes, false)
		if len(own) != len(classes) {
			t.Errorf("%s: without descendants %v", tt.classes, own)
		}
	}
}

func TestAssignFewestSteps(t *testing.T) {
	// d is two steps below b and one below s.
	h := parseHierarchy(t, `{"LabelName":"e","Subcategory":[
		{"LabelName":"b","Subcategory":[{"LabelName":"c","Subcategory":[{"LabelName":"d"}]}]},
		{"LabelName":"s","Subcategory":[{"LabelName":"d"}]}]}`)
	if got := h.Assign([]Class{{MID: "b"}, {MID: "s"}}, true)["d"]; got != 1 {
		t.Errorf("d went to class %d, want the nearer one", got)
	}
}

func TestHierarchyCircle(t *testing.T) {
	h := parseHierarchy(t, `{"LabelName":"a","Subcategory":[{"LabelName":"b","Subcategory":[{"LabelName":"a"}]}]}`)
	if got := h.Descendants("a"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("got %v", got)
	}
	if got := h.Assign([]Class{{MID: "a"}, {MID: "b"}}, true); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	var out bytes.Buffer
	if err := h.WriteTree(&out, foods(t), "a", nil); err != nil || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("got %v\n%s", err, &out)
	}
}

func TestHierarchyBad(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "h.json:1: "},
		{"{\"LabelName\":\n\"a\",\n}", "h.json:3: "},
		{`[]`, "h.json: "},
		{`{"LabelName":"a","Subcategory":[{}]}`, "expected a LabelName"},
		{`{"LabelName":"a","Part":[null]}`, "expected a LabelName"},
		{strings.Repeat(" ", maxHierarchyFile+1), "expected at most"},
	} {
		_, err := ParseHierarchy(strings.NewReader(tt.text), "h.json")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.30q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestWriteTree(t *testing.T) {
	h := parseHierarchy(t, `{"LabelName":"/m/0bl9f","Subcategory":[{"LabelName":"/m/0l515",
		"Subcategory":[{"LabelName":"/m/06pcq"},{"LabelName":"/m/0cdn1"}],"Part":[{"LabelName":"/m/x"}]}]}`)
	var out bytes.Buffer
	if err := h.WriteTree(&out, foods(t), h.Root(), nil); err != nil {
		t.Fatal(err)
	}
	want := `Entity  /m/0bl9f
  Sandwich  /m/0l515
    Hamburger  /m/0cdn1
    Submarine sandwich  /m/06pcq
    /m/x  /m/x  (part)
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func TestRealHierarchy(t *testing.T) {
	src := mirror(t)
	d, err := LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHierarchy(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadClasses(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	several := 0
	for _, n := range h.nodes {
		if len(n.parents)+len(n.wholes) > 1 {
			several++
		}
	}
	if len(h.nodes) != 602 || several != 83 || h.Root() != rootMID {
		t.Errorf("%d MIDs, %d with several parents, root %s; want 602, 83, %s", len(h.nodes), several, h.Root(), rootMID)
	}
	for _, class := range c.All() {
		if h.nodes[class.MID] == nil {
			t.Errorf("%s is not in the hierarchy", class.Name)
		}
	}
	var tree bytes.Buffer
	if err := h.WriteTree(&tree, c, h.Root(), nil); err != nil || bytes.Count(tree.Bytes(), []byte("\n")) < 848 {
		t.Errorf("%v, %d lines, want 848 or more", err, bytes.Count(tree.Bytes(), []byte("\n")))
	}
}

func FuzzParseHierarchy(f *testing.F) {
	f.Add([]byte(diamond))
	f.Add([]byte(`{"LabelName":"a","Subcategory":[{"LabelName":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHierarchy(bytes.NewReader(data), "h.json")
		if err != nil {
			return
		}
		classes := []Class{{MID: h.Root()}}
		for _, mid := range h.Descendants(h.Root()) {
			classes = append(classes, Class{MID: mid})
			if !slices.Contains(h.Ancestors(mid), h.Root()) {
				t.Fatalf("%q is below the root, which is not above it", mid)
			}
		}
		if got := h.Assign(classes[:1], true); len(got) != len(classes) {
			t.Fatalf("%d of %d classes are assigned", len(got), len(classes))
		}
	})
}

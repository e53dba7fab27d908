package sample

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image/jpeg"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var boxFiles = map[string]string{
	"train":      "v6/oidv6-train-annotations-bbox.csv",
	"validation": "v5/validation-annotations-bbox.csv",
	"test":       "v5/test-annotations-bbox.csv",
}

var imageFiles = map[string]string{
	"train":      "2018_04/train/train-images-boxable-with-rotation.csv",
	"validation": "2018_04/validation/validation-images-with-rotation.csv",
	"test":       "2018_04/test/test-images-with-rotation.csv",
}

const (
	classPath     = "v7/oidv7-class-descriptions-boxable.csv"
	hierarchyPath = "2018_04/bbox_labels_600_hierarchy.json"
)

func open(t *testing.T, s *Sample, path string) []byte {
	t.Helper()
	r, err := s.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

// readTable reads a CSV and returns its header and its rows.
func readTable(t *testing.T, s *Sample, path string) ([]string, [][]string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(open(t, s, path))).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rows[0], rows[1:]
}

func TestBoxFiles(t *testing.T) {
	s := New()
	mids := map[string]class{}
	for i, c := range classes {
		mids[c.mid] = class(i)
	}
	for subset, path := range boxFiles {
		t.Run(subset, func(t *testing.T) {
			header, rows := readTable(t, s, path)
			want := boxHeader
			if subset == "train" {
				want += clickHeader
			}
			if got := strings.Join(header, ","); got != want {
				t.Fatalf("header %s", got)
			}
			if !slices.IsSortedFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) }) {
				t.Error("rows are not sorted by image id")
			}
			var count [len(classes)]int
			flags := make([]int, 5)
			for _, row := range rows {
				c, ok := mids[row[2]]
				if !ok {
					t.Fatalf("unknown class %s", row[2])
				}
				count[c]++
				var edge [4]float64
				for i := range edge {
					v, err := strconv.ParseFloat(row[4+i], 64)
					if err != nil || len(row[4+i]) != 8 {
						t.Fatalf("coordinate %q", row[4+i])
					}
					edge[i] = v
				}
				if edge[0] < 0 || edge[0] >= edge[1] || edge[1] > 1 || edge[2] < 0 || edge[2] >= edge[3] || edge[3] > 1 {
					t.Fatalf("box %v", row)
				}
				if s.byID[row[0]] == nil || s.byID[row[0]].subset != subset {
					t.Fatalf("box of an unknown photo %s", row[0])
				}
				for i := range flags {
					if row[8+i] == "1" {
						flags[i]++
					}
				}
			}
			for c, n := range count {
				if n < 8 {
					t.Errorf("%s has %d boxes", classes[c].name, n)
				}
			}
			for i, name := range []string{"occluded", "truncated", "group", "depiction"} {
				if flags[i] == 0 || flags[i] > len(rows)*7/10 {
					t.Errorf("%d of %d boxes are %s", flags[i], len(rows), name)
				}
			}
			if subset == "train" {
				h, w := count[classHamburger], count[classSandwich]
				if h+w < 1300 || h+w > 1600 || h*4 < w*3 || w*4 < h*3 {
					t.Errorf("%d hamburgers and %d sandwiches", h, w)
				}
			}
		})
	}
}

func TestImageLists(t *testing.T) {
	s := New()
	seen := map[string]bool{}
	authors := map[string]bool{}
	var nobody, commas, quotes, lines, noRotation int
	rotated := map[string]int{}
	for _, sub := range subsets {
		header, rows := readTable(t, s, imageFiles[sub.name])
		if got := strings.Join(header, ","); got != imageHeader {
			t.Fatalf("header %s", got)
		}
		if len(rows) != sub.photos {
			t.Errorf("%s has %d photos", sub.name, len(rows))
		}
		if slices.IsSortedFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) }) {
			t.Error("the official lists are not sorted; this one is")
		}
		for _, row := range rows {
			id := row[0]
			if _, err := hex.DecodeString(id); err != nil || len(id) != 16 || seen[id] {
				t.Errorf("image id %q is bad or not the only one", id)
			}
			seen[id] = true
			if want := "sample:" + sub.name + "/" + id + ".jpg"; row[1] != sub.name || row[2] != want {
				t.Errorf("subset %s, address %s", row[1], row[2])
			}
			if (row[5] == "") != (row[6] == "") {
				t.Errorf("author %q of %q", row[6], row[5])
			}
			authors[row[5]] = true
			if row[6] == "" {
				nobody++
			}
			if strings.Contains(row[7], ",") {
				commas++
			}
			if strings.Contains(row[7], `"`) {
				quotes++
			}
			if strings.Contains(row[7], "\n") {
				lines++
			}
			if row[11] == "" {
				noRotation++
			}
			rotated[row[11]]++
		}
	}
	if len(authors) < 200 || len(authors) > 251 {
		t.Errorf("%d authors", len(authors))
	}
	for name, n := range map[string]int{"no author": nobody, "comma": commas, "quote": quotes, "line end": lines, "no rotation": noRotation, "90": rotated["90.0"], "180": rotated["180.0"], "270": rotated["270.0"]} {
		if n == 0 {
			t.Errorf("no photo with: %s", name)
		}
	}
}

func TestClassesAndHierarchy(t *testing.T) {
	s := New()
	header, rows := readTable(t, s, classPath)
	if header[0] != "LabelName" || header[1] != "DisplayName" {
		t.Errorf("header %v", header)
	}
	names := map[string]string{}
	for _, row := range rows {
		names[row[0]] = row[1]
	}
	var root node
	if err := json.Unmarshal(open(t, s, hierarchyPath), &root); err != nil {
		t.Fatal(err)
	}
	parents := map[string][]string{}
	parts := 0
	var walk func(n node)
	walk = func(n node) {
		for _, c := range n.Subcategory {
			parents[names[c.LabelName]] = append(parents[names[c.LabelName]], names[n.LabelName])
			walk(c)
		}
		for _, c := range n.Part {
			parts++
			walk(c)
		}
		if n.LabelName != root.LabelName && names[n.LabelName] == "" {
			t.Errorf("%s has no name", n.LabelName)
		}
	}
	walk(root)
	if got := parents["Hamburger"]; !slices.Equal(got, []string{"Sandwich"}) {
		t.Errorf("Hamburger lies under %v", got)
	}
	if got := parents["Muffin"]; len(got) != 2 {
		t.Errorf("Muffin lies under %v", got)
	}
	if parts == 0 {
		t.Error("no Part edge")
	}
	for _, c := range classes {
		if names[c.mid] != c.name || len(parents[c.name]) == 0 {
			t.Errorf("%s is %q, under %v", c.mid, names[c.mid], parents[c.name])
		}
	}
}

func TestUnknown(t *testing.T) {
	s := New()
	if _, err := s.Open(context.Background(), "v7/nothing.csv"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown path: %v", err)
	}
	id := s.index["train"][0].id
	for _, c := range [][2]string{{"train", "0000000000000000"}, {"test", id}, {"", id}, {"train", ""}} {
		if _, err := s.Photo(c[0], c[1]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("photo %q: %v", c, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Open(ctx, classPath); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestPhotos decodes pictures and draws them again from several goroutines, in
// another order and with another Sample.
func TestPhotos(t *testing.T) {
	first, second := New(), New()
	list := first.index["train"][:12]
	want := make([][]byte, len(list))
	for i, p := range list {
		data, err := first.Photo(p.subset, p.id)
		if err != nil {
			t.Fatal(err)
		}
		want[i] = data
		picture, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		m := second.measure(&list[i])
		if b := picture.Bounds(); b.Dx() != m.w || b.Dy() != m.h {
			t.Errorf("%s is %v, its measure says %dx%d", p.id, b, m.w, m.h)
		}
	}
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for i := range list {
				i = len(list) - 1 - (i+4*worker)%len(list)
				if data, err := second.Photo(list[i].subset, list[i].id); err != nil || !bytes.Equal(data, want[i]) {
					t.Errorf("photo %d differs (%v)", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestTwins(t *testing.T) {
	s := New()
	for _, pair := range twins {
		a, b := s.index[pair[0].subset][pair[0].number], s.index[pair[1].subset][pair[1].number]
		if a.id == b.id || a.author == b.author {
			t.Errorf("twins %v: ids %s, %s; authors %v, %v", pair, a.id, b.id, a.author, b.author)
		}
		x, err := s.Photo(a.subset, a.id)
		if err != nil {
			t.Fatal(err)
		}
		y, err := s.Photo(b.subset, b.id)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Errorf("twins %v are not the same bytes", pair)
		}
		m := s.measure(&a)
		if !slices.ContainsFunc(m.boxes, func(b box) bool { return b.class <= classSandwich && !b.depiction }) {
			t.Errorf("twins %v show neither a hamburger nor a sandwich", pair)
		}
	}
}

// TestGolden pins every metadata file and some pictures, before JPEG, to the
// bit.
func TestGolden(t *testing.T) {
	s := New()
	h := sha256.New()
	for _, sub := range subsets {
		h.Write(open(t, s, boxFiles[sub.name]))
		h.Write(open(t, s, imageFiles[sub.name]))
	}
	h.Write(open(t, s, classPath))
	h.Write(open(t, s, hierarchyPath))
	if got := hex.EncodeToString(h.Sum(nil))[:32]; got != goldenFiles {
		t.Errorf("metadata files hash to %s", got)
	}
	h.Reset()
	for i := 0; i < 1150; i += 97 {
		p := &s.index["train"][i]
		h.Write(s.draw(p, compose(p.seed, p.habit, s.noise(), true)).rgb)
	}
	if got := hex.EncodeToString(h.Sum(nil))[:32]; got != goldenPixels {
		t.Errorf("pictures hash to %s", got)
	}
}

const (
	goldenFiles  = "505867b5e31aeb57c482dd6a6ca323b1"
	goldenPixels = "3665b135d469e6a5684fec1170b47a79"
)

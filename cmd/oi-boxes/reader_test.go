package main

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A plainReader answers queries by reading everything, and knows nothing of how
// the command does it.
type plainReader struct {
	boxes  map[string][]plainBox          // by subset, in the list's order
	author map[string]map[string]string   // of each photo listed, by subset
	above  map[string]map[string]struct{} // what a MID is a kind of
}

type plainBox struct {
	id, mid, key string
	x0, x1       float64
	y0, y1       float64
	occluded     string
}

func (b *plainBox) sound() bool {
	return 0 <= b.x0 && b.x0 < b.x1 && b.x1 <= 1 && 0 <= b.y0 && b.y0 < b.y1 && b.y1 <= 1
}

func (b *plainBox) meets(o *plainBox) bool {
	return max(b.x0, o.x0) < min(b.x1, o.x1) && max(b.y0, o.y0) < min(b.y1, o.y1)
}

// readCSV returns the rows of a list by the names of its columns.
func readCSV(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // read only
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, fields := range all[1:] {
		row := map[string]string{}
		for i, title := range all[0] {
			row[title] = strings.TrimSpace(fields[i])
		}
		rows = append(rows, row)
	}
	return rows
}

// newPlainReader reads a data set that has the classes of madeUp.
func newPlainReader(t *testing.T, dir string) *plainReader {
	t.Helper()
	r := &plainReader{boxes: map[string][]plainBox{}, author: map[string]map[string]string{}}
	// Hamburger is a kind of Sandwich, that and Pizza are kinds of Food.
	set := func(mids ...string) map[string]struct{} {
		m := map[string]struct{}{"/m/0bl9f": {}}
		for _, mid := range mids {
			m[mid] = struct{}{}
		}
		return m
	}
	r.above = map[string]map[string]struct{}{
		"/m/0cdn1": set("/m/0l515", "/m/02wbm"), "/m/0l515": set("/m/02wbm"), "/m/0663v": set("/m/02wbm"), "/m/02wbm": set(), "/m/01g317": set(),
	}
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	for _, subset := range openimages.Subsets() {
		boxes, err1 := d.Boxes(subset)
		images, err2 := d.Images(subset)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		for _, row := range readCSV(t, filepath.Join(dir, boxes.Path)) {
			b := plainBox{id: row["ImageID"], mid: row["LabelName"], occluded: row["IsOccluded"]}
			text := b.mid
			for _, edge := range []struct {
				title string
				to    *float64
			}{{"XMin", &b.x0}, {"XMax", &b.x1}, {"YMin", &b.y0}, {"YMax", &b.y1}} {
				v, err := strconv.ParseFloat(row[edge.title], 64)
				if err != nil {
					t.Fatal(err)
				}
				*edge.to = v
				short := strconv.FormatFloat(v, 'f', -1, 64)
				if !strings.Contains(short, ".") {
					short += "."
				}
				_, decimals, _ := strings.Cut(short, ".")
				text += "," + short + strings.Repeat("0", max(0, 6-len(decimals)))
			}
			b.key = fmt.Sprintf("%s-%x", b.id, sha256.Sum256([]byte(text)))[:len(b.id)+9]
			r.boxes[subset] = append(r.boxes[subset], b)
		}
		r.author[subset] = map[string]string{}
		for _, row := range readCSV(t, filepath.Join(dir, images.Path)) {
			r.author[subset][row["ImageID"]] = row["AuthorProfileURL"]
		}
	}
	return r
}

// A plainQuery is what the reader is asked.
type plainQuery struct {
	subsets  []string
	classes  map[string]string // label by MID asked for, alone
	strict   bool
	occluded string // "" for any
	only     []string
	not      []string
}

// answer returns what is kept before any limit, with its label, and what can be
// a negative, by subset and key, and how many rows were found in each subset.
func (r *plainReader) answer(q *plainQuery) (kept map[string]string, negatives map[string]bool, found map[string]int) {
	kept, negatives, found = map[string]string{}, map[string]bool{}, map[string]int{}
	held := map[string]bool{}
	for _, subset := range q.subsets {
		for _, b := range r.boxes[subset] {
			if _, asked := q.classes[b.mid]; asked {
				found[subset]++
				if author, listed := r.author[subset][b.id]; listed && author != "" && subset != "train" {
					held[author] = true
				}
			}
		}
	}
	refused := func(b *plainBox) bool {
		return q.occluded != "" && b.occluded != q.occluded ||
			len(q.only) > 0 && !slices.Contains(q.only, b.id) && !slices.Contains(q.only, b.key) ||
			slices.Contains(q.not, b.id) || slices.Contains(q.not, b.key)
	}
	related := func(mid string) bool {
		for asked := range q.classes {
			_, below := r.above[mid][asked]
			_, over := r.above[asked][mid]
			if below || over || mid == asked {
				return true
			}
		}
		return false
	}
	for _, subset := range q.subsets {
		seen := map[string]bool{}
		for i := range r.boxes[subset] {
			b := &r.boxes[subset][i]
			again := seen[b.key]
			seen[b.key] = true
			author, listed := r.author[subset][b.id]
			label, asked := q.classes[b.mid]
			if !b.sound() || again || !listed || q.strict && subset == "train" && held[author] || refused(b) {
				continue
			}
			switch {
			case asked:
				kept[subset+" "+b.key] = label
			case found[subset] > 0 && !related(b.mid) && !slices.ContainsFunc(r.boxes[subset], func(o plainBox) bool {
				_, asked := q.classes[o.mid]
				return asked && o.id == b.id && o.meets(b)
			}):
				negatives[subset+" "+b.key] = true
			}
		}
	}
	return kept, negatives, found
}

// TestAgainstReader asks random queries and compares with the plain reader, on
// the lists as they are and as another program has saved them.
func TestAgainstReader(t *testing.T) {
	names := map[string]string{"/m/0cdn1": "Hamburger", "/m/0l515": "Sandwich", "/m/0663v": "Pizza", "/m/01g317": "Person"}
	dir := madeUp(t)
	reader := newPlainReader(t, dir)
	folders := []string{dir, saveAgain(t, dir)}
	rng := rand.New(rand.NewPCG(101, 102))
	met := map[string]int{} // what happened, how often
	for round := range 80 {
		q := &plainQuery{classes: map[string]string{}}
		var args []string
		p := place{args: []string{"--metadata", folders[round%2], "--max-skips", "100%", "--seed", strconv.Itoa(rng.IntN(5))}}
		for _, mid := range slices.Sorted(maps.Keys(names)) {
			if rng.IntN(3) == 0 || mid == "/m/01g317" && len(q.classes) == 0 {
				q.classes[mid] = names[mid]
				p.classes = append(p.classes, names[mid])
			}
		}
		for _, subset := range openimages.Subsets() {
			if rng.IntN(3) > 0 || subset == "test" && len(q.subsets) == 0 {
				q.subsets = append(q.subsets, subset)
			}
		}
		args = append(args, "--subset", strings.Join(q.subsets, ","))
		if q.strict = rng.IntN(3) == 0; q.strict {
			args = append(args, "--strict-authors")
		}
		if rng.IntN(4) == 0 {
			q.occluded = "0"
			args = append(args, "--occluded", "no")
		}
		for _, list := range []struct {
			flag string
			to   *[]string
			keep int
		}{{"--ids", &q.only, 2}, {"--exclude-ids", &q.not, 1}} {
			if rng.IntN(4) > 0 {
				continue
			}
			for _, b := range reader.boxes[q.subsets[0]] {
				if rng.IntN(3) < list.keep {
					*list.to = append(*list.to, []string{b.id, b.key}[rng.IntN(2)])
				}
			}
			file := filepath.Join(t.TempDir(), "ids")
			writeFile(t, file, strings.Join(*list.to, "\n")+"\n")
			args = append(args, list.flag, file)
		}
		negatives := []int{0, 1, 7, 40, 1000}[rng.IntN(5)]
		if negatives > 0 {
			args = append(args, "--negatives", strconv.Itoa(negatives))
		}
		limit := 0
		if rng.IntN(3) == 0 {
			limit = []int{1, 10, 100}[rng.IntN(3)]
			args = append(args, "--limit", strconv.Itoa(limit))
		}

		kept, fit, _ := reader.answer(q)
		items, _ := p.answer(t, args...)
		if items == nil && len(kept) > 0 {
			t.Errorf("%q %v: nothing, want %d", args, p.classes, len(kept))
			continue
		}
		got, drawn := map[string]string{}, map[string]bool{}
		for _, item := range items {
			name := item.Subset + " " + item.Key
			if strings.HasPrefix(item.Label.Name, "not ") || strings.HasPrefix(item.Label.Name, "none of ") {
				if !fit[name] || drawn[name] {
					t.Errorf("%q %v: %s is no negative, or twice there", args, p.classes, name)
				}
				drawn[name] = true
				continue
			}
			got[name] = item.Label.Name
			if kept[name] != item.Label.Name {
				t.Errorf("%q %v: %s is %s, want %q", args, p.classes, name, item.Label.Name, kept[name])
			}
		}
		want := len(kept)
		if limit > 0 {
			want = min(want, limit)
		}
		if len(got) != want {
			t.Errorf("%q %v: %d boxes, want %d", args, p.classes, len(got), want)
		}
		if want := min(negatives, len(fit)); len(drawn) != want {
			t.Errorf("%q %v: %d negatives, want %d of %d", args, p.classes, len(drawn), want, len(fit))
		}
		for what, is := range map[string]bool{
			"kept": len(kept) > 0, "negatives": len(drawn) > 0, "too few negatives": len(drawn) < negatives,
			"limit": limit > 0 && len(kept) > limit, "strict": q.strict && len(kept) > 0, "ids": len(q.only) > 0, "excluded": len(q.not) > 0,
		} {
			if is {
				met[what]++
			}
		}
	}
	if len(met) != 7 {
		t.Errorf("only this happened: %v", met)
	}
}

package selection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// labelWorld is a made-up list of image-level labels.
type labelWorld struct {
	rows  map[string][][3]string // photo, MID, confidence, by subset
	known map[string]bool        // photos that the image list has
}

func newLabelWorld(rng *rand.Rand) *labelWorld {
	w := &labelWorld{rows: map[string][][3]string{}, known: map[string]bool{}}
	for n, subset := range openimages.Subsets() {
		for p := range 10 + rng.IntN(60) {
			id := oitest.HexID(uint64(n)<<60 | uint64(p)*0x7654321)
			if p%9 == 5 {
				id = fmt.Sprintf("photo-%d-%d", n, p)
			}
			w.known[id] = rng.IntN(12) > 0
			for range 1 + rng.IntN(5) {
				w.rows[subset] = append(w.rows[subset], [3]string{id, "/m/" + string(rune('a'+rng.IntN(8))), []string{"0", "1", "1.0"}[rng.IntN(3)]})
			}
		}
	}
	return w
}

func (w *labelWorld) source(t *testing.T, d openimages.Dataset) mapSource {
	t.Helper()
	m := mapSource{}
	for _, subset := range openimages.Subsets() {
		labels, err := d.Labels(subset)
		if err != nil {
			t.Fatal(err)
		}
		images, err := d.Labelled(subset)
		if err != nil {
			t.Fatal(err)
		}
		text := "ImageID,Source,LabelName,Confidence\n"
		list := "ImageID,OriginalURL\n"
		listed := map[string]bool{}
		for _, row := range w.rows[subset] {
			text += row[0] + ",verification," + row[1] + "," + row[2] + "\n"
			if w.known[row[0]] && !listed[row[0]] {
				listed[row[0]] = true
				list += row[0] + ",http://photo/" + row[0] + "\n"
			}
		}
		m[labels.Path], m[images.Path] = text, list
	}
	return m
}

// said returns whether a photo has a row of a MID with this confidence.
func said(rows [][3]string, id, mid string, yes bool) bool {
	return slices.ContainsFunc(rows, func(r [3]string) bool { return r[0] == id && r[1] == mid && (r[2] != "0") == yes })
}

// TestImageLabels compares with a plain look at all rows. The classes are a, b
// and c with the kind d below it; a is a kind of e; f and g have nothing to do
// with them. h is a kind of a, and b a kind of h.
func TestImageLabels(t *testing.T) {
	whole := record.Box{XMax: 1, YMax: 1, Occluded: -1, Truncated: -1, GroupOf: -1, Depiction: -1, Inside: -1}
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	assign := map[string]int{"/m/a": 0, "/m/b": 1, "/m/c": 2, "/m/d": 2}
	above := map[[2]int]bool{{1, 0}: true} // b wins over a
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newLabelWorld(rng)
		if seed%2 == 1 {
			for _, rows := range w.rows {
				rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			}
		}
		for _, negatives := range []int64{0, 3, 20, 500} {
			q := &Query{
				Source: w.source(t, d), Dataset: d, Subsets: []string{openimages.Train, openimages.Validation}, ImageLabels: true,
				Classes: []openimages.Class{{MID: "/m/a", Name: "A"}, {MID: "/m/b", Name: "B"}, {Name: "C"}}, Assign: assign,
				Veto:         []map[string]bool{{"/m/g": true}, nil, {"/m/e": true, "/m/g": true}},
				MoreSpecific: func(a, b int) bool { return above[[2]int{a, b}] },
				Deny:         [][]string{{"/m/a", "/m/e"}, {"/m/b", "/m/h", "/m/a", "/m/e"}, {"/m/c"}},
				Kinds:        map[string]bool{"/m/a": true, "/m/b": true, "/m/c": true, "/m/d": true, "/m/h": true},
				Unfit:        map[string]bool{"/m/a": true, "/m/b": true, "/m/c": true, "/m/d": true, "/m/h": true, "/m/e": true},
				NotName:      "none", Negatives: negatives, Seed: seed,
				Set: func(subset, group string) string { return subset }, Group: groupOf,
			}
			l := newLedger()
			items := collect(t, q, l)
			l.balance(t)
			got := map[string]string{}
			for _, item := range items {
				if _, again := got[item.ID]; again {
					t.Errorf("photo %s comes twice", item.ID)
				}
				got[item.ID] = item.Label.Name
				if !reflect.DeepEqual(*item.Box, whole) || item.Avoid != nil || item.Image == nil || !w.known[item.ID] {
					t.Errorf("item %+v", item)
				}
			}
			drawn, most := int64(0), int64(0)
			for _, subset := range q.Subsets {
				rows := w.rows[subset]
				asked := slices.ContainsFunc(rows, func(r [3]string) bool {
					_, ok := assign[r[1]]
					return ok && r[2] != "0"
				})
				for id, fits := range plainLabels(rows) {
					want := fits
					if !w.known[id] {
						want = ""
					}
					label := got[id]
					switch {
					case want == "" && label == "none":
						if reason := unfit(rows, id); reason != "" {
							t.Errorf("seed %d: %s is a negative, but %s", seed, id, reason)
						}
						drawn++
					case label != want:
						t.Errorf("seed %d: %s got %q, want %q", seed, id, label, want)
					}
					if asked && w.known[id] && unfit(rows, id) == "" {
						most++
					}
				}
			}
			checkTiers(t, w, q, got)
			if drawn != min(negatives, most) {
				t.Errorf("seed %d: %d of %d negatives, %d asked for", seed, drawn, most, negatives)
			}
		}
	}
}

func collect(t *testing.T, q *Query, l *ledger) []*record.Item {
	t.Helper()
	s, err := q.Collect(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	var items []*record.Item
	if err := emit(t.Context(), s, func(item *record.Item) error {
		items = append(items, item)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return items
}

// plainLabels is the label of each photo, "" for none or several.
func plainLabels(rows [][3]string) map[string]string {
	labels := map[string]string{}
	for _, row := range rows {
		id := row[0]
		is := func(mid string) bool { return said(rows, id, mid, true) }
		a, b, c := is("/m/a") && !is("/m/b"), is("/m/b"), is("/m/c") || is("/m/d")
		labels[id] = ""
		switch {
		case c && (a || b): // several
		case a && !is("/m/g"): // else left out
			labels[id] = "A"
		case b:
			labels[id] = "B"
		case c && !is("/m/g") && !is("/m/e"):
			labels[id] = "C"
		}
	}
	return labels
}

// unfit is why a photo can be no negative, or "".
func unfit(rows [][3]string, id string) string {
	for _, mid := range []string{"/m/a", "/m/b", "/m/c", "/m/d", "/m/h"} {
		if said(rows, id, mid, true) {
			return "it shows " + mid
		}
	}
	if denied(rows, id) {
		return ""
	}
	if said(rows, id, "/m/e", true) {
		return "it may show what is a kind of /m/e"
	}
	if !said(rows, id, "/m/f", true) && !said(rows, id, "/m/g", true) {
		return "nobody has said what it shows"
	}
	return ""
}

// denied is whether people have denied all classes.
func denied(rows [][3]string, id string) bool {
	no := func(mid string) bool { return said(rows, id, mid, false) }
	return (no("/m/a") || no("/m/e")) && (no("/m/b") || no("/m/h") || no("/m/a") || no("/m/e")) && no("/m/c")
}

// checkTiers checks that verified negatives come first: where another negative
// is taken, none of them is left.
func checkTiers(t *testing.T, w *labelWorld, q *Query, got map[string]string) {
	t.Helper()
	for _, subset := range q.Subsets {
		rows := w.rows[subset]
		left, others := 0, 0
		for id := range plainLabels(rows) {
			switch verified := denied(rows, id) && unfit(rows, id) == ""; {
			case verified && w.known[id] && got[id] != "none":
				left++
			case !verified && got[id] == "none":
				others++
			}
		}
		if left > 0 && others > 0 {
			t.Errorf("%s: %d others while %d verified negatives are left", subset, others, left)
		}
	}
}

// TestNegativesGrow checks that more negatives hold all of fewer, in an image
// list's world without positives to shift the shares.
func TestNegativesGrow(t *testing.T) {
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	w := newLabelWorld(rand.New(rand.NewPCG(3, 4)))
	var before []string
	for n := int64(1); n < 70; n += 3 {
		q := &Query{
			Source: w.source(t, d), Dataset: d, Subsets: []string{openimages.Train}, ImageLabels: true,
			Classes: []openimages.Class{{MID: "/m/a", Name: "A"}}, Assign: map[string]int{"/m/a": 0}, Deny: [][]string{{"/m/a"}},
			Unfit: map[string]bool{"/m/a": true}, NotName: "not A", Negatives: n, Seed: 9,
			Set: func(subset, group string) string { return subset }, Group: groupOf,
		}
		var now []string
		for _, item := range collect(t, q, newLedger()) {
			if item.Label.Name == "not A" {
				now = append(now, item.Key)
			}
		}
		for _, key := range before {
			if !slices.Contains(now, key) {
				t.Errorf("%s is among fewer negatives and not among %d", key, n)
			}
		}
		before = now
	}
	if len(before) < 10 {
		t.Errorf("only %d negatives: %s", len(before), strings.Join(before, " "))
	}
}

func TestLabelRowsAreChecked(t *testing.T) {
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	w := &labelWorld{rows: map[string][][3]string{openimages.Train: {{"a1", "/m/a", "0.5"}, {"a2", "/m/a", "1"}, {"b/2", "/m/a", "1"}}}, known: map[string]bool{"a2": true}}
	q := &Query{
		Source: w.source(t, d), Dataset: d, Subsets: []string{openimages.Train}, ImageLabels: true,
		Classes: []openimages.Class{{MID: "/m/a", Name: "A"}}, Assign: map[string]int{"/m/a": 0},
		Set: func(subset, group string) string { return subset }, Group: func(u, a, id string) string { return cmp.Or(u, a, id) },
	}
	l := newLedger()
	items := collect(t, q, l)
	sum := sha256.Sum256([]byte("/m/a,0,1,0,1"))
	if len(items) != 1 || items[0].Key != "a2-"+hex.EncodeToString(sum[:4]) || l.skipped[ReasonMalformed] != 2 {
		t.Errorf("got %d items, skipped %v", len(items), l.skipped)
	}
	l.balance(t)
}

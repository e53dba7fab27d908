package selection

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

var errTooMany = errors.New("too many")

// world is a small data set with everything that can go wrong.
type world struct {
	boxes  map[string][]string // rows by subset, as text
	images map[string][]string
}

func (w *world) source(t testing.TB, d openimages.Dataset) mapSource {
	t.Helper()
	m := mapSource{}
	for _, subset := range openimages.Subsets() {
		m[list(t, d.Boxes, subset)] = header13 + "\n" + strings.Join(w.boxes[subset], "\n") + "\n"
		m[list(t, d.Images, subset)] = "ImageID,OriginalURL,AuthorProfileURL,Author,Title\n" + strings.Join(w.images[subset], "\n")
	}
	return m
}

// newWorld makes random rows. Sorted, a photo's rows stand together.
func newWorld(rng *rand.Rand, sorted bool) *world {
	w := &world{boxes: map[string][]string{}, images: map[string][]string{}}
	mids := []string{"/m/a", "/m/b", "/m/c", "/m/d", "/m/e"}
	for n, subset := range openimages.Subsets() {
		photos := 5 + rng.IntN(30)
		for p := range photos {
			id := oitest.HexID(uint64(n)<<60 | uint64(p)*0x1234567)
			if p%7 == 3 {
				id = fmt.Sprintf("photo-%d-%d", n, p)
			}
			for range 1 + rng.IntN(5) {
				coordinate := func() string { return fmt.Sprintf("%.1f", float64(rng.IntN(14)-1)/10) } // some out of range
				row := fmt.Sprintf("%s,x,%s,1,%s,%s,%s,%s,%d,0,-1,0,0", id, mids[rng.IntN(len(mids))],
					coordinate(), coordinate(), coordinate(), coordinate(), rng.IntN(2))
				w.boxes[subset] = append(w.boxes[subset], row)
				if rng.IntN(6) == 0 {
					w.boxes[subset] = append(w.boxes[subset], row) // again
				}
			}
			if rng.IntN(8) > 0 {
				author := []string{"", "http://x/anna", fmt.Sprintf("http://x/%d", rng.IntN(20))}[min(rng.IntN(6), 2)]
				name := []string{"", "Dora"}[rng.IntN(2)]
				w.images[subset] = append(w.images[subset], fmt.Sprintf("%s,http://photo/%s,%s,%s,\"a \"\"title\"\",\nin two lines\"", id, id, author, name))
			}
		}
		rng.Shuffle(len(w.images[subset]), func(i, j int) {
			l := w.images[subset]
			l[i], l[j] = l[j], l[i]
		})
		if !sorted {
			rng.Shuffle(len(w.boxes[subset]), func(i, j int) {
				l := w.boxes[subset]
				l[i], l[j] = l[j], l[i]
			})
		}
	}
	return w
}

func groupOf(authorURL, author, id string) string { return cmp.Or(authorURL, author, id) }

// naive answers a query without a limit or negatives by loading everything.
func naive(t testing.TB, w *world, q *Query) (items []*record.Item, fates map[string]int64) {
	t.Helper()
	type photo struct {
		image record.Image
		group string
	}
	fates = map[string]int64{}
	listed := map[string]map[string]photo{}
	held := map[string]bool{}
	for _, subset := range q.Subsets {
		listed[subset] = map[string]photo{}
		for _, row := range w.images[subset] {
			f := strings.SplitN(row, ",", 5)
			listed[subset][f[0]] = photo{
				record.Image{URL: f[1], AuthorURL: f[2], Author: f[3], Title: "a \"title\",\nin two lines"},
				groupOf(f[2], f[3], f[0]),
			}
		}
		for _, text := range w.boxes[subset] {
			f := strings.Split(text, ",")
			if _, asked := q.Assign[f[2]]; asked && subset != openimages.Train {
				if p, ok := listed[subset][f[0]]; ok {
					held[p.group] = true
				}
			}
		}
	}
	for _, subset := range openimages.Subsets() {
		if !slices.Contains(q.Subsets, subset) {
			continue
		}
		var rows []openimages.BoxRow
		seen := map[string]bool{}
		for i, text := range w.boxes[subset] {
			f := strings.Split(text, ",")
			if _, asked := q.Assign[f[2]]; !asked {
				continue
			}
			row := plainRow(t, f, int64(i+2))
			fates["in"]++
			if seen[row.Key()] {
				fates[ReasonDuplicate]++
				continue
			}
			seen[row.Key()] = true
			rows = append(rows, row)
		}
		for i, row := range rows {
			p, ok := listed[subset][row.ImageID]
			switch {
			case !row.Sane():
				fates[ReasonBadBox]++
				continue
			case !ok:
				fates[ReasonNotListed]++
				continue
			case q.StrictAuthors && subset == openimages.Train && held[p.group]:
				fates[ReasonAuthor]++
				continue
			}
			class := q.Classes[q.Assign[row.MID]]
			item := &record.Item{
				ID: row.ImageID, Key: row.Key(), Subset: subset, Set: q.Set(subset, p.group),
				Label: &record.Label{MID: class.MID, Name: class.Name}, Box: &row.Box, Image: &p.image,
			}
			for j, o := range rows {
				r := record.Rect{XMin: max(o.Box.XMin, 0), XMax: min(o.Box.XMax, 1), YMin: max(o.Box.YMin, 0), YMax: min(o.Box.YMax, 1)}
				if j != i && o.ImageID == row.ImageID && r.XMin < r.XMax && r.YMin < r.YMax {
					item.Avoid = append(item.Avoid, r)
				}
			}
			items = append(items, item)
			fates["out"]++
		}
	}
	return items, fates
}

// ask runs a query to its end.
func ask(t testing.TB, q *Query) ([]*record.Item, *ledger, *Selection) {
	t.Helper()
	l := newLedger()
	s, err := q.Collect(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	var items []*record.Item
	err = emit(t.Context(), s, func(item *record.Item) error {
		items = append(items, item)
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	l.balance(t)
	return items, l, s
}

func testQuery(t testing.TB, w *world) *Query {
	t.Helper()
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	return &Query{
		Source: w.source(t, d), Dataset: d, Subsets: openimages.Subsets(),
		Classes: []openimages.Class{{MID: "/m/a", Name: "Apple"}, {MID: "/m/b", Name: "Banana"}},
		Assign:  map[string]int{"/m/a": 0, "/m/b": 1, "/m/c": 0}, // c is a kind of a
		NotName: "neither", Seed: 1, Group: groupOf,
		Set: func(subset, group string) string { return subset + "/" + group },
	}
}

// TestQuery compares with the plain way on random data sets, sorted by photo
// and not.
func TestQuery(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	fated := map[string]bool{}
	for i := range 60 {
		w := newWorld(rng, i%2 == 0)
		q := testQuery(t, w)
		q.StrictAuthors = i%3 == 0
		if i%5 == 0 {
			q.Subsets = []string{openimages.Validation}
		}
		want, fates := naive(t, w, q)
		got, l, s := ask(t, q)
		if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("round %d: %s", i, d)
		}
		if expected := s.Expected(); q.StrictAuthors && expected != int64(len(got)) || !q.StrictAuthors && expected != 0 {
			t.Fatalf("round %d: %d expected of %d items", i, expected, len(got))
		}
		gotFates := map[string]int64{"in": l.in}
		if l.out > 0 {
			gotFates["out"] = l.out
		}
		for _, m := range []map[string]int64{l.removed, l.skipped} {
			for reason, n := range m {
				gotFates[reason] = n
				fated[reason] = true
			}
		}
		if d := gocmp.Diff(fates, gotFates); d != "" {
			t.Fatalf("round %d: %s", i, d)
		}
		if s.Rows() != l.in || s.Tally(0).Rows+s.Tally(1).Rows != l.in || s.Tally(0).Kept+s.Tally(1).Kept != l.out {
			t.Fatalf("round %d: tallies %v %v of %d rows", i, s.Tally(0), s.Tally(1), l.in)
		}
	}
	if len(fated) != 4 {
		t.Errorf("only these fates were met: %v", fated)
	}
}

func keysOf(items []*record.Item) []string {
	var keys []string
	for _, item := range items {
		keys = append(keys, item.Label.Name+" "+item.Key)
	}
	return keys
}

// TestLimit checks that a limit is kept, is even, keeps the order, changes
// nothing in the items it keeps, and grows without exchanging any.
func TestLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 10 {
		q := testQuery(t, newWorld(rng, true))
		q.StrictAuthors = rng.IntN(2) == 0
		all, _, _ := ask(t, q)
		have := []int64{0, 0}
		byKey := map[string]*record.Item{}
		for _, item := range all {
			byKey[item.Label.Name+" "+item.Key] = item
			if item.Label.Name == "Apple" {
				have[0]++
			} else {
				have[1]++
			}
		}
		var smaller []string
		for _, limit := range []int64{1, 2, 7, 20, 1000} {
			q.Limit = limit
			got, l, s := ask(t, q)
			want := share(limit, have)
			if s.Tally(0).Kept != want[0] || s.Tally(1).Kept != want[1] {
				t.Fatalf("limit %d of %v: kept %d and %d", limit, have, s.Tally(0).Kept, s.Tally(1).Kept)
			}
			if l.removed[ReasonLimit] != int64(len(all)-len(got)) {
				t.Fatalf("limit %d: %v", limit, l.removed)
			}
			keys := keysOf(got)
			for i, item := range got {
				if d := gocmp.Diff(byKey[keys[i]], item); d != "" {
					t.Fatalf("limit %d changes an item: %s", limit, d)
				}
			}
			if !slices.IsSortedFunc(keys, func(a, b string) int {
				return cmp.Compare(slices.Index(keysOf(all), a), slices.Index(keysOf(all), b))
			}) {
				t.Fatalf("limit %d changes the order", limit)
			}
			for _, key := range smaller {
				if !slices.Contains(keys, key) {
					t.Fatalf("limit %d drops %s", limit, key)
				}
			}
			smaller = keys
		}
		q.Limit = 7
		one, _, _ := ask(t, q)
		q.Seed = 2
		two, _, _ := ask(t, q)
		if len(all) > 30 && slices.Equal(keysOf(one), keysOf(two)) {
			t.Error("another seed draws the same sample")
		}
	}
}

// TestLimitByIndex answers queries with limits, for which rows of the image
// list are mostly left alone, and again with StrictAuthors over one subset,
// which drops nothing but reads all of them: items and accounts are the same.
func TestLimitByIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	met := map[string]bool{}
	for round := range 60 {
		w := newWorld(rng, round%4 != 0)
		if round%3 > 0 { // so that the index tells all photos apart
			w.onlyHex()
		}
		w.spoilImages(rng)
		q := testQuery(t, w)
		q.Subsets = []string{openimages.Train}
		q.Limit, q.MaxPerClass, q.Balance = rng.Int64N(12), rng.Int64N(12), rng.IntN(2) == 0
		q.Limit += map[bool]int64{true: 1}[!q.limited()]
		if rng.IntN(3) == 0 {
			q.Refuse = func(box *openimages.BoxRow) string { return map[int]string{1: "occluded"}[box.Box.Occluded] }
		}
		got, gotLedger, gotSelected := ask(t, q)
		q.StrictAuthors = true
		want, wantLedger, wantSelected := ask(t, q)
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("round %d: %s", round, d)
		}
		for _, l := range []*ledger{gotLedger, wantLedger} {
			slices.Sort(l.details)
			l.items = slices.DeleteFunc(l.items, func(item *record.Item) bool { return item == nil })
			slices.SortFunc(l.items, func(a, b *record.Item) int { return cmp.Compare(a.Key, b.Key) })
		}
		if d := gocmp.Diff(wantLedger, gotLedger, gocmp.AllowUnexported(ledger{})); d != "" {
			t.Fatalf("round %d: %s", round, d)
		}
		for label := range q.Classes {
			if d := gocmp.Diff(wantSelected.Tally(label), gotSelected.Tally(label)); d != "" {
				t.Fatalf("round %d: %s", round, d)
			}
		}
		for reason := range gotLedger.skipped {
			met[reason] = true
		}
	}
	if !met[ReasonBadBox] || !met[ReasonNotListed] || !met[ReasonMalformed] {
		t.Errorf("only these failures were met: %v", met)
	}
}

// onlyHex gives photos with other ids official ones.
func (w *world) onlyHex() {
	other := regexp.MustCompile(`photo-(\d)-(\d+)`)
	for _, lists := range []map[string][]string{w.boxes, w.images} {
		for _, rows := range lists {
			for i, row := range rows {
				rows[i] = other.ReplaceAllStringFunc(row, func(id string) string {
					return oitest.HexID(csvscan.Key64(id))
				})
			}
		}
	}
}

// spoilImages breaks some rows of the image lists, and adds broken and sound
// ones for photos that have one.
func (w *world) spoilImages(rng *rand.Rand) {
	for _, subset := range slices.Sorted(maps.Keys(w.images)) { // the same in every run
		rows := w.images[subset]
		for i, row := range rows {
			id, _, _ := strings.Cut(row, ",")
			switch rng.IntN(8) {
			case 0:
				rows[i] = id + ",http://x"
			case 1:
				rows = append(rows, id+",http://x")
			case 2:
				rows = append(rows, row)
			}
		}
		// A last row that breaks off would be a list that does.
		w.images[subset] = append(rows, "ffffffffffffffff,http://x,,,")
	}
}

// fitNegatives finds, the plain way, the keys of the boxes of a subset that can
// be negatives, each with whether its author is on the other side of the
// division.
func fitNegatives(t testing.TB, w *world, q *Query, subset string) map[string]bool {
	t.Helper()
	groups := map[string]map[string]string{} // of the photos listed, by subset
	sides := map[bool]map[string]bool{true: {}, false: {}}
	asked := map[string][]openimages.BoxRow{} // of this subset, by photo
	for _, s := range q.Subsets {
		groups[s] = map[string]string{}
		for _, row := range w.images[s] {
			f := strings.SplitN(row, ",", 5)
			groups[s][f[0]] = groupOf(f[2], f[3], f[0])
		}
		for _, text := range w.boxes[s] {
			f := strings.Split(text, ",")
			if _, ok := q.Assign[f[2]]; !ok {
				continue
			}
			if g, ok := groups[s][f[0]]; ok {
				sides[s == openimages.Train][g] = true
			}
			if s == subset {
				asked[f[0]] = append(asked[f[0]], plainRow(t, f, 0))
			}
		}
	}
	fit := map[string]bool{}
	for _, text := range w.boxes[subset] {
		f := strings.Split(text, ",")
		row := plainRow(t, f, 0)
		g, listed := groups[subset][f[0]]
		_, wanted := q.Assign[f[2]]
		held := q.StrictAuthors && sides[false][g]
		other := q.StrictAuthors && sides[true][g] && !held // whose train rows stay
		if wanted || q.Unfit[f[2]] || !listed || !row.Sane() || held && subset == openimages.Train ||
			slices.ContainsFunc(asked[f[0]], func(a openimages.BoxRow) bool {
				return a.Key() == row.Key() || max(a.Box.XMin, row.Box.XMin) < min(a.Box.XMax, row.Box.XMax) &&
					max(a.Box.YMin, row.Box.YMin) < min(a.Box.YMax, row.Box.YMax)
			}) {
			continue
		}
		fit[row.Key()] = other && subset != openimages.Train
	}
	return fit
}

// TestNegatives compares with a plain look at all rows: there are as many
// negatives as were asked for, or as there can be, more of them hold all of
// fewer, and the boxes asked for stay as they are, whatever the seed.
func TestNegatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	total, shared := 0, 0
	for i := range 60 {
		w := newWorld(rng, i%2 == 0)
		for n := range i % 4 { // authors of a box in train and a negative elsewhere
			for subset, mid := range map[string]string{openimages.Train: "/m/a", openimages.Subsets()[1+n%2]: "/m/d"} {
				id := fmt.Sprintf("zolo-%s-%d", subset, n)
				w.boxes[subset] = append(w.boxes[subset], id+",x,"+mid+",1,0.1,0.2,0.3,0.4,0,0,0,0,0")
				w.images[subset] = append(w.images[subset], fmt.Sprintf("%s,http://photo/%s,http://x/zolo%d,,\"a \"\"title\"\",\nin two lines\"", id, id, n))
			}
		}
		q := testQuery(t, w)
		q.StrictAuthors = i%3 == 0
		q.Seed = uint64(i)
		q.Unfit = map[string]bool{"/m/e": true}
		plain, _, _ := ask(t, q)
		fit := map[string]map[string]bool{}
		most, own := 0, 0
		for _, subset := range openimages.Subsets() {
			fit[subset] = fitNegatives(t, w, q, subset)
			if !slices.ContainsFunc(w.boxes[subset], func(row string) bool {
				_, asked := q.Assign[strings.Split(row, ",")[2]]
				return asked
			}) {
				clear(fit[subset]) // nothing to be negatives of
			}
			most += len(fit[subset])
			for _, other := range fit[subset] {
				if !other {
					own++
				}
			}
		}
		before := map[string][]string{} // by subset
		for _, n := range []int64{1, 2, 5, 12, 40, math.MaxInt64} {
			q.Negatives = n
			mixed, l, s := ask(t, q)
			again, _, _ := ask(t, q)
			if d := gocmp.Diff(mixed, again); d != "" {
				t.Fatalf("not the same twice: %s", d)
			}
			var positives []*record.Item
			keys := map[string][]string{}
			count, last := 0, ""
			for _, item := range mixed {
				if slices.Index(openimages.Subsets(), item.Subset) < slices.Index(openimages.Subsets(), last) {
					t.Fatal("subsets out of order")
				}
				last = item.Subset
				if item.Label.Name != "neither" {
					positives = append(positives, item)
					continue
				}
				other, ok := fit[item.Subset][item.Key]
				if !ok || item.Label.MID != "" || slices.Contains(keys[item.Subset], item.Key) {
					t.Errorf("round %d: %s of %s is no negative, or twice there", i, item.Key, item.Subset)
				}
				if other {
					shared++
				}
				keys[item.Subset] = append(keys[item.Subset], item.Key)
				count++
			}
			want := int(min(n, int64(most)))
			if tally := s.Tally(2); count != want || tally.Rows != int64(want) || tally.Kept != int64(want) || len(tally.Lost) > 0 {
				t.Errorf("round %d: %d of %d negatives, %d asked for, tally %+v", i, count, most, n, tally)
			}
			if got, want := s.SharedNegatives(), int64(max(want-own, 0)); n == math.MaxInt64 && got != want {
				t.Errorf("round %d: %d negatives of shared authors, want %d", i, got, want)
			}
			if d := gocmp.Diff(plain, positives); d != "" {
				t.Fatalf("negatives change the others: %s", d)
			}
			for subset, list := range keys {
				fewer, more := before[subset], list
				if len(fewer) > len(more) {
					fewer, more = more, fewer
				}
				for _, key := range fewer {
					if !slices.Contains(more, key) {
						t.Errorf("round %d: %s is among %d negatives of %s and not among %d", i, key, len(fewer), subset, len(more))
					}
				}
			}
			before = keys
			total += count
			l.balance(t)
		}
	}
	if total < 500 || shared < 20 {
		t.Errorf("only %d negatives in all, %d of shared authors", total, shared)
	}
}

func TestQueryMalformed(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(1, 1)), true)
	w.boxes[openimages.Train] = append(w.boxes[openimages.Train], "0001,x,/m/a,1,north,0.2,0.3,0.4,0,0,0,0,0", "0001", "\"0001\"x")
	w.images[openimages.Train] = append(w.images[openimages.Train], "\"open", "")
	q := testQuery(t, w)
	q.Subsets = []string{openimages.Train}
	_, l, _ := ask(t, q)
	if l.skipped[ReasonMalformed] != 4 {
		t.Errorf("skipped %v, want 4 malformed", l.skipped)
	}
	d, err := q.Dataset.Boxes(openimages.Train)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s:%d: XMin: expected a number, found \"north\"", d.Path, len(w.boxes[openimages.Train])-1)
	if !slices.Contains(l.details, want) {
		t.Errorf("got %q, want %s", l.details, want)
	}
	few := newLedger()
	few.most = 1
	if _, err := q.Collect(t.Context(), few); !errors.Is(err, errTooMany) {
		t.Errorf("the scan goes on after %d skips: %v", len(few.details), err)
	}
}

// TestKeyClash makes two boxes share the first half of their sums, which
// chance will not do in a test.
func TestKeyClash(t *testing.T) {
	var r repeats
	alike, clash := r.of([]match{{sum: 1 << 32}, {sum: 1<<32 | 1}, {sum: 1 << 32}, {sum: 2 << 32}})
	if !slices.Equal(alike, []bool{false, false, true, false}) || !slices.Equal(clash, []bool{false, true, false, false}) {
		t.Errorf("got %v %v", alike, clash)
	}
}

// sameKey returns a box of each of two classes whose keys are the same in one
// photo, though the boxes do not meet. They were found by trying 100,000 boxes
// of the first class against some millions of the second.
func sameKey(t *testing.T, one, two string) (a, b string) {
	t.Helper()
	a, b = "0001,x,/m/a,1,0.052700,0.2,0.3,0.4,0,0,0,0,0", "0001,x,/m/d,1,0.557975,0.9001,0.3,0.4,0,0,0,0,0"
	if one == "/m/d" {
		a, b = "0001,x,/m/d,1,0.043255,0.2,0.3,0.4,0,0,0,0,0", "0001,x,/m/e,1,0.501508,0.9,0.3,0.4,0,0,0,0,0"
	}
	key := func(row string) uint32 { return uint32(plainRow(t, strings.Split(row, ","), 0).Sum >> 32) }
	if key(a) != key(b) || !strings.Contains(a, one) || !strings.Contains(b, two) {
		t.Fatalf("no box of %s and of %s with one key", one, two)
	}
	return a, b
}

// TestNegativeKeyClash has a negative with the key of a box that was asked for:
// the box stays, wherever it stands, and another negative is drawn.
func TestNegativeKeyClash(t *testing.T) {
	asked, other := sameKey(t, "/m/a", "/m/d")
	another := "0001,x,/m/d,1,0.5,0.9,0.7,0.8,0,0,0,0,0"
	for _, rows := range [][]string{{asked, other, another}, {other, another, asked}} {
		w := &world{boxes: map[string][]string{openimages.Train: rows}, images: map[string][]string{openimages.Train: {"0001,http://x/1,,,t"}}}
		for seed := range uint64(8) {
			q := testQuery(t, w)
			q.Negatives, q.Seed = 1, seed
			items, l, _ := ask(t, q)
			if len(items) != 2 || l.out != 2 || len(l.skipped) > 0 || items[0].Key == items[1].Key {
				t.Errorf("seed %d: %q, skipped %v", seed, keysOf(items), l.skipped)
			}
		}
	}
	// Of two negatives with one key, one is drawn.
	one, two := sameKey(t, "/m/d", "/m/e")
	w := &world{boxes: map[string][]string{openimages.Train: {one, two, "0001,x,/m/a,1,0.5,0.9,0.7,0.8,0,0,0,0,0"}}, images: map[string][]string{openimages.Train: {"0001,http://x/1,,,t"}}}
	q := testQuery(t, w)
	q.Negatives = 2
	items, l, s := ask(t, q)
	if len(items) != 2 || s.Tally(2).Rows != 1 || len(l.skipped) > 0 {
		t.Errorf("%q, tally %+v, skipped %v", keysOf(items), s.Tally(2), l.skipped)
	}
}

// TestNegativesRedraw has a list in which most rows that are drawn are no
// negatives after all, so that drawing once, or twice, is not enough.
func TestNegativesRedraw(t *testing.T) {
	w := &world{boxes: map[string][]string{}, images: map[string][]string{}}
	w.boxes[openimages.Train] = append(w.boxes[openimages.Train], oitest.HexID(1)+",x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0")
	w.images[openimages.Train] = append(w.images[openimages.Train], oitest.HexID(1)+",http://x/1,,,t")
	for p := range 3000 {
		row := oitest.HexID(uint64(p+2)) + ",x,/m/d,1,0.1,0.2,0.3,0.4,0,0,0,0,0"
		for range 1 + p%5 {
			w.boxes[openimages.Train] = append(w.boxes[openimages.Train], row)
		}
		if p%100 == 7 { // 30 photos
			w.images[openimages.Train] = append(w.images[openimages.Train], oitest.HexID(uint64(p+2))+",http://x/2,,,t")
		}
	}
	for n, want := range map[int64]int64{1: 1, 20: 20, 30: 30, 31: 30} {
		q := testQuery(t, w)
		q.Subsets, q.Negatives = []string{openimages.Train}, n
		items, l, s := ask(t, q)
		if int64(len(items)) != 1+want || s.Tally(2).Rows != want || len(l.skipped)+len(l.removed) > 0 {
			t.Errorf("%d asked for: %d items, tally %+v, skipped %v, removed %v", n, len(items), s.Tally(2), l.skipped, l.removed)
		}
	}
}

// TestHashCollision makes two ids share a key: each has the image of its own.
func TestHashCollision(t *testing.T) {
	var found [2]string
	seen := map[uint64]string{}
	for i := range 1 << 16 { // no two of these collide, so one is made by hand
		id := fmt.Sprintf("p%d", i)
		if other, ok := seen[csvscan.Key64(id)]; ok {
			t.Fatalf("%s and %s collide", id, other)
		}
		seen[csvscan.Key64(id)] = id
	}
	found[0] = "p0"
	found[1] = oitest.HexID(csvscan.Key64("p0")) // its digits spell the hash of p0
	if csvscan.Key64(found[0]) != csvscan.Key64(found[1]) {
		t.Fatal("the made collision is none")
	}
	w := &world{boxes: map[string][]string{}, images: map[string][]string{}}
	for _, id := range found {
		w.boxes[openimages.Train] = append(w.boxes[openimages.Train], id+",x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0")
		w.images[openimages.Train] = append(w.images[openimages.Train], id+",http://photo/"+id+",,,t")
	}
	q := testQuery(t, w)
	items, _, _ := ask(t, q)
	for i, item := range items {
		if item.ID != found[i] || item.Image.URL != "http://photo/"+found[i] {
			t.Errorf("%s has the image %s", item.ID, item.Image.URL)
		}
	}
	if len(items) != len(found) {
		t.Errorf("%d items", len(items))
	}
}

func TestQueryMissingFile(t *testing.T) {
	q := testQuery(t, newWorld(rand.New(rand.NewPCG(1, 2)), true))
	src := q.Source.(mapSource)
	delete(src, list(t, q.Dataset.Images, openimages.Validation))
	_, err := q.Collect(t.Context(), newLedger())
	var missing *download.MissingError
	if !errors.As(err, &missing) || missing.Path != list(t, q.Dataset.Images, openimages.Validation) {
		t.Errorf("got %v", err)
	}
}

func TestQueryStops(t *testing.T) {
	q := testQuery(t, newWorld(rand.New(rand.NewPCG(1, 3)), true))
	s, err := q.Collect(t.Context(), newLedger())
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("reader left")
	if err := emit(t.Context(), s, func(*record.Item) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestRealLayouts checks that the two layouts of the same rows give the same
// items, and as many as there are rows.
func TestRealLayouts(t *testing.T) {
	src := mirror(t)
	var answers [][]*record.Item
	for _, version := range []string{"v4", "v7"} {
		d, err := openimages.LookupDataset(version)
		if err != nil {
			t.Fatal(err)
		}
		classes, err := openimages.ReadClasses(t.Context(), src, d)
		if err != nil {
			t.Fatal(err)
		}
		q := &Query{Source: src, Dataset: d, Subsets: openimages.Subsets(), Group: groupOf, Set: func(subset, _ string) string { return subset }}
		for _, name := range []string{"hot dogs", "muffin"} {
			class, err := classes.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			q.Classes = append(q.Classes, class)
		}
		q.Assign = (&openimages.Hierarchy{}).Assign(q.Classes, false)
		items, _, s := ask(t, q)
		sets := map[string]int64{}
		for label := range 2 {
			for set, n := range s.Tally(label).Sets {
				sets[set] += n
			}
		}
		if d := gocmp.Diff(map[string]int64{openimages.Train: 770, openimages.Validation: 53, openimages.Test: 41}, sets); d != "" {
			t.Errorf("%s: %s", version, d)
		}
		answers = append(answers, items)
	}
	if d := gocmp.Diff(answers[0], answers[1]); d != "" {
		t.Error(d)
	}
}

// TestSpoiltImageIDs has an id that lost its zeros in a spreadsheet: what it
// may have been is said with the row.
func TestSpoiltImageIDs(t *testing.T) {
	w := &world{boxes: map[string][]string{}, images: map[string][]string{}}
	w.boxes[openimages.Train] = []string{"17,x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0", "photo-7,x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0"}
	w.images[openimages.Train] = []string{oitest.HexID(0x17) + ",http://x/17,,,t"}
	_, l, _ := ask(t, testQuery(t, w))
	if len(l.details) != 2 || !strings.HasSuffix(l.details[0], ":2: 17 may be 0000000000000017, as official ids are written") || !strings.HasSuffix(l.details[1], ".csv:3") {
		t.Errorf("got %q", l.details)
	}
}

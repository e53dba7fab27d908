package selection

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// doubleWorld is newWorld with boxes that nearly or wholly repeat the one before
// under any label.
func doubleWorld(rng *rand.Rand, sorted bool) *world {
	w := newWorld(rng, sorted)
	for _, subset := range slices.Sorted(maps.Keys(w.boxes)) { // the same rows in every run
		var more []string
		for _, row := range w.boxes[subset] {
			more = append(more, row)
			for rng.IntN(2) == 0 {
				fields := strings.Split(row, ",")
				fields[2] = []string{"/m/a", "/m/b", "/m/c"}[rng.IntN(3)]
				if rng.IntN(2) == 0 {
					edge := 4 + rng.IntN(4)
					v, _ := strconv.ParseFloat(fields[edge], 64)
					fields[edge] = fmt.Sprintf("%.2f", v+float64(rng.IntN(9)-4)/100)
				}
				more = append(more, strings.Join(fields, ","))
			}
		}
		if !sorted {
			rng.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
		}
		w.boxes[subset] = more
	}
	return w
}

// pairsOf compares each item with each other, in whole hundredths.
func pairsOf(items []*record.Item) (pairs [][2]string) {
	edges := func(b *record.Box) (e [4]int) {
		for i, v := range []float64{b.XMin, b.XMax, b.YMin, b.YMax} {
			e[i], _ = strconv.Atoi(strings.Replace(fmt.Sprintf("%.2f", v), ".", "", 1))
		}
		return e
	}
	for i, a := range items {
		for _, b := range items[:i] {
			if a.ID != b.ID || a.Label.Name == b.Label.Name {
				continue
			}
			ea, eb := edges(a.Box), edges(b.Box)
			both := max(0, min(ea[1], eb[1])-max(ea[0], eb[0])) * max(0, min(ea[3], eb[3])-max(ea[2], eb[2]))
			if union := (ea[1]-ea[0])*(ea[3]-ea[2]) + (eb[1]-eb[0])*(eb[3]-eb[2]) - both; 10*both > 7*union {
				pairs = append(pairs, [2]string{b.Key, a.Key}, [2]string{a.Key, b.Key})
			}
		}
	}
	return pairs
}

// doublesOf runs a query and returns what it says of boxes on one object.
func doublesOf(t *testing.T, q *Query) (items []*record.Item, l *ledger, boxes int64, listed [][2]string) {
	t.Helper()
	q.Doubles.Seen = func(d Double) error {
		if d.Label == d.PartnerLabel || d.IoU < 0.7 || d.IoU > 1+1e-9 {
			t.Errorf("%+v", d)
		}
		listed = append(listed, [2]string{d.Key, d.Partner})
		return nil
	}
	items, l, s := ask(t, q)
	boxes, pairs := s.Doubles()
	total := int64(0)
	for i, p := range pairs {
		total += p.Pairs
		if p.Labels[0] >= p.Labels[1] || i > 0 && p.Pairs > pairs[i-1].Pairs {
			t.Errorf("pairs %v", pairs)
		}
	}
	if 2*total != int64(len(listed)) {
		t.Errorf("%d pairs, %d lines", total, len(listed))
	}
	return items, l, boxes, listed
}

// TestDoubles compares with the plain way, with limits, shards and filters.
func TestDoubles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	met := 0
	for i := range 60 {
		w := doubleWorld(rng, i%2 == 0)
		query := func() *Query {
			q := testQuery(t, w)
			q.StrictAuthors = i%5 == 0
			if i%3 == 0 {
				q.Refuse = func(row *openimages.BoxRow) string { return map[int]string{1: "occluded"}[row.Box.Occluded] }
			}
			return q
		}
		all, _, _ := ask(t, query())
		pairs := pairsOf(all)
		double := map[string]bool{}
		for _, p := range pairs {
			double[p[0]] = true
		}
		met += len(pairs)
		without := slices.DeleteFunc(slices.Clone(all), func(item *record.Item) bool { return double[item.Key] })
		sorted := func(list [][2]string) [][2]string {
			slices.SortFunc(list, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
			return list
		}
		check := func(what string, q *Query, want []*record.Item, wantPairs [][2]string) {
			t.Helper()
			items, l, boxes, listed := doublesOf(t, q)
			if d := gocmp.Diff(keysOf(want), keysOf(items)); d != "" {
				t.Fatalf("round %d, %s: %s", i, what, d)
			}
			keys := map[string]bool{}
			for _, p := range wantPairs {
				keys[p[0]] = true
			}
			if d := gocmp.Diff(sorted(wantPairs), sorted(listed)); d != "" || boxes != int64(len(keys)) {
				t.Fatalf("round %d, %s: %d boxes, want %d\n%s", i, what, boxes, len(keys), d)
			}
			if n := l.removed[ReasonDouble]; q.Doubles.Drop && n != boxes || !q.Doubles.Drop && n != 0 {
				t.Fatalf("round %d, %s: %d removed of %d", i, what, n, boxes)
			}
		}
		check("keep", query(), all, slices.Clone(pairs))
		drop := query()
		drop.Doubles.Drop = true
		check("drop", drop, without, slices.Clone(pairs))

		// A limit divides what is left; a shard's part of a limit is a part
		// of it. What is written is looked at, and what is taken away.
		limited := query()
		limited.Limit = int64(max(1, len(all)/2)) // 0 is no limit
		some, _, _ := ask(t, limited)
		check("limit", limited, some, pairsOf(some))
		limited.Doubles.Drop = true
		dropped, _, _ := ask(t, limited)
		if n := min(limited.Limit, int64(len(without))); int64(len(dropped)) != n || len(pairsOf(dropped)) > 0 {
			t.Fatalf("round %d: %d items for a limit of %d", i, len(dropped), n)
		}
		check("limit and drop", limited, dropped, slices.Clone(pairs))
		sharded := query()
		sharded.Shard = func(id string) bool { return id[len(id)-1]%2 == 0 }
		part := slices.DeleteFunc(slices.Clone(all), func(item *record.Item) bool { return !sharded.Shard(item.ID) })
		check("shard", sharded, part, pairsOf(part))
	}
	if met < 500 {
		t.Errorf("only %d pairs", met)
	}
}

// TestDoublesOfManyBoxes: three labels on one box are three pairs, boxes of one
// label are none, and the partners of a box that are named are bounded.
func TestDoublesOfManyBoxes(t *testing.T) {
	const n = 200
	w := &world{boxes: map[string][]string{}, images: map[string][]string{openimages.Train: {oitest.HexID(1) + ",u,,,"}}}
	for i := range n {
		for _, mid := range []string{"/m/a", "/m/b", "/m/c"} {
			w.boxes[openimages.Train] = append(w.boxes[openimages.Train],
				fmt.Sprintf("%s,x,%s,1,%.6f,0.900000,0.1,0.9,0,0,0,0,0", oitest.HexID(1), mid, .1+float64(i)/1e6))
		}
	}
	q := testQuery(t, w)
	q.Subsets = []string{openimages.Train}
	q.Classes = append(q.Classes, openimages.Class{MID: "/m/c", Name: "Cherry"})
	q.Assign = map[string]int{"/m/a": 0, "/m/b": 1, "/m/c": 2}
	named := map[string]int{}
	q.Doubles.Seen = func(d Double) error {
		named[d.Key]++
		return nil
	}
	_, _, s := ask(t, q)
	boxes, pairs := s.Doubles()
	if boxes != 3*n || len(pairs) != 3 || pairs[0].Pairs != n*n || pairs[2].Pairs != n*n {
		t.Errorf("%d boxes, %v", boxes, pairs)
	}
	for key, lines := range named {
		if lines != maxPartners {
			t.Fatalf("%s has %d lines", key, lines)
		}
	}
	if len(named) != 3*n {
		t.Errorf("%d keys", len(named))
	}
	q.Assign = map[string]int{"/m/a": 0, "/m/b": 0, "/m/c": 0}
	_, _, s = ask(t, q)
	if boxes, pairs := s.Doubles(); boxes != 0 || len(pairs) != 0 {
		t.Errorf("under one label: %d boxes, %v", boxes, pairs)
	}
}

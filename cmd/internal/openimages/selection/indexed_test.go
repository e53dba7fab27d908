package selection

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

const (
	benchBoxes   = 100_000
	benchClasses = 600
)

// benchMID is the MID of a class: those of low numbers have the most boxes.
func benchMID(class int) string { return fmt.Sprintf("/m/0%04x", 0x1000+class) }

// benchWorld writes a box list of the shape of the official ones, sorted by
// photo, and its image list, which is not, and returns a query for some
// classes.
func benchWorld(b testing.TB, from, to int) *Query {
	b.Helper()
	d, err := openimages.LookupDataset("v4")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	create := func(of func(string) (openimages.File, error), rows func(*bufio.Writer)) {
		f, err := of(openimages.Train)
		if err != nil {
			b.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			b.Fatal(err)
		}
		file, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriter(file)
		rows(w)
		if err := errors.Join(w.Flush(), file.Close()); err != nil {
			b.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var ids []string
	create(d.Boxes, func(w *bufio.Writer) {
		fmt.Fprintln(w, oitest.Header13)
		for n := 0; n < benchBoxes; {
			ids = append(ids, oitest.HexID(uint64(len(ids))<<40|rng.Uint64N(1<<40)))
			for range 1 + rng.IntN(15) {
				x, y := rng.Float64()/2, rng.Float64()/2
				class := int(math.Pow(benchClasses, rng.Float64())) - 1
				fmt.Fprintf(w, "%s,xclick,%s,1,%.6f,%.6f,%.6f,%.6f,1,0,0,0,0\n", ids[len(ids)-1], benchMID(class), x, x+.3, y, y+.3)
				n++
			}
		}
	})
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	create(d.Images, func(w *bufio.Writer) {
		fmt.Fprintln(w, "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation")
		for i, id := range ids {
			fmt.Fprintf(w, "%s,train,https://farm9.staticflickr.com/8913/%d_5879838c9d_o.jpg,https://www.flickr.com/photos/user/%[2]d,https://creativecommons.org/licenses/by/2.0/,https://www.flickr.com/people/user%d/,Author %[3]d,Lunch at the corner,6665478,AAAAAAAAAAAAAAAAAAAAAA==,https://c9.staticflickr.com/9/296/%[2]d_dde84ea7c0_z.jpg,0.0\n", id, 100_000_000+i, i/3)
		}
	})
	q := &Query{
		Source: openimages.DirSource(dir), Dataset: d, Subsets: []string{openimages.Train}, Assign: map[string]int{},
		Set: func(subset, _ string) string { return subset }, Group: func(_, author, _ string) string { return author }, Seed: 1,
	}
	for i := from; i < to; i++ {
		q.Assign[benchMID(i)] = len(q.Classes)
		q.Classes = append(q.Classes, openimages.Class{MID: benchMID(i), Name: fmt.Sprint(i)})
	}
	return q
}

// dropIndexes makes the next query the first one.
func dropIndexes(b testing.TB, q *Query) {
	b.Helper()
	for _, of := range []func(string) (openimages.File, error){q.Dataset.Boxes, q.Dataset.Images} {
		f, err := of(openimages.Train)
		if err == nil {
			err = os.Remove(filepath.Join(q.Source.String(), filepath.FromSlash(f.Path)) + csvscan.IndexEnding)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			b.Fatal(err)
		}
	}
}

// emitBytes answers a query until most bytes have been made, and returns the
// number of items.
func emitBytes(b *testing.B, q *Query, most int) (items int64) {
	b.Helper()
	s, err := q.Collect(b.Context(), newLedger())
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	enough := errors.New("enough")
	err = Emit(context.Background(), s, func() func([]byte, *record.Item) ([]byte, error) {
		encoder := record.NewEncoder(record.Binary)
		return func(to []byte, item *record.Item) ([]byte, error) { return encoder.Append(to, item) }
	}, func(made []byte, n int64) error {
		items += n
		if size += len(made); size >= most {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return items
}

// BenchmarkQuery answers queries of some kinds over a list that is a hundredth
// of the longest official one and less.
func BenchmarkQuery(b *testing.B) {
	for _, bench := range []struct {
		name     string
		from, to int // classes
		limit    int64
		balance  bool
		most     int
		first    bool // no index is there
	}{
		{name: "first of two classes", from: 100, to: 102, first: true},
		{name: "indexed", from: 100, to: 102},
		{name: "fifty classes", from: 20, to: 70},
		{name: "all classes", to: benchClasses},
		{name: "head", to: benchClasses, most: 1 << 20},
		{name: "limit", to: 1, limit: 10},
		{name: "balance", from: 20, to: 70, balance: true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			q := benchWorld(b, bench.from, bench.to)
			q.Limit, q.Balance = bench.limit, bench.balance
			most := bench.most
			if most == 0 {
				most = math.MaxInt
			}
			emitBytes(b, q, most) // writes the indexes
			items := int64(0)
			for b.Loop() {
				if bench.first {
					b.StopTimer()
					dropIndexes(b, q)
					b.StartTimer()
				}
				items = emitBytes(b, q, most)
			}
			if items == 0 {
				b.Fatal("no items")
			}
			b.ReportMetric(float64(items), "items")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
		})
	}
}

// TestIndexedEqualsFirst asks for the same when there is no index yet, so that
// matches are gathered, and through the index, so that they are read as they
// are needed: items and accounts are the same.
func TestIndexedEqualsFirst(t *testing.T) {
	q := benchWorld(t, 100, 130)
	for name, change := range map[string]func(*Query){
		"all":            func(*Query) {},
		"limit":          func(q *Query) { q.Limit = 40 },
		"max, shard":     func(q *Query) { q.MaxPerClass, q.Shard = 9, func(id string) bool { return id[15] < '8' } },
		"balance, limit": func(q *Query) { q.Balance, q.Limit, q.Seed = true, 200, 5 },
		"strict authors": func(q *Query) { q.StrictAuthors, q.Limit = true, 100 },
		"refused": func(q *Query) {
			q.Refuse = func(row *openimages.BoxRow) string { return map[bool]string{true: "left"}[row.Box.XMin < .2] }
		},
		"negatives": func(q *Query) { q.Negatives, q.NotName = 30, "others" },
	} {
		asked := *q
		change(&asked)
		dropIndexes(t, q)
		want, wantLedger, _ := ask(t, &asked)
		_, sorted, known, err := openimages.OpenBoxes(q.Source, listOf(t, q.Dataset.Boxes)).Known(t.Context(), nil)
		if !known || !sorted || err != nil {
			t.Fatalf("%s: no index: known %v, sorted %v, %v", name, known, sorted, err)
		}
		got, ledger, _ := ask(t, &asked)
		if d := gocmp.Diff(want, got); d != "" || len(got) == 0 {
			t.Fatalf("%s: %d items: %s", name, len(got), d)
		}
		ledger.items, wantLedger.items = nil, nil
		if d := gocmp.Diff(wantLedger, ledger, gocmp.AllowUnexported(*ledger)); d != "" {
			t.Fatalf("%s: %s", name, d)
		}
	}
}

// listOf is the train list of some kind.
func listOf(t testing.TB, of func(string) (openimages.File, error)) openimages.File {
	t.Helper()
	f, err := of(openimages.Train)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

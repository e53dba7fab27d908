package selection

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// serveWorld serves the files of a small data set.
func serveWorld(t *testing.T, w *world, d openimages.Dataset) *oitest.Server {
	t.Helper()
	tree := fstest.MapFS{}
	for path, text := range w.source(t, d) {
		tree[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return oitest.New(t, tree)
}

func testHTTPSource(t *testing.T, base, cache string) *openimages.HTTPSource {
	t.Helper()
	s, err := openimages.NewHTTPSource(base, cache, nil, download.Options{Sleep: noSleep})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStream asks the same of a server and of memory: the items and accounts
// are the same, the first time, while the lists arrive, and the second.
func TestStream(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 72))
	streamed := 0
	for round := range 16 {
		w := newWorld(rng, true)
		for _, subset := range openimages.Subsets() { // ids sort as numbers do
			slices.SortFunc(w.boxes[subset], func(a, b string) int { return strings.Compare(a[:strings.Index(a, ",")], b[:strings.Index(b, ",")]) })
			if round%4 == 0 {
				w.images[subset] = append(w.images[subset], "short", w.images[subset][0])
			}
		}
		q := testQuery(t, w)
		q.StrictAuthors = round%5 == 0
		want, wantLedger, _ := ask(t, q)
		server := serveWorld(t, w, q.Dataset)
		cache := t.TempDir()
		for range 2 {
			q.Source = testHTTPSource(t, server.URL, cache)
			if q.streams(t.Context(), &subset{boxes: openimages.File{Path: list(t, q.Dataset.Boxes, openimages.Train)}}) {
				streamed++
			}
			got, ledger, s := ask(t, q)
			if d := gocmp.Diff(want, got); d != "" {
				t.Fatalf("round %d: %s", round, d)
			}
			// Broken rows are met in another order.
			slices.Sort(wantLedger.details)
			slices.Sort(ledger.details)
			if d := gocmp.Diff(wantLedger, ledger, gocmp.AllowUnexported(*ledger), gocmp.FilterPath(func(p gocmp.Path) bool {
				return p.String() == "items"
			}, gocmp.Ignore())); d != "" {
				t.Fatalf("round %d: %s", round, d)
			}
			if s.Rows() == 0 || s.Tally(0).Kept+s.Tally(1).Kept != int64(len(got)) {
				t.Fatalf("round %d: %d rows, tallies %v and %v", round, s.Rows(), s.Tally(0), s.Tally(1))
			}
		}
	}
	if streamed < 10 {
		t.Errorf("%d streams only", streamed)
	}
}

// TestStreamEarly has items come out while the server keeps half of the list
// back.
func TestStreamEarly(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(73, 74)), true)
	for i := range 40_000 {
		id := oitest.HexID(uint64(i) + 1<<60)
		w.boxes[openimages.Train] = append(w.boxes[openimages.Train], id+",x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0")
		w.images[openimages.Train] = append(w.images[openimages.Train], id+",http://x/"+id+",,,")
	}
	slices.Sort(w.boxes[openimages.Train])
	w.boxes[openimages.Train] = slices.DeleteFunc(w.boxes[openimages.Train], func(row string) bool { return strings.HasPrefix(row, "photo") })
	q := testQuery(t, w)
	q.Subsets = []string{openimages.Train}
	server := serveWorld(t, w, q.Dataset)
	q.Source = testHTTPSource(t, server.URL, t.TempDir())
	out := make(chan struct{})
	server.Fault(list(t, q.Dataset.Boxes, openimages.Train), func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&waiter{w, 1 << 20, out}, r)
	})
	s, err := q.Collect(t.Context(), newLedger())
	if err != nil {
		t.Fatal(err)
	}
	items := 0
	err = emit(t.Context(), s, func(*record.Item) error {
		if items++; items == 1 {
			close(out)
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil || items < 40_000 {
		t.Errorf("%d items, %v", items, err)
	}
}

// waiter lets some bytes through, and the others when it is told to.
type waiter struct {
	http.ResponseWriter
	left  int
	until chan struct{}
}

func (w *waiter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		<-w.until
	}
	return w.ResponseWriter.Write(p)
}

// TestStreamUnsorted finds that a list cannot be told while it arrives, and
// does better when it is there.
func TestStreamUnsorted(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(75, 76)), true)
	slices.SortFunc(w.boxes[openimages.Train], func(a, b string) int { return strings.Compare(b, a) })
	q := testQuery(t, w)
	q.Subsets = []string{openimages.Train}
	want, _, _ := ask(t, q)
	server := serveWorld(t, w, q.Dataset)
	q.Source = testHTTPSource(t, server.URL, t.TempDir())
	s, err := q.Collect(t.Context(), newLedger())
	if err != nil {
		t.Fatal(err)
	}
	err = emit(t.Context(), s, func(*record.Item) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "not sorted by photo") {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := ask(t, q); !gocmp.Equal(want, got) {
		t.Error(gocmp.Diff(want, got))
	}
}

// TestStreamStops ends in the middle: who reads has gone, or has interrupted.
func TestStreamStops(t *testing.T) {
	w := newWorld(rand.New(rand.NewPCG(77, 78)), true)
	slices.Sort(w.boxes[openimages.Train])
	q := testQuery(t, w)
	q.Subsets = []string{openimages.Train}
	for _, interrupted := range []bool{false, true} {
		server := serveWorld(t, w, q.Dataset)
		q.Source = testHTTPSource(t, server.URL, t.TempDir())
		// The end of the list never comes.
		server.Fault(list(t, q.Dataset.Boxes, openimages.Train), oitest.Hang(4000))
		ctx, cancel := context.WithCancel(t.Context())
		s, err := q.Collect(ctx, newLedger())
		if err != nil {
			t.Fatal(err)
		}
		want := io.ErrClosedPipe
		if interrupted {
			want = context.Canceled
		}
		err = emit(ctx, s, func(*record.Item) error {
			if interrupted {
				cancel()
				return nil
			}
			return io.ErrClosedPipe
		})
		cancel()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

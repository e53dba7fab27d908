package csvscan

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

const testList = "a/list.csv"

// gathered is what a reading of a list has found.
type gathered struct {
	Rows [][]string // with where they begin
	Bad  []string
	Err  string
}

// request asks for the rows of some labels.
func (g *gathered) request(labels ...string) *Request[[]string] {
	return &Request[[]string]{
		File: testList, Kind: ByValue, Bind: bindLabels,
		Want: func(label []byte) bool { return slices.Contains(labels, string(label)) },
		Parser: func(Header) (func([][]byte) ([]string, bool, error), error) {
			return func(fields [][]byte) (row []string, keep bool, err error) {
				for _, f := range fields {
					row = append(row, string(f))
				}
				return row, true, nil
			}, nil
		},
		Row: func(row *[]string, at Position) error {
			g.Rows = append(g.Rows, append(*row, fmt.Sprint(at)))
			return nil
		},
		Bad: func(bad *RowError) error {
			g.Bad = append(g.Bad, bad.Error())
			return nil
		},
	}
}

func (g *gathered) end(err error) *gathered {
	if err != nil {
		g.Err = err.Error()
	}
	return g
}

// gather reads the rows in one go.
func gather(t testing.TB, data []byte, labels ...string) *gathered {
	t.Helper()
	g := &gathered{}
	return g.end(ReadFrom(t.Context(), bytes.NewReader(data), *g.request(labels...)))
}

func bindLabels(h Header) (label, photo int, err error) {
	err = h.Require("ImageID", "LabelName")
	return h.Column("LabelName"), h.Column("ImageID"), err
}

func bindImages(h Header) (photo, key int, err error) {
	err = h.Require("ImageID", "OriginalURL")
	return h.Column("ImageID"), -1, err
}

// failing is a writer without room.
type failing struct{ room int }

func (f *failing) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errNoRoom
	}
	return len(p), nil
}

var errNoRoom = errors.New("no room")

// TestIndexNoRoom fills the disk at every byte of an index: the pass goes on.
func TestIndexNoRoom(t *testing.T) {
	data := oitest.BoxList(rand.New(rand.NewPCG(51, 52)), 200, true)
	want := gather(t, data, "/m/a")
	for room := 0; ; room += 97 {
		g := &gathered{}
		x := newIndexWriter(&failing{room}, ByValue)
		p := &scan[[]string]{
			ctx: t.Context(), r: bytes.NewReader(data), size: int64(len(data)), step: 512, index: x,
			Request: g.request("/m/a"),
		}
		if d := gocmp.Diff(want, g.end(p.run())); d != "" {
			t.Fatal(d)
		}
		if err := x.finish(fingerprint{}); err == nil {
			break // there was room enough
		} else if !errors.Is(err, errNoRoom) {
			t.Fatal(err)
		}
		if room > 100<<10 {
			t.Fatal("there is never room")
		}
	}
}

// TestScanAhead counts what the workers have found and nobody has taken in yet:
// it is memory, and does not grow with the cores.
func TestScanAhead(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(scanWorkers))
	const row = "0000000000000001,xclick,/m/a,1,0.1,0.9,0.1,0.9\n"
	data := []byte("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n" + strings.Repeat(row, 20*scanAhead))
	var found atomic.Int64
	g := &gathered{}
	p := &scan[[]string]{
		ctx: t.Context(), r: bytes.NewReader(data), size: int64(len(data)), step: int64(len(row)),
		Request: g.request(),
	}
	p.Want = func([]byte) bool {
		found.Add(1)
		return true
	}
	told := int64(0)
	p.Row = func(*[]string, Position) error {
		for n := 0; told == 0 && n < 100_000 && found.Load() <= 2*scanAhead; n++ {
			runtime.Gosched() // the others go as far as they may
		}
		told++
		if ahead := found.Load() - told; ahead > 2*scanAhead {
			return fmt.Errorf("%d rows ahead", ahead)
		}
		return nil
	}
	if err := p.run(); err != nil {
		t.Error(err)
	}
}

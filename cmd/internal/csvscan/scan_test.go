package csvscan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
		File: testList, Bind: bindLabels,
		Want: func(label []byte) bool { return slices.Contains(labels, string(label)) },
		Parser: func(Header) (func([][]byte) ([]string, bool, error), error) {
			return func(fields [][]byte) (row []string, keep bool, err error) {
				for _, f := range fields {
					row = append(row, string(f))
				}
				return row, true, nil
			}, nil
		},
	}
}

// add takes in some rows.
func (g *gathered) add(rows []Row[[]string]) bool {
	for _, row := range rows {
		if row.Fault != nil {
			g.Bad = append(g.Bad, row.Fault.Error())
		} else {
			g.Rows = append(g.Rows, append(row.Value, fmt.Sprint(row.At)))
		}
	}
	return true
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
	_, err := ReadFrom(t.Context(), bytes.NewReader(data), *g.request(labels...), func(row *Row[[]string]) error {
		g.add([]Row[[]string]{*row})
		return nil
	})
	return g.end(err)
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
		if d := gocmp.Diff(want, g.end(p.run(g.add))); d != "" {
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
	taken := int64(0)
	err := p.run(func(rows []Row[[]string]) bool {
		for range rows {
			for n := 0; taken == 0 && n < 100_000 && found.Load() <= 2*scanAhead; n++ {
				runtime.Gosched() // the workers go as far as they may
			}
			taken++
			if ahead := found.Load() - taken; ahead > 2*scanAhead {
				t.Errorf("%d rows ahead", ahead)
				return false
			}
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLeave stops a reading in the middle, while its context ends: nothing is
// yielded after that, and no index is left.
func TestLeave(t *testing.T) {
	name := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(name, oitest.BoxList(rand.New(rand.NewPCG(53, 54)), 2000, true), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, ended := range []bool{false, true} {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		f := &File{File: file, Indexes: []string{name + IndexEnding}, Step: 512}
		ctx, cancel := context.WithCancel(t.Context())
		met := 0
		for rows, err := range Read(ctx, f, *(&gathered{}).request("/m/a")) {
			if err != nil || len(rows) == 0 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			met++
			if ended {
				cancel()
			}
			break
		}
		cancel()
		if met != 1 {
			t.Error("no row")
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if got := oitest.Files(t, filepath.Dir(name)); len(got) != 1 {
			t.Errorf("there are %q", got)
		}
	}
}

// TestRanges reads the rows in some stretches of a list, and at least none
// twice.
func TestRanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(55, 56))
	for range 40 {
		data := oitest.BoxList(rng, rng.IntN(300), true)
		want := gather(t, data, "/m/a", "/m/0l515")
		name := filepath.Join(t.TempDir(), "list.csv")
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		f := &File{File: file, Step: 1 + rng.Int64N(3000)}
		q := (&gathered{}).request("/m/a", "/m/0l515")
		offset := func(row []string) int64 {
			var at Position
			if _, err := fmt.Sscanf(row[len(row)-1], "{%d %d}", &at.Line, &at.Offset); err != nil {
				t.Fatal(err)
			}
			return at.Offset
		}
		q.Ranges = []Range{}
		var asked []int64
		for i := 0; i < len(want.Rows); i += 1 + rng.IntN(6) {
			from := i
			i = min(i+rng.IntN(3), len(want.Rows)-1)
			q.Ranges = append(q.Ranges, Range{offset(want.Rows[from]), offset(want.Rows[i])})
			for _, row := range want.Rows[from : i+1] {
				asked = append(asked, offset(row))
			}
		}
		var got []int64
		for rows, err := range Read(t.Context(), f, *q) {
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				got = append(got, row.At.Offset)
			}
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("not in order: %d", got)
		}
		for _, at := range asked {
			if !slices.Contains(got, at) {
				t.Fatalf("no row at %d, in ranges %v: %d", at, q.Ranges, got)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHeaderOfOtherFormat: a header that lacks columns because the file is no
// CSV says what it is.
func TestHeaderOfOtherFormat(t *testing.T) {
	for data, want := range map[string]string{
		"a,b\r1,2\r":                 "the lines end in a carriage return alone",
		"a;b\n1;2\n":                 "fields are divided by commas",
		"a\tb\n1\t2\n":               "fields are divided by commas",
		"a\x00,\x00b\x00\n\x001\x00": "iconv -f UTF-16",
		"a,c\n1,2\n":                 "no column b, found a,c",
		"a\n1\n":                     "no column b, found a",
	} {
		table, err := newReader(t.Context(), strings.NewReader(data), "f.csv")
		if err != nil {
			t.Fatal(err)
		}
		err = table.header.Require("a", "b")
		if err == nil || !strings.Contains(err.Error(), want) || strings.HasPrefix(want, "no") && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
}

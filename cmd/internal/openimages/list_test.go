package openimages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// testDir is a folder whose files all get an index, and are read in small
// blocks.
type testDir struct {
	DirSource
	step    int64
	indexes func(name string) []string // beside the file if nil
}

func (d testDir) openFile(ctx context.Context, path string) (*csvscan.File, error) {
	f, err := d.DirSource.openFile(ctx, path)
	if err == nil {
		f.Least, f.Step = 1, d.step
		if d.indexes != nil {
			f.Indexes = d.indexes(f.Name())
		}
	}
	return f, err
}

const testList = "a/list.csv"

func (d testDir) write(t testing.TB, data []byte) (name string) {
	t.Helper()
	name = filepath.Join(string(d.DirSource), filepath.FromSlash(testList))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// gathered is what a reading of a list has told.
type gathered struct {
	Rows []BoxRow
	Bad  []string
	Err  string
}

func (g *gathered) visitor(mids []string) boxVisitor {
	return boxVisitor{
		BoxRequest: BoxRequest{MIDs: mids, Want: func(mid []byte) bool { return slices.Contains(mids, string(mid)) }},
		Row: func(row *PickedRow) error {
			box := row.BoxRow
			box.Number = 0 // which an index alone knows
			g.Rows = append(g.Rows, box)
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

// gather reads the rows of mids in a list from a source.
func gather(t testing.TB, src Source, mids ...string) *gathered {
	t.Helper()
	g := &gathered{}
	return g.end(readBoxes(t.Context(), src, File{Path: testList}, g.visitor(mids)))
}

// gatherPlain reads them from a stream, in one go.
func gatherPlain(t testing.TB, data []byte, mids ...string) *gathered {
	t.Helper()
	g := &gathered{}
	return g.end(scanBoxes(t.Context(), bytes.NewReader(data), testList, g.visitor(mids)))
}

// uncounted is g without line numbers, which are not known of rows found
// through an index.
func (g *gathered) uncounted() *gathered {
	plain := &gathered{Bad: g.Bad, Err: g.Err}
	for _, row := range g.Rows {
		row.Line = 0
		plain.Rows = append(plain.Rows, row)
	}
	return plain
}

// TestIndexEqualsScan reads random lists in one go, in blocks, and through the
// index that this left.
func TestIndexEqualsScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	indexed, cut := 0, 0
	for round := range 90 {
		data := oitest.BoxList(rng, rng.IntN(120), round%3 == 0)
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(700)}
		name := src.write(t, data)
		for range 4 {
			mids := []string{"/m/a", "/m/0cdn1", "/m/0l515", "/m/01g317", "/m/with,comma", "/m/a-label-that-takes-more-than-16-bytes", "", "/m/none"}
			rng.Shuffle(len(mids), func(i, j int) { mids[i], mids[j] = mids[j], mids[i] })
			mids = mids[:1+rng.IntN(3)]
			want := gatherPlain(t, data, mids...)
			if want.Err != "" {
				cut++
			}
			got := gather(t, src, mids...)
			if len(got.Rows) > 0 && got.Rows[0].Line == 0 {
				indexed++
				want = want.uncounted()
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Fatalf("round %d, %q of\n%s\n%s", round, mids, data, d)
			}
			if _, err := os.Stat(name + csvscan.IndexEnding); (err == nil) != (want.Err == "") {
				t.Fatalf("round %d: index: %v, reading: %s", round, err, want.Err)
			}
		}
	}
	if indexed < 60 || cut < 10 {
		t.Errorf("%d readings through an index, %d of cut files", indexed, cut)
	}
}

// TestRowOverBlocks has a row that reaches over many blocks, inside of which
// everything to the end of the file looks like one row.
func TestRowOverBlocks(t *testing.T) {
	const row = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,Remark\n" +
		"0000000000000001,xclick,/m/a,1,0.1,0.9,0.1,0.9,0,\"%s\n0000000000000002,xclick,/m/a,1,0.1,0.9,0.1,0.9,0,\"\n" +
		"0000000000000003,xclick,/m/a,1,0.1,0.9,0.1,0.9,0,a word\""
	for n := range 400 {
		data := fmt.Appendf(nil, row, strings.Repeat("x", n))
		want := gatherPlain(t, data, "/m/a")
		if len(want.Rows) != 2 {
			t.Fatalf("%d rows of\n%s", len(want.Rows), data)
		}
		src := testDir{DirSource: DirSource(t.TempDir()), step: 100}
		src.write(t, data)
		if d := gocmp.Diff(want, gather(t, src, "/m/a")); d != "" {
			t.Fatalf("%d: %s", n, d)
		}
	}
}

// TestLongRows has rows about as long as a row may be. Whether one is too long
// does not depend on where it stands, on what came before, or on the index.
func TestLongRows(t *testing.T) {
	const fields = ",xclick,/m/a,1,0.1,0.9,0.1,0.9,0,"
	for _, quote := range []string{"", `"`} {
		row := func(id, length int) string {
			start := fmt.Sprintf("%016x", id) + fields + quote
			return start + strings.Repeat("x", length-len(start)-len(quote)) + quote + "\n"
		}
		data := []byte("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,Remark\n" +
			row(1, 100) + row(2, csvscan.MaxRow) + row(3, csvscan.MaxRow+1) + row(4, 2*csvscan.MaxRow) + row(5, 300) + row(6, csvscan.MaxRow) + row(7, csvscan.MaxRow+1) + row(8, 200))
		want := gatherPlain(t, data, "/m/a")
		var got []string
		for _, r := range want.Rows {
			got = append(got, strings.TrimLeft(r.ImageID, "0"))
		}
		if strings.Join(got, "") != "12568" || len(want.Bad) != 3 {
			t.Fatalf("rows %s, bad %q", got, want.Bad)
		}
		for _, step := range []int64{64 << 10, 1 << 20, 5 << 20} {
			src := testDir{DirSource: DirSource(t.TempDir()), step: step}
			src.write(t, data)
			if d := gocmp.Diff(want, gather(t, src, "/m/a")); d != "" {
				t.Errorf("blocks of %d, quotes %q: %s", step, quote, d)
			}
			if d := gocmp.Diff(want.uncounted(), gather(t, src, "/m/a")); d != "" {
				t.Errorf("through the index, quotes %q: %s", quote, d)
			}
		}
	}
}

// countPlain counts the rows of a stream, in one go.
func countPlain(t testing.TB, data []byte) ([]Count, error) {
	t.Helper()
	list, err := csvscan.CountValuesFrom(t.Context(), bytes.NewReader(data), testList, bindLabels)
	return classCounts(list), err
}

// TestCountsEqualScan compares the counts of an index with those of a plain
// reading.
func TestCountsEqualScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	for round := range 40 {
		data := oitest.BoxList(rng, rng.IntN(300), round%2 == 0)
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(2000)}
		src.write(t, data)
		want, err := countPlain(t, data)
		for range 2 {
			got, err2 := Counts(t.Context(), src, File{Path: testList})
			if (err == nil) != (err2 == nil) {
				t.Fatalf("round %d: %v, but %v", round, err, err2)
			}
			if d := gocmp.Diff(want, got); d != "" && err == nil {
				t.Fatalf("round %d: %s\n%s", round, data, d)
			}
		}
	}
}

// TestLineBroken puts a line end in the place of every byte of an official row.
func TestLineBroken(t *testing.T) {
	const head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"
	rows := []byte(head +
		"0000000000000001,xclick,/m/a,1,0.1,0.9,0.1,0.9\n" + // so that the label is known
		"0000000000000002,xclick,/m/a,1,0.1,0.9,0.1,0.9\n" +
		"0000000000000003,xclick,/m/a,1,0.1,0.9,0.1,0.9\n" +
		"0000000000000004,xclick,/m/a,1,0.1,0.9,0.1,0.9\n")
	second := bytes.Index(rows, []byte("0000000000000002"))
	for at := second; rows[at] != '\n'; at++ {
		data := slices.Clone(rows)
		data[at] = '\n'
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 << 10}
		src.write(t, data)
		if d := gocmp.Diff(gatherPlain(t, data, "/m/b"), gather(t, src, "/m/b")); d != "" {
			t.Errorf("in the place of byte %d: %s", at-second, d)
		}
		want, err := countPlain(t, data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Counts(t.Context(), src, File{Path: testList})
		if d := gocmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("in the place of byte %d: %v %s", at-second, err, d)
		}
	}
}

// soundList is a list whose index is complete, and what it holds.
func soundList(t testing.TB, rows int) (src testDir, name string, data []byte, want *gathered) {
	t.Helper()
	data = oitest.BoxList(rand.New(rand.NewPCG(45, 46)), rows, true)
	src = testDir{DirSource: DirSource(t.TempDir()), step: 4 << 10}
	name = src.write(t, data)
	want = gatherPlain(t, data, "/m/a", "/m/0l515").uncounted()
	if got := gather(t, src, "/m/a", "/m/0l515").uncounted(); !gocmp.Equal(want, got) {
		t.Fatal(gocmp.Diff(want, got))
	}
	return src, name, data, want
}

// TestIndexDamaged flips every byte of an index and cuts it everywhere: the
// rows are the same, and the index is whole again if it was needed.
func TestIndexDamaged(t *testing.T) {
	src, name, _, want := soundList(t, 25)
	whole, err := os.ReadFile(name + csvscan.IndexEnding)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		if err := os.WriteFile(name+csvscan.IndexEnding, data, 0o666); err != nil {
			t.Fatal(err)
		}
		got := gather(t, src, "/m/a", "/m/0l515")
		if d := gocmp.Diff(want, got.uncounted()); d != "" {
			t.Fatalf("%s: %s", what, d)
		}
		if got.Rows[0].Line > 0 { // it was not used
			again, err := os.ReadFile(name + csvscan.IndexEnding)
			if err != nil || !bytes.Equal(again, whole) {
				t.Fatalf("%s: not made again: %v", what, err)
			}
		}
	}
	for i := range whole {
		damaged := slices.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		try(fmt.Sprintf("byte %d of %d", i, len(whole)), damaged)
		if i%5 == 0 || i > len(whole)-28 {
			try(fmt.Sprintf("cut to %d of %d", i, len(whole)), whole[:i])
		}
	}
	try("something behind", append(slices.Clone(whole), 0))
	later := slices.Clone(whole)
	later[8]++
	try("another version", later)
}

// TestIndexStale changes the list under its index.
func TestIndexStale(t *testing.T) {
	src, name, data, _ := soundList(t, 3000)
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	other := oitest.BoxList(rand.New(rand.NewPCG(47, 48)), 3000, true)
	long := bytes.Repeat([]byte("x"), max(len(data), len(other)))
	same := slices.Concat(other, long)[:len(data)]
	same = append(same[:bytes.LastIndexByte(same, '\n')+1], bytes.Repeat([]byte("\n"), len(data))...)[:len(data)]
	swapped := bytes.Replace(data, []byte("/m/0l515,"), []byte("/m/0XXXX,"), 1)
	middle := slices.Clone(data) // where no sample is taken
	at := bytes.Index(middle[(4<<10):], []byte("/m/0l515")) + (4 << 10)
	copy(middle[at:], "/m/0YYYY")
	more := slices.Clone(data) // where the index says nothing of a row
	copy(more[at:][bytes.Index(more[at:], []byte("/m/0cdn1")):], "/m/0l515")
	for _, tt := range []struct {
		name string
		data []byte
		time time.Time
	}{
		{"another list", other, before.ModTime()},
		{"of the same size", same, before.ModTime()},
		{"the same later", data, before.ModTime().Add(time.Second)},
		{"another label, later", swapped, before.ModTime().Add(time.Hour)},
		{"another label in secret", middle, before.ModTime()},
		{"as it was", data, before.ModTime()},
		{"one more row in secret", more, before.ModTime()},
	} {
		if err := os.WriteFile(name, tt.data, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, tt.time, tt.time); err != nil {
			t.Fatal(err)
		}
		want := gatherPlain(t, tt.data, "/m/a", "/m/0l515")
		if d := gocmp.Diff(want, gather(t, src, "/m/a", "/m/0l515")); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// TestListChanges writes to the list while it is read.
func TestListChanges(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		src, name, data, _ := soundList(t, 400)
		if !indexed {
			if err := os.Remove(name + csvscan.IndexEnding); err != nil {
				t.Fatal(err)
			}
		}
		g := &gathered{}
		v := g.visitor([]string{"/m/a"})
		rows := 0
		v.Row = func(*PickedRow) error {
			if rows++; rows == 3 {
				return os.WriteFile(name, append(data, data[bytes.IndexByte(data, '\n')+1:]...), 0o666)
			}
			return nil
		}
		err := readBoxes(t.Context(), src, File{Path: testList}, v)
		if !errors.Is(err, csvscan.ErrChanged) {
			t.Errorf("indexed %v: got %v", indexed, err)
		}
		if _, err := os.Stat(name + csvscan.IndexEnding); err == nil && !indexed {
			t.Error("an index of a file that changed")
		}
	}
}

// TestIndexPlaces keeps the index where it can be kept.
func TestIndexPlaces(t *testing.T) {
	data := oitest.BoxList(rand.New(rand.NewPCG(49, 50)), 50, true)
	cache := t.TempDir()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		names func(string) []string
		kept  string // "" if nowhere
	}{
		{"in the cache", func(name string) []string {
			return []string{filepath.Join(blocked, "x"), filepath.Join(cache, "new", "x")}
		}, filepath.Join(cache, "new", "x")},
		{"nowhere", func(name string) []string {
			return []string{filepath.Join(blocked, "x"), filepath.Join(blocked, "new", "x")}
		}, ""},
	} {
		src := testDir{DirSource: DirSource(t.TempDir()), step: 100, indexes: tt.names}
		src.write(t, data)
		want := gatherPlain(t, data, "/m/a").uncounted()
		for range 2 {
			if d := gocmp.Diff(want, gather(t, src, "/m/a").uncounted()); d != "" {
				t.Errorf("%s: %s", tt.name, d)
			}
		}
		if _, err := os.Stat(tt.kept); (err == nil) != (tt.kept != "") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

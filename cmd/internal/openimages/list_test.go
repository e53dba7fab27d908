package openimages

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
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// testDir is a folder whose files all get an index, and are read in small
// blocks.
type testDir struct {
	DirSource
	step    int64
	indexes func(name string) []string // beside the file if nil
}

func (d testDir) openFile(ctx context.Context, path string) (*localFile, error) {
	f, err := d.DirSource.openFile(ctx, path)
	if err == nil {
		f.least, f.step = 1, d.step
		if d.indexes != nil {
			f.indexes = d.indexes(f.Name())
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
		columns: newBoxColumns, mids: mids,
		want: func(mid []byte) bool { return slices.Contains(mids, string(mid)) },
		row: func(row *boxHit) error {
			g.Rows = append(g.Rows, row.BoxRow)
			return nil
		},
		bad: func(bad *RowError) error {
			g.Bad = append(g.Bad, bad.Error())
			return nil
		},
	}
}

// again is what readBoxes calls when it starts anew.
func (g *gathered) again() error {
	*g = gathered{}
	return nil
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
	return g.end(readBoxes(t.Context(), src, File{Path: testList}, g.visitor(mids), g.again))
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

// boxList makes a list of boxes with everything that a file can do to a reader.
// If sound, its rows are.
func boxList(rng *rand.Rand, rows int, sound bool) []byte {
	names := []string{"ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded", "Remark"}
	if rng.IntN(2) == 0 {
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	mids := []string{"/m/a", "/m/0cdn1", "/m/0l515", "/m/01g317", "/m/with,comma", "/m/a-label-that-takes-more-than-16-bytes", ""}
	ends := []string{"\n", "\n", "\n", "\r\n"}
	var b bytes.Buffer
	b.WriteString(strings.Join(names, ",") + ends[rng.IntN(len(ends))])
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	id := uint64(0)
	for range rows {
		if rng.IntN(3) == 0 {
			id += rng.Uint64N(1 << 58)
		}
		fields := make([]string, len(names))
		for i, name := range names {
			switch name {
			case "ImageID":
				fields[i] = hexID(id)
				if rng.IntN(9) == 0 {
					fields[i] = fmt.Sprintf("photo-%d", rng.IntN(5))
				}
			case "Source":
				fields[i] = []string{"xclick", "activemil", "verification-by-many"}[rng.IntN(3)]
			case "LabelName":
				fields[i] = mids[rng.IntN(len(mids))]
			case "Confidence":
				fields[i] = "1"
			case "IsOccluded":
				fields[i] = []string{"0", "1", "-1", ""}[rng.IntN(4)]
			case "Remark":
				fields[i] = []string{"", "plain", "a, b", "two\nlines", "three\r\nlines\n", `"said"`, "\n\n", strings.Repeat("long,\n", rng.IntN(80))}[rng.IntN(8)]
			default:
				fields[i] = fmt.Sprintf("%.6f", rng.Float64())
			}
			if strings.ContainsAny(fields[i], ",\n\"") || rng.IntN(40) == 0 {
				fields[i] = quoted(fields[i])
			}
		}
		row := strings.Join(fields, ",") + ends[rng.IntN(len(ends))]
		if !sound {
			switch rng.IntN(25) {
			case 0:
				row = "\n"
			case 1:
				row = strings.Join(fields[:rng.IntN(len(fields))], ",") + "\n"
			case 2:
				row = strings.Join(fields, ",") + ",more\n"
			case 3:
				row = strings.Replace(row, `"`, "", 1)
			case 4:
				row = strings.Replace(row, `,`, `,"`, 1+rng.IntN(3))
			case 5:
				row = strings.Replace(row, ".", "x", 1)
			case 6:
				row = `"` + row
			}
		}
		b.WriteString(row)
	}
	if !sound && rng.IntN(5) == 0 {
		b.Truncate(b.Len() - rng.IntN(min(b.Len()/2, 60)))
	}
	if rng.IntN(3) == 0 {
		return bytes.TrimRight(b.Bytes(), "\r\n")
	}
	return b.Bytes()
}

// TestIndexEqualsScan reads random lists in one go, in blocks, and through the
// index that this left.
func TestIndexEqualsScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	indexed, cut := 0, 0
	for round := range 90 {
		data := boxList(rng, rng.IntN(120), round%3 == 0)
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
			if _, err := os.Stat(name + indexEnding); (err == nil) != (want.Err == "") {
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
			row(1, 100) + row(2, maxRow) + row(3, maxRow+1) + row(4, 2*maxRow) + row(5, 300) + row(6, maxRow) + row(7, maxRow+1) + row(8, 200))
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

// TestCountsEqualScan compares the counts of an index with those of a plain
// reading.
func TestCountsEqualScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	for round := range 40 {
		data := boxList(rng, rng.IntN(300), round%2 == 0)
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(2000)}
		src.write(t, data)
		want, err := countRows(t.Context(), bytes.NewReader(data), testList)
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
		want, err := countRows(t.Context(), bytes.NewReader(data), testList)
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
	data = boxList(rand.New(rand.NewPCG(45, 46)), rows, true)
	src = testDir{DirSource: DirSource(t.TempDir()), step: 4 << 10}
	name = src.write(t, data)
	want = gatherPlain(t, data, "/m/a", "/m/0l515").uncounted()
	if got := gather(t, src, "/m/a", "/m/0l515").uncounted(); !gocmp.Equal(want, got) {
		t.Fatal(gocmp.Diff(want, got))
	}
	return src, name, data, want
}

// TestIndexDamaged flips every byte of an index and cuts it everywhere: the rows
// are the same, and the index is whole again if it was needed.
func TestIndexDamaged(t *testing.T) {
	src, name, _, want := soundList(t, 25)
	whole, err := os.ReadFile(name + indexEnding)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		if err := os.WriteFile(name+indexEnding, data, 0o666); err != nil {
			t.Fatal(err)
		}
		got := gather(t, src, "/m/a", "/m/0l515")
		if d := gocmp.Diff(want, got.uncounted()); d != "" {
			t.Fatalf("%s: %s", what, d)
		}
		if got.Rows[0].Line > 0 { // it was not used
			again, err := os.ReadFile(name + indexEnding)
			if err != nil || !bytes.Equal(again, whole) {
				t.Fatalf("%s: not made again: %v", what, err)
			}
		}
	}
	for i := range whole {
		damaged := slices.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		try(fmt.Sprintf("byte %d of %d", i, len(whole)), damaged)
		if i%5 == 0 || i > len(whole)-indexFoot {
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
	other := boxList(rand.New(rand.NewPCG(47, 48)), 3000, true)
	long := bytes.Repeat([]byte("x"), max(len(data), len(other)))
	same := slices.Concat(other, long)[:len(data)]
	same = append(same[:bytes.LastIndexByte(same, '\n')+1], bytes.Repeat([]byte("\n"), len(data))...)[:len(data)]
	swapped := bytes.Replace(data, []byte("/m/0l515,"), []byte("/m/0XXXX,"), 1)
	middle := slices.Clone(data) // where no sample is taken
	at := bytes.Index(middle[sampleSize:], []byte("/m/0l515")) + sampleSize
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
			if err := os.Remove(name + indexEnding); err != nil {
				t.Fatal(err)
			}
		}
		g := &gathered{}
		v := g.visitor([]string{"/m/a"})
		rows := 0
		v.row = func(*boxHit) error {
			if rows++; rows == 3 {
				return os.WriteFile(name, append(data, data[bytes.IndexByte(data, '\n')+1:]...), 0o666)
			}
			return nil
		}
		err := readBoxes(t.Context(), src, File{Path: testList}, v, g.again)
		if !errors.Is(err, errChanged) {
			t.Errorf("indexed %v: got %v", indexed, err)
		}
		if _, err := os.Stat(name + indexEnding); err == nil && !indexed {
			t.Error("an index of a file that changed")
		}
	}
}

// TestIndexPlaces keeps the index where it can be kept.
func TestIndexPlaces(t *testing.T) {
	data := boxList(rand.New(rand.NewPCG(49, 50)), 50, true)
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
	data := boxList(rand.New(rand.NewPCG(51, 52)), 200, true)
	want := gatherPlain(t, data, "/m/a")
	for room := 0; ; room += 97 {
		g := &gathered{}
		v := g.visitor([]string{"/m/a"})
		x := newIndexWriter(&failing{room}, labelIndex)
		p := &pass[boxHit]{
			ctx: t.Context(), file: testList, r: bytes.NewReader(data), size: int64(len(data)), step: 512,
			bind: v.bind, want: v.want, parser: v.parser, bad: v.bad, index: x,
			row: func(row *boxHit, p place) error {
				row.Line, row.Offset = p.line, p.offset
				return v.row(row)
			},
		}
		if d := gocmp.Diff(want, g.end(p.run())); d != "" {
			t.Fatal(d)
		}
		if err := x.finish(stamp{}); err == nil {
			break // there was room enough
		} else if !errors.Is(err, errNoRoom) {
			t.Fatal(err)
		}
		if room > 100<<10 {
			t.Fatal("there is never room")
		}
	}
}

// TestPassAhead counts what the workers have found and nobody has taken in yet:
// it is memory, and does not grow with the cores.
func TestPassAhead(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(passWorkers))
	const row = "0000000000000001,xclick,/m/a,1,0.1,0.9,0.1,0.9\n"
	data := []byte("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n" + strings.Repeat(row, 20*passAhead))
	var found atomic.Int64
	g := &gathered{}
	v := g.visitor(nil)
	p := &pass[boxHit]{
		ctx: t.Context(), file: testList, r: bytes.NewReader(data), size: int64(len(data)), step: int64(len(row)),
		bind: v.bind, parser: v.parser, bad: v.bad,
		want: func([]byte) bool {
			found.Add(1)
			return true
		},
	}
	told := int64(0)
	p.row = func(*boxHit, place) error {
		for n := 0; told == 0 && n < 100_000 && found.Load() <= 2*passAhead; n++ {
			runtime.Gosched() // the others go as far as they may
		}
		told++
		if ahead := found.Load() - told; ahead > 2*passAhead {
			return fmt.Errorf("%d rows ahead", ahead)
		}
		return nil
	}
	if err := p.run(); err != nil {
		t.Error(err)
	}
}

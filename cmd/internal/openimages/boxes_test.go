package openimages

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

const (
	header13 = oitest.Header13
	header21 = oitest.Header21
)

// scanText scans a box list in memory for everything.
func scanText(t testing.TB, text string) (rows []BoxRow, bad []string, err error) {
	t.Helper()
	err = scanAll(t.Context(), strings.NewReader(text), "b.csv", anything, func(b *BoxRow) error {
		rows = append(rows, *b)
		return nil
	}, func(e *RowError) error {
		bad = append(bad, e.Error())
		return nil
	})
	return rows, bad, err
}

// TestScanBoxesLayouts reads three real rows in three layouts.
func TestScanBoxesLayouts(t *testing.T) {
	// The first two rows of the official train list, in 21 columns.
	rows21 := "000002b66c9c498e,xclick,/m/01g317,1,0.012500,0.195312,0.148438,0.587500,0,1,0,0,0,0.148438,0.012500,0.059375,0.195312,0.148438,0.357812,0.587500,0.325000\n" +
		"000002b66c9c498e,xclick,/m/01g317,1,0.025000,0.276563,0.714063,0.948438,0,1,-1,0,1,0.025000,0.248438,0.276563,0.214062,0.914062,0.714063,0.782813,0.948438\n"
	cut := func(columns int) string {
		var b strings.Builder
		for line := range strings.Lines(rows21) {
			b.WriteString(strings.Join(strings.Split(strings.TrimSpace(line), ",")[:columns], ",") + "\r\n")
		}
		return b.String()
	}
	full := []record.Box{
		{XMin: .0125, XMax: .195312, YMin: .148438, YMax: .5875, Truncated: 1},
		{XMin: .025, XMax: .276563, YMin: .714063, YMax: .948438, Truncated: 1, GroupOf: -1, Inside: 1},
	}
	unknown := slices.Clone(full)
	for i := range unknown {
		b := &unknown[i]
		b.Occluded, b.Truncated, b.GroupOf, b.Depiction, b.Inside = -1, -1, -1, -1, -1
	}
	for name, tt := range map[string]struct {
		text string
		want []record.Box
	}{
		"21 columns": {header21 + "\n" + rows21, full},
		"13 columns": {header13 + "\r\n" + cut(13), full},
		"8 columns":  {"ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\r\n" + cut(8), unknown},
	} {
		rows, bad, err := scanText(t, tt.text)
		if err != nil || bad != nil {
			t.Errorf("%s: %v %v", name, err, bad)
			continue
		}
		var boxes []record.Box
		for i, row := range rows {
			boxes = append(boxes, row.Box)
			if row.ImageID != "000002b66c9c498e" || row.MID != "/m/01g317" || row.Line != int64(i+2) {
				t.Errorf("%s: got %+v", name, row)
			}
		}
		if d := cmp.Diff(tt.want, boxes); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		sum := sha256.Sum256([]byte("/m/01g317,0.012500,0.195312,0.148438,0.587500"))
		if want := fmt.Sprintf("000002b66c9c498e-%x", sum[:4]); rows[0].Key() != want {
			t.Errorf("%s: key %s, want %s", name, rows[0].Key(), want)
		}
	}
}

func TestScanBoxesColumnsByName(t *testing.T) {
	rows, bad, err := scanText(t, "YMax,XMin,Other,LabelName,XMax,YMin,ImageID\n0.9,0.1,x,/m/a,0.5,0.2,id-1\n")
	if err != nil || bad != nil || len(rows) != 1 {
		t.Fatal(rows, bad, err)
	}
	b := rows[0].Box
	if rows[0].ImageID != "id-1" || b.XMin != .1 || b.XMax != .5 || b.YMin != .2 || b.YMax != .9 || b.Inside != -1 {
		t.Errorf("got %+v", rows[0])
	}
}

func TestScanBoxesBad(t *testing.T) {
	const good = "0001,x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0\n"
	for _, tt := range []struct{ row, want string }{
		{"0001,x,/m/a,1,zero,0.2,0.3,0.4,0,0,0,0,0", `b.csv:2: XMin: expected a number, found "zero"`},
		{"0001,x,/m/a,1,0.1,,0.3,0.4,0,0,0,0,0", `b.csv:2: XMax: expected a number, found ""`},
		{"0001,x,/m/a,1,0.1,0.2,NaN,0.4,0,0,0,0,0", `b.csv:2: YMin: expected a number, found "NaN"`},
		{"0001,x,/m/a,1,0.1,0.2,0.3,1e999,0,0,0,0,0", `b.csv:2: YMax: expected a number, found "1e999"`},
		{"0001,x,/m/a,1,0.1,0.2,0.3,0.4,0,2,0,0,0", `b.csv:2: IsTruncated: expected 1, 0 or -1, found "2"`},
		{"../../etc,x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0", `b.csv:2: ImageID: expected up to 64 letters, digits, - or _, found "../../etc"`},
		{",x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0", `b.csv:2: ImageID: expected up to 64 letters, digits, - or _, found ""`},
		{"0001,x,/m/a,1,0.1", "b.csv:2: expected 13 fields, found 5"},
	} {
		rows, bad, err := scanText(t, header13+"\n"+tt.row+"\n"+good)
		if err != nil || len(rows) != 1 || rows[0].Line != 3 || !slices.Equal(bad, []string{tt.want}) {
			t.Errorf("%s: got %v %q %v", tt.row, rows, bad, err)
		}
	}
	if _, _, err := scanText(t, "ImageID,LabelName,XMin,XMax\n"); err == nil || err.Error() != "b.csv:1: no column YMin, YMax, found ImageID,LabelName,XMin,XMax" {
		t.Errorf("got %v", err)
	}
	if _, _, err := scanText(t, "<!doctype html>\n"); err == nil || !strings.Contains(err.Error(), "no column ImageID") {
		t.Errorf("got %v", err)
	}
}

func TestSane(t *testing.T) {
	for _, tt := range []struct {
		box  record.Box
		want bool
	}{
		{record.Box{XMin: 0, XMax: 1, YMin: 0, YMax: 1}, true},
		{record.Box{XMin: .5, XMax: .5, YMin: 0, YMax: 1}, false},
		{record.Box{XMin: 0, XMax: 1, YMin: .7, YMax: .2}, false},
		{record.Box{XMin: -.01, XMax: 1, YMin: 0, YMax: 1}, false},
		{record.Box{XMin: 0, XMax: 1.01, YMin: 0, YMax: 1}, false},
		{record.Box{XMin: 0, XMax: 1, YMin: 0, YMax: 2}, false},
	} {
		if got := (&BoxRow{Box: tt.box}).Sane(); got != tt.want {
			t.Errorf("%+v: got %v", tt.box, got)
		}
	}
}

// TestRealBoxes compares every field of every row of every class with what
// encoding/csv and strconv make of it, for both layouts.
func TestRealBoxes(t *testing.T) {
	src := mirror(t)
	for _, version := range []string{"v4", "v7"} {
		d, err := LookupDataset(version)
		if err != nil {
			t.Fatal(err)
		}
		for _, subset := range Subsets() {
			file, err := d.Boxes(subset)
			if err != nil {
				t.Fatal(err)
			}
			data := readFile(t, src, file.Path)
			all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			byClass := map[string][]BoxRow{}
			for i, f := range all[1:] {
				byClass[f[2]] = append(byClass[f[2]], plainRow(t, f, int64(i+2)))
			}
			if len(byClass) < 10 {
				t.Fatalf("%s: only %d classes", file.Path, len(byClass))
			}
			for mid, want := range byClass {
				var got []BoxRow
				set := NewMIDSet(map[string]int{mid: 0})
				err := scanAll(t.Context(), bytes.NewReader(data), file.Path, set.Has, func(b *BoxRow) error {
					if !bytes.HasPrefix(data[b.Offset:], []byte(b.ImageID+",")) {
						t.Errorf("%s:%d: begins not at %d", file.Path, b.Line, b.Offset)
					}
					b.Offset = 0
					got = append(got, *b)
					return nil
				}, func(e *RowError) error { return e })
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s %s: %s", file.Path, mid, d)
				}
			}
		}
	}
}

// plainRow parses a row the plain way.
func plainRow(t testing.TB, f []string, line int64) BoxRow {
	t.Helper()
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	flag := func(s string) int {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	text := f[2]
	for _, coordinate := range f[4:8] {
		text += "," + plainCoordinate(number(coordinate))
	}
	sum := sha256.Sum256([]byte(text))
	return BoxRow{ImageID: f[0], MID: f[2], Line: line, Sum: binary.BigEndian.Uint64(sum[:]), Box: record.Box{
		XMin: number(f[4]), XMax: number(f[5]), YMin: number(f[6]), YMax: number(f[7]),
		Occluded: flag(f[8]), Truncated: flag(f[9]), GroupOf: flag(f[10]), Depiction: flag(f[11]), Inside: flag(f[12]),
	}}
}

// TestRealImages compares the real image lists with encoding/csv: many titles
// are quoted, with commas, quotes and text that is not English.
func TestRealImages(t *testing.T) {
	src := mirror(t)
	d, err := LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	for _, subset := range Subsets() {
		file, err := d.Images(subset)
		if err != nil {
			t.Fatal(err)
		}
		data := readFile(t, src, file.Path)
		all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, f := range all[1:] {
			if f[0] >= "8" {
				want = append(want, strings.Join(slices.Concat(f[:1], f[2:8], []string{strings.TrimPrefix(f[8], "0")}, f[9:11]), "|"))
			}
		}
		err = scanImages(t.Context(), bytes.NewReader(data), file.Path, func(id []byte) bool { return id[0] >= '8' }, func(r *ImageRow) error {
			i := r.Image
			if i.Rotation != nil {
				t.Errorf("%s: rotation %v, the column is empty", r.ImageID, *i.Rotation)
			}
			size := ""
			if i.OriginalSize > 0 {
				size = strconv.FormatInt(i.OriginalSize, 10)
			}
			got = append(got, strings.Join([]string{r.ImageID, i.URL, i.LandingURL, i.License, i.AuthorURL, i.Author, i.Title, size, i.OriginalMD5, i.ThumbnailURL}, "|"))
			return nil
		}, func(e *RowError) error { return e })
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" || len(want) < 50 {
			t.Errorf("%s: %d rows: %s", file.Path, len(want), d)
		}
	}
}

func TestScanImagesFields(t *testing.T) {
	const header = "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation\n"
	scan := func(text string) (rows []ImageRow, bad []string, err error) {
		err = scanImages(t.Context(), strings.NewReader(text), "i.csv", anything, func(r *ImageRow) error {
			rows = append(rows, *r)
			return nil
		}, func(e *RowError) error {
			bad = append(bad, e.Error())
			return nil
		})
		return rows, bad, err
	}
	ninety := 90.0
	rows, bad, err := scan(header +
		"a,train,u,l,c,p,\"A, B\",\"two\nlines\",5,m==,t,90.0\n" +
		"b,train,u,,,,\xff,,,,,\n" +
		"c,train,u,,,,,,,,,nan\n" +
		"d,train,u,,,,,,many,,,0.0\n" +
		"e,train,u,,,,,,,,,left\n")
	want := []ImageRow{
		{"a", record.Image{URL: "u", LandingURL: "l", License: "c", AuthorURL: "p", Author: "A, B", Title: "two\nlines", OriginalSize: 5, OriginalMD5: "m==", ThumbnailURL: "t", Rotation: &ninety}},
		{"b", record.Image{URL: "u", Author: "\uFFFD"}},
		{"c", record.Image{URL: "u"}},
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{`i.csv:6: column OriginalSize: expected a number of bytes, found "many"`, `i.csv:7: column Rotation: expected degrees, found "left"`}, bad); d != "" {
		t.Error(d)
	}
	// The lists of 2017 have no rotation.
	if rows, _, err := scan("ImageID,Subset,OriginalURL\na,train,u\n"); err != nil || len(rows) != 1 || rows[0].Image.URL != "u" {
		t.Errorf("got %v, %v", rows, err)
	}
	if _, _, err := scan("ImageID,Subset\n"); err == nil || !strings.Contains(err.Error(), "no column OriginalURL") {
		t.Errorf("got %v", err)
	}
}

func TestMIDSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	mids := map[string]int{"": 0, "a": 0, "ab": 0}
	for range 500 {
		mids[fmt.Sprintf("/m/0%x", rng.Uint32N(1<<20))] = 0
	}
	s := NewMIDSet(mids)
	for range 20_000 {
		mid := fmt.Sprintf("/m/0%x", rng.Uint32N(1<<20))
		if _, want := mids[mid]; s.Has([]byte(mid)) != want {
			t.Fatalf("%s: got %v", mid, !want)
		}
	}
	for mid := range mids {
		if !s.Has([]byte(mid)) {
			t.Errorf("%q is missing", mid)
		}
	}
}

func FuzzScanBoxes(f *testing.F) {
	f.Add([]byte(header13 + "\n0001,x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0\n"))
	f.Add([]byte(header21 + "\r\n\"0001\",x,\"/m/a\",1,-1,2e-3,0.3,nan,0,0,0,0,-1,,,,,,,,"))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := scanAll(t.Context(), bytes.NewReader(data), "b.csv", anything, func(b *BoxRow) error {
			if !record.ValidID(b.ImageID) {
				t.Fatalf("id %q", b.ImageID)
			}
			for _, v := range []float64{b.Box.XMin, b.Box.XMax, b.Box.YMin, b.Box.YMax} {
				if v != v {
					t.Fatal("not a number")
				}
			}
			return nil
		}, func(*RowError) error { return nil })
		_ = err // any error will do, as long as it is one
	})
}

func BenchmarkScanBoxes(b *testing.B) {
	for _, columns := range []int{13, 21} {
		b.Run(strconv.Itoa(columns), func(b *testing.B) {
			data := oitest.BigList(columns, 100_000)
			set := NewMIDSet(map[string]int{"/m/0cdn1": 0, "/m/0l515": 1})
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				n := 0
				err := scanAll(b.Context(), bytes.NewReader(data), "b.csv", set.Has,
					func(*BoxRow) error { n++; return nil }, func(e *RowError) error { return e })
				if err != nil || n != 100 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkEncodingCSV is what there is to beat.
func BenchmarkEncodingCSV(b *testing.B) {
	data := oitest.BigList(21, 100_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(data))
		r.ReuseRecord = true
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

package openimages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// plainCoordinate is the form in which a coordinate is hashed, the plain way.
func plainCoordinate(v float64) string {
	text := strings.TrimPrefix(strconv.FormatFloat(v, 'f', -1, 64), "-")
	if v < 0 {
		text = "-" + text
	}
	whole, decimals, _ := strings.Cut(text, ".")
	return whole + "." + decimals + strings.Repeat("0", max(0, 6-len(decimals)))
}

func TestAppendCoordinate(t *testing.T) {
	for _, tt := range []struct{ field, want string }{
		{"0.799200", "0.799200"},
		{"0.7992", "0.799200"},
		{".7992", "0.799200"},
		{"+0.7992", "0.799200"},
		{"00.7992", "0.799200"},
		{"0.79920000", "0.799200"},
		{"0.7992000000000000", "0.799200"},
		{"0.79920000000000002", "0.799200"}, // the same number, in 17 digits
		{"7.992e-01", "0.799200"},
		{"7.992E-1", "0.799200"},
		{"79.92e-2", "0.799200"},
		{" 0.7992 ", "0.799200"},
		{"0.7992\t", "0.799200"},
		{"0", "0.000000"},
		{"-0", "0.000000"},
		{"-0.000000", "0.000000"},
		{"0.", "0.000000"},
		{"1", "1.000000"},
		{"1.", "1.000000"},
		{"1e0", "1.000000"},
		{"12", "12.000000"},
		{"-0.5", "-0.500000"},
		{"0.022673031", "0.022673031"}, // official, of version 5
		{"0.9642005", "0.9642005"},
		{"0.96420050", "0.9642005"},
		{"9.7e-05", "0.000097"},
		{"1e-7", "0.0000001"},
		{"0.123456789012345678", "0.12345678901234568"},
		{"0.29999999999999999", "0.300000"},
		{"0.30000000000000004", "0.30000000000000004"}, // the next number
		{"wide", "wide"},
		{"NaN", "NaN"},
		{"-inf", "-inf"},
		{"1e999", "1e999"},
		{"0,5", "0,5"},
		{".", "."},
		{"", ""},
	} {
		if got := string(appendCoordinate([]byte("x"), []byte(tt.field))); got != "x"+tt.want {
			t.Errorf("%q: got %s, want %s", tt.field, got[1:], tt.want)
		}
	}
}

// spellings are texts of a number as programs write it.
func spellings(rng *rand.Rand, v float64) []string {
	list := []string{
		strconv.FormatFloat(v, 'g', -1, 64), strconv.FormatFloat(v, 'e', -1, 64), strconv.FormatFloat(v, 'f', -1, 64),
		strconv.FormatFloat(v, 'e', 16+rng.IntN(5), 64), strconv.FormatFloat(v, 'G', 17, 64),
		" " + strconv.FormatFloat(v, 'g', -1, 64) + " ",
	}
	if shortest := strconv.FormatFloat(v, 'f', -1, 64); strings.Contains(shortest, ".") {
		list = append(list, shortest+strings.Repeat("0", rng.IntN(12)), strings.TrimPrefix(shortest, "0"))
	}
	if v >= 0 {
		list = append(list, "+"+strconv.FormatFloat(v, 'g', -1, 64))
	}
	return list
}

// TestAppendCoordinateAgainstPlain compares with strconv for random numbers, in
// all spellings, and for all numbers of six digits and random ones of up to 18.
func TestAppendCoordinateAgainstPlain(t *testing.T) {
	check := func(field string) {
		t.Helper()
		v, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil {
			t.Fatal(err)
		}
		got := string(appendCoordinate(nil, []byte(field)))
		if want := plainCoordinate(v); got != want {
			t.Fatalf("%q: got %s, want %s", field, got, want)
		}
		if back, err := strconv.ParseFloat(got, 64); err != nil || back != v {
			t.Fatalf("%q reads back as %g, %v", got, back, err)
		}
	}
	for i := range 1_000_001 {
		field := fmt.Sprintf("%d.%06d", i/1_000_000, i%1_000_000)
		if got := appendCoordinate(nil, []byte(field)); string(got) != field {
			t.Fatalf("%s becomes %s", field, got)
		}
		if i%17 == 0 {
			check(field)
		}
	}
	rng := rand.New(rand.NewPCG(61, 62))
	for range 5_000 {
		digits := 1 + rng.IntN(18)
		check(fmt.Sprintf("%d.%0*d", rng.IntN(2), digits, rng.Int64N(int64(math.Pow10(digits)))))
		for _, v := range []float64{rng.Float64(), float64(rng.IntN(1e6)) / 1e6, float64(float32(rng.Float64())), rng.NormFloat64(), rng.Float64() * 1e-9} {
			for _, field := range spellings(rng, v) {
				check(field)
			}
		}
	}
}

func FuzzAppendCoordinate(f *testing.F) {
	for _, seed := range []string{"0.799200", "7.992e-01", ".5", "1", "-0", " 1. ", "0x1p-2", "1_0", "NaN", "1e-320", "9.99999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		v, err := parseNumber([]byte(field))
		got := string(appendCoordinate(nil, []byte(field)))
		if err != nil {
			if got != field {
				t.Errorf("%q becomes %q", field, got)
			}
		} else if want := plainCoordinate(v); got != want {
			t.Errorf("%q: got %s, want %s", field, got, want)
		}
	})
}

// TestOfficialKeysStay checks that the keys of rows in the official six digits
// are what they always were: a hash of the text as it stands.
func TestOfficialKeysStay(t *testing.T) {
	src := mirror(t)
	check := func(name string, r io.Reader) {
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		column := map[string]int{}
		for i, title := range all[0] {
			column[title] = i
		}
		n := 0
		err = scanAll(t.Context(), bytes.NewReader(data), name, anything, func(b *BoxRow) error {
			n++
			row := all[n]
			text := row[column["LabelName"]]
			for _, title := range edgeColumns {
				text += "," + row[column[title]]
			}
			sum := sha256.Sum256([]byte(text))
			if want := fmt.Sprintf("%s-%x", row[column["ImageID"]], sum[:4]); b.Key() != want {
				t.Errorf("%s:%d: key %s, want %s", name, b.Line, b.Key(), want)
			}
			return nil
		}, func(e *RowError) error { return e })
		if err != nil || n != len(all)-1 {
			t.Errorf("%s: %d of %d rows, %v", name, n, len(all)-1, err)
		}
	}
	metadata := filepath.Join(string(src), "..", "metadata")
	lists, err := filepath.Glob(filepath.Join(string(src), "*", "*", "*-annotations-bbox.csv"))
	if err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(metadata, "2017_11", "*", "annotations-human-bbox.csv"))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := filepath.Glob(filepath.Join(metadata, "2018_04", "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(lists) < 3 || len(old) != 3 || len(packed) != 2 {
		t.Fatalf("real rows in %q, %q and %q", lists, old, packed)
	}
	for _, name := range append(append(lists, old...), packed...) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		check(filepath.Base(name), r)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSavedAgain reads a row as other programs save it: the key and what is
// known of the box stay.
func TestSavedAgain(t *testing.T) {
	want, _, err := scanText(t, header13+"\n0001,x,/m/a,1,0.125000,0.799200,0.000000,1.000000,1,0,-1,0,1\n")
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	for _, row := range []string{
		"0001,x,/m/a,1.0,0.125,0.7992,0.0,1.0,1.0,0.0,-1.0,0.0,1.0",
		"0001,x,/m/a,1,1.250000e-01,7.992000e-01,0.000000e+00,1.000000e+00,1,0,-1,0,1",
		"0001,x,/m/a,1,.125,.7992,0,1,1,0,-1,0,1",
		"0001,x,/m/a,1, 0.125 , 0.7992 ,-0,1., 1 , 0, -1,0 ,1",
		"0001,x,/m/a,1,0.12500000,0.79920000000000002,0,+1,1e0,0,,0,1",
		`"0001","x","/m/a","1","0.125","0.7992","0","1","1","0","-1","0","1"`,
	} {
		got, bad, err := scanText(t, header13+"\n"+row+"\n")
		if err != nil || bad != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v %q %v, want %+v", row, got, bad, err, want[0])
		}
		if len(got) == 1 && math.Signbit(got[0].Box.YMin) {
			t.Errorf("%s: a zero with a sign", row)
		}
	}
	for _, row := range []string{
		"0001,x,/m/a,1,NaN,0.7992,0.0,1.0,1,0,0,0,0",
		"0001,x,/m/a,1,0.1,Inf,0.0,1.0,1,0,0,0,0",
		"0001,x,/m/a,1,0.1,0.7992,0.0,1.0,0.5,0,0,0,0",
		"0001,x,/m/a,1,0.1,0.7992,0.0,1.0,NaN,0,0,0,0",
		"0001,x,/m/a,1,\"0,1\",0.7992,0.0,1.0,0,0,0,0,0",
	} {
		if got, bad, err := scanText(t, header13+"\n"+row+"\n"); err != nil || len(bad) != 1 || len(got) != 0 {
			t.Errorf("%s: got %+v %q %v", row, got, bad, err)
		}
	}
}

// TestRotation reads degrees as programs write them.
func TestRotation(t *testing.T) {
	for _, field := range []string{"270.0", "270", " 270 ", "2.7e+02"} {
		var got *float64
		err := scanImages(t.Context(), strings.NewReader("ImageID,OriginalURL,Rotation\n1,http://x,"+field+"\n"), "i.csv",
			anything, func(row *ImageRow) error { got = row.Image.Rotation; return nil },
			func(e *RowError) error { return e })
		if err != nil || got == nil || *got != 270 {
			t.Errorf("%q: got %v, %v", field, got, err)
		}
	}
}

// TestOriginalSize reads a size from a column that a program keeps as floats,
// because other rows have none.
func TestOriginalSize(t *testing.T) {
	for field, want := range map[string]int64{"77": 77, "77.0": 77, " 77": 77, "4.405052e+06": 4405052, "": 0, "9007199254740992": 1 << 53} {
		var got int64 = -1
		err := scanImages(t.Context(), strings.NewReader("ImageID,OriginalURL,OriginalSize\n1,http://x,"+field+"\n"), "i.csv",
			anything, func(row *ImageRow) error { got = row.Image.OriginalSize; return nil },
			func(e *RowError) error { return e })
		if err != nil || got != want {
			t.Errorf("%q: got %d, %v", field, got, err)
		}
	}
	for _, field := range []string{"77.5", "-1", "-1.0", "NaN", "many", "1e300"} {
		bad := 0
		err := scanImages(t.Context(), strings.NewReader("ImageID,OriginalURL,OriginalSize\n1,http://x,"+field+"\n"), "i.csv",
			anything, func(*ImageRow) error { return nil },
			func(*RowError) error { bad++; return nil })
		if err != nil || bad != 1 {
			t.Errorf("%q: %d bad rows, %v", field, bad, err)
		}
	}
}

// TestSixDecimals tries every byte in every place.
func TestSixDecimals(t *testing.T) {
	for i := range 8 {
		for c := range 256 {
			field := []byte("0.123456")
			field[i] = byte(c)
			want := i == 1 && c == '.' || i != 1 && '0' <= c && c <= '9'
			if got := sixDecimals(field); got != want {
				t.Errorf("%q: got %v", field, got)
			}
		}
	}
	if sixDecimals([]byte("0.12345")) || sixDecimals([]byte("0.1234567")) {
		t.Error("five or seven decimals are six")
	}
}

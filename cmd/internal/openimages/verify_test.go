package openimages

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// sound has a whole file of each kind, with all that a row may have in it.
var sound = map[kind]string{
	kindClasses:   "/m/0cdn1,\"Hamburger, large\"\n/m/011k07,Tortoise\n",
	kindHierarchy: `{"LabelName": "/m/0bl9f", "Subcategory": [{"LabelName": "/m/0cdn1"}]}` + "\n",
	kindBoxes: "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsInside\n" +
		"0000000000000001,xclick,/m/a,1,0.1,0.9,0.1,0.9,0\n0000000000000002,xclick,/m/a,1,0.1,0.9,0.1,0.9,1\n",
	kindLabels: "ImageID,Source,LabelName,Confidence\n0000000000000001,verification,/m/a,1\n0000000000000002,verification,/m/a,0\n",
	kindImages: "ImageID,Subset,OriginalURL,Author,Title,Rotation\n0000000000000001,train,http://x/1,Ann,\"a, b\",0.0\n" +
		"0000000000000002,train,http://x/2,Bob,\"two\nlines, \"\"said\"\"\",90.0\n",
}

func verifyText(t testing.TB, kind kind, text string) error {
	t.Helper()
	return File{Path: csvPath, kind: kind}.Verify(t.Context(), strings.NewReader(text), int64(len(text)))
}

// TestVerifyCuts cuts a file of each kind behind every byte. What is left holds
// only if it ends with a row.
func TestVerifyCuts(t *testing.T) {
	for kind, text := range sound {
		whole := 0
		for n := range len(text) + 1 {
			err := verifyText(t, kind, text[:n])
			want := strings.HasSuffix(text[:n], "\n")
			switch {
			case kind == kindHierarchy:
				want = n >= len(text)-1 // the line end may be missing
			case strings.HasSuffix(text[:n], "two\n"):
				continue // within a field in quotes, which looks like the end of a row
			}
			if want {
				whole++
			}
			if (err == nil) != want {
				t.Errorf("kind %d, %q: %v", kind, text[:n], err)
			}
		}
		if whole < 2 {
			t.Errorf("kind %d: %d were whole", kind, whole)
		}
	}
}

// TestVerifyForeign has what servers and proxies send in the place of a file.
func TestVerifyForeign(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "empty"},
		{"<!DOCTYPE html>\n<title>Log in, please</title>\n", "web page: <!DOCTYPE html>"},
		{"\ufeff\r\n <HTML>", "web page"},
		{"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "web page"},
		{"\x1f\x8b\x08\x00\x00", "gzip"},
		{"PK\x03\x04", "zip"},
		{"{\"error\": \"log in, please\"}\n", ""},
		{"Log in, please\n", ""},
		{"\n\n\n", ""},
		{strings.Repeat("\x00", 4096), ""},
		{"ImageID,Wrong\n1,2\n", ""},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 12345\n", ""},
		{"/annex/objects/MD5E-s123--0123456789abcdef.csv\n", ""},
	} {
		for kind := range sound {
			err := verifyText(t, kind, tt.text)
			if err == nil || errors.Is(err, csvscan.ErrNoLineEnd) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("kind %d, %q: %v, want %q", kind, tt.text, err, tt.want)
			}
		}
		if err := verifyText(t, kindUnknown, tt.text); err != nil {
			t.Errorf("%q of no kind: %v", tt.text, err)
		}
	}
}

// TestVerifyRows reads until there is a row, and no further: what a scan counts
// as malformed is no reason to refuse a list, unless all of it is.
func TestVerifyRows(t *testing.T) {
	const head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"
	const good = "0000000000000001,xclick,/m/a,1,0.1,0.9,0.1,0.9\n"
	for text, want := range map[string]string{
		head:                                    "", // a mirror of one subset may have the others empty
		head + "a,b\n" + good:                   "",
		head + good + "a,b\n":                   "", // not cut: it has its line end
		head + strings.Repeat("a,b\n", 100_000): "no row can be read",
		head + strings.Replace(good, ".", "x", 1):                "no row can be read",
		"\ufeff" + strings.ReplaceAll(head+good, "\n", "\r\n"):   "",
		head + good + strings.TrimSuffix(good, "\n"):             csvscan.ErrNoLineEnd.Error(),
		head + good + strings.TrimSuffix(good, "\n") + "\r":      csvscan.ErrNoLineEnd.Error(),
		head + good + strings.Repeat("\x00", 4096) + "\n" + good: csvscan.ErrHole.Error(),
		head + good + strings.TrimSuffix(good, ",0.9\n"):         csvscan.ErrCut.Error(),
		head + strings.Repeat(good, 40_000) + "0000000000000002": csvscan.ErrCut.Error() + ": 0000000000000002",
	} {
		err := verifyText(t, kindBoxes, text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.200q: %v, want %q", text, err, want)
		}
	}
}

// TestVerifyEnd cuts random lists. One that may have been written so is one of
// which a CSV reader finds every row complete.
func TestVerifyEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(81, 82))
	found := map[string]int{}
	for range 4000 {
		data := oitest.BoxList(rng, 1+rng.IntN(12), true)
		data = data[:bytes.IndexByte(data, '\n')+1+rng.IntN(len(data)-bytes.IndexByte(data, '\n'))]
		if len(data) == 0 || data[len(data)-1] == '\n' {
			continue
		}
		r := csv.NewReader(bytes.NewReader(data))
		_, parsed := r.ReadAll() // checks the number of fields
		switch err := verifyText(t, kindBoxes, string(data)); {
		case errors.Is(err, csvscan.ErrNoLineEnd):
			found["no line end"]++
			if parsed != nil {
				t.Errorf("%q may be whole, but: %v", data, parsed)
			}
		case errors.Is(err, csvscan.ErrCut):
			found["cut"]++
			if parsed == nil {
				t.Errorf("%q: %v, but every row is complete", data, err)
			}
		default:
			if err == nil {
				t.Errorf("%q: %v", data, err)
			}
		}
	}
	if found["cut"] < 1000 || found["no line end"] < 50 {
		t.Errorf("found %v", found)
	}
}

// FuzzVerify wants an answer about any bytes, and one that a scan agrees with.
func FuzzVerify(f *testing.F) {
	for kind, text := range sound {
		f.Add(uint8(kind), []byte(text))
		f.Add(uint8(kind), []byte(text[:len(text)-8]))
	}
	f.Fuzz(func(t *testing.T, n uint8, data []byte) {
		kind := kindUnknown + 1 + kind(int(n)%len(sound))
		if err := verifyText(t, kind, string(data)); err != nil || kind != kindBoxes {
			return
		}
		if got := gatherPlain(t, data, "/m/a"); got.Err != "" {
			t.Errorf("%q holds, but %s", data, got.Err)
		}
	})
}

package folder

import (
	"bytes"
	"encoding/csv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/opensandwich/oi/record"
)

func TestCells(t *testing.T) {
	for name, item := range map[string]*record.Item{
		"of nothing": {},
		"of all": {
			ID: "a", Key: "a-1", Label: &record.Label{Name: "x"}, Box: &record.Box{}, Crop: &record.Crop{Background: true}, Image: &record.Image{},
			Fetched: &record.Fetched{}, Augment: &record.Augment{},
		},
	} {
		got := cells(item, "x/a-1.png")
		if len(got) != len(columns()) {
			t.Errorf("%s: %d cells in %d columns", name, len(got), len(columns()))
		}
		if slices.Contains(got, "") {
			t.Errorf("%s: an empty cell in %q", name, got)
		}
	}
	item := &record.Item{
		ID: "0123", Key: "k", Subset: "train", Label: &record.Label{Name: "Hot dog", MID: "/m/1"}, Box: &record.Box{XMin: 0, XMax: 1, YMin: 0.25, YMax: 1e-9, Occluded: -1},
		Crop: &record.Crop{X: 1, Y: 2, Width: 3, Height: 4, Rotation: 90, SourceWidth: 5, SourceHeight: 6}, Augment: &record.Augment{Epoch: 2, Copy: 1},
		Image: &record.Image{Author: "007", AuthorURL: "https://a", Title: "=1+1", License: "", URL: "u", LandingURL: "l"}, Fetched: &record.Fetched{SHA256: "ff"},
	}
	want := "Hot dog/k.png|Hot dog|/m/1|k|train|0.0|1.0|0.25|0.000000001|-1|0|0|0|0|1|2|3|4|90|5|6|0|'007|https://a|'=1+1|unknown|u|l|ff|2|1|'0123"
	if got := strings.Join(cells(item, "Hot dog/k.png"), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPlainText(t *testing.T) {
	for text, want := range map[string]string{
		"": "unknown", "Jane": "Jane", "12 monkeys": "12 monkeys", "nano": "nano", "1.5": "'1.5", "1e5": "'1e5", "inf": "'inf", " 7 ": "' 7 ", "NaN": "'NaN",
		"None": "'None", "N/A": "'N/A", "True": "'True", "-x": "'-x", "@jane": "'@jane", "a\r\nb": "a  b", "a\x00b": "a b", "\xff": "\ufffd", " ": "' ", "1e999": "'1e999", "\t": "' ",
		"unknown": "'unknown", "'=x": "''=x", "''7": "'''7", "'x": "'x", "'": "'",
	} {
		if got := plainText(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// TestRowsSurviveMerging: what is read from a file is written again as it was,
// whatever people have given as a title.
func TestRowsSurviveMerging(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	letters := []string{`"`, ",", "\n", "\r", " ", "a", "ä", "\x00", "\xff", "'", "=", "\u2028", "1", `\.`, "\t"}
	file := filepath.Join(t.TempDir(), metadataName)
	rows := newTable()
	for i := range 500 {
		text := ""
		for range rng.IntN(6) {
			text += letters[rng.IntN(len(letters))]
		}
		item := &record.Item{Key: string(rune('a'+i%26)) + strings.Repeat("k", i/26), Label: &record.Label{Name: text}, Image: &record.Image{Title: text, Author: text}}
		if err := rows.add(cells(item, item.Key+".png")); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := rows.write(file); n != 500 || err != nil {
		t.Fatal(n, err)
	}
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(first, []byte("\n")); lines != 501 || !utf8.Valid(first) || bytes.ContainsFunc(first, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
		t.Errorf("%d lines for 501 rows, or no plain text", lines)
	}
	again := newTable()
	if err := again.addFile(file); err != nil {
		t.Fatal(err)
	}
	if n, err := again.write(file); n != 500 || err != nil {
		t.Fatal(n, err)
	}
	second, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("merging changes rows: %v", err)
	}
	all, err := csv.NewReader(bytes.NewReader(second)).ReadAll()
	if err != nil || len(all) != 501 {
		t.Errorf("%d rows, %v", len(all), err)
	}
}

func TestForeignList(t *testing.T) {
	file := filepath.Join(t.TempDir(), metadataName)
	if err := os.WriteFile(file, []byte("file_name,text\na.png,x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := newTable().addFile(file); err == nil || !strings.Contains(err.Error(), "its columns are not those") {
		t.Errorf("got %v", err)
	}
	if err := newTable().addFile(file + ".none"); err != nil {
		t.Error(err)
	}
}

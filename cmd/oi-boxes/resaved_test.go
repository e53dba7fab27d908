package main

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// numberColumns are those that a program which reads a list takes for numbers.
var numberColumns = []string{
	"XMin", "XMax", "YMin", "YMax", "Confidence",
	"IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside", "OriginalSize",
}

// respell writes a number as some program does.
func respell(rng *rand.Rand, text string, whole bool) string {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	if whole {
		return []string{text, text + ".0", text + "."}[rng.IntN(3)]
	}
	shortest := strconv.FormatFloat(v, 'f', -1, 64)
	return []string{
		text, shortest, strconv.FormatFloat(v, 'e', -1, 64), strconv.FormatFloat(v, 'E', 15, 64), strconv.FormatFloat(v, 'g', 17, 64),
		strconv.FormatFloat(v, 'f', 9, 64), shortest + "e0", strings.TrimPrefix(text, "0"), "+" + text, " " + text + "  ",
	}[rng.IntN(10)]
}

// saveAgain copies the lists of a folder as other programs save them: all
// numbers are the same, and few are written as they were.
func saveAgain(t *testing.T, from string) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(71, 72))
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, "bbox.csv") && !strings.Contains(name, "images") {
			writeFile(t, filepath.Join(to, name), string(data))
			return nil
		}
		rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
		if err != nil {
			return err
		}
		for i, title := range rows[0] {
			if !slices.Contains(numberColumns, title) {
				continue
			}
			for _, row := range rows[1:] {
				row[i] = respell(rng, row[i], title[0] != 'X' && title[0] != 'Y')
			}
		}
		var text strings.Builder
		if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
			return err
		}
		writeFile(t, filepath.Join(to, name), text.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestSavedAgain asks lists that another program has saved again: all answers
// are the same, whichever way boxes are picked.
func TestSavedAgain(t *testing.T) {
	folders := map[string]string{"made up": madeUp(t)}
	if real, ok := oitest.FindRealData(t, "openimages/mirror"); ok {
		folders["real"] = real
	}
	for _, p := range places(t) {
		from, ok := folders[p.name]
		if !ok {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			p.args = []string{"--metadata", from, "--max-skips", "100%"}
			again := p
			again.args = []string{"--metadata", saveAgain(t, from), "--max-skips", "100%"}
			items, _ := p.answer(t)
			list := ""
			for i, item := range items {
				if i%3 == 0 {
					list += item.Key + "\n"
				}
			}
			keys := filepath.Join(t.TempDir(), "keys")
			writeFile(t, keys, list)
			for _, args := range [][]string{
				nil, {"--limit", "13"}, {"--max-per-class", "3", "--seed", "7"}, {"--balance", "--limit", "20"},
				{"--negatives", "17"}, {"--negatives", "17", "--seed", "5", "--limit", "9"},
				{"--ids", keys}, {"--exclude-ids", keys, "--shard", "1/2"},
				{"--occluded", "no"}, {"--subset", "train,validation,test", "--split", "hash", "--limit", "31"},
			} {
				want, wantEnd := p.answer(t, args...)
				got, gotEnd := again.answer(t, args...)
				if d := gocmp.Diff(want, got); d != "" || !reflect.DeepEqual(wantEnd, gotEnd) {
					t.Errorf("%q: (- before, + saved again)\n%s", args, d)
				}
			}
		})
	}
}

// TestFloatKeys reads three rows as they were downloaded and as a spreadsheet
// saved them.
func TestFloatKeys(t *testing.T) {
	var keys [2][]string
	for i, name := range []string{"as-downloaded.csv", "re-saved.csv"} {
		list, err := os.ReadFile(oitest.Case(t, filepath.Join("float-keys", name)))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "v7/oidv7-class-descriptions-boxable.csv"), "/m/01b9xk,Hot dog\n")
		writeFile(t, filepath.Join(dir, "2018_04/bbox_labels_600_hierarchy.json"), `{"LabelName":"/m/0bl9f","Subcategory":[{"LabelName":"/m/01b9xk"}]}`)
		writeFile(t, filepath.Join(dir, "v5/validation-annotations-bbox.csv"), string(list))
		images := "ImageID,OriginalURL\n"
		for line := range strings.Lines(string(list)) {
			id, _, _ := strings.Cut(line, ",")
			images += fmt.Sprintf("%s,http://x/%s\n", id, id)
		}
		writeFile(t, filepath.Join(dir, "2018_04/validation/validation-images-with-rotation.csv"), images)
		p := place{"", []string{"--metadata", dir, "--subset", "validation"}, []string{"Hot dog"}}
		items, _ := p.answer(t)
		for _, item := range items {
			keys[i] = append(keys[i], item.Key)
		}
		if n := len(keys[i]); n != 3 {
			t.Fatalf("%s: %d items", name, n)
		}
		limited, _ := p.answer(t, "--limit", "1")
		keys[i] = append(keys[i], limited[0].Key)
	}
	if !slices.Equal(keys[0], keys[1]) {
		t.Errorf("keys %q, saved again %q", keys[0], keys[1])
	}
}

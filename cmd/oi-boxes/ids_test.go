package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// TestIDsBehindAnotherColumn has a table that begins with its rows' numbers, as
// pandas writes it: each would pass for an id, of no photo.
func TestIDsBehindAnotherColumn(t *testing.T) {
	for _, list := range []string{
		",ImageID,Reason\r\n0,001b3933d63541b0,dark\r\n",
		"n,\"ImageID\"\n7,001b3933d63541b0\n",
		"label,key\nCake,001b3933d63541b0-db9e3c47\n",
	} {
		_, err := readIDs(&cli.Env{Stdin: strings.NewReader(list)}, "-")
		if err == nil || !strings.Contains(err.Error(), "-:1: ") || !strings.Contains(err.Error(), "first column") {
			t.Errorf("%q: got %v", list, err)
		}
	}
	if _, err := readIDs(&cli.Env{Stdin: strings.NewReader("\"ImageID\",ImageID\n001b3933d63541b0,x\n")}, "-"); err != nil {
		t.Error(err)
	}
}

// TestIDForms has what a line may hold: an id, or an item's key, which is
// longer.
func TestIDForms(t *testing.T) {
	long := strings.Repeat("x", record.MaxID)
	for line, want := range map[string]bool{
		"001b3933d63541b0": true, "001b3933d63541b0-0a1b2c3d": true, "train/001b3933d63541b0.jpg": true,
		long: true, long + "-0a1b2c3d": true, long + "-0a1b2c3d4": false,
		".jpg": false, "train/.png": false, "a b": true, "a:b": false,
	} {
		_, err := readIDs(&cli.Env{Stdin: strings.NewReader(line + "\n")}, "-")
		if (err == nil) != want {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// TestUnmatchedIDs has lists of which some or all ids are of no row of what is
// asked for: that is said once, in the file's order, whatever else becomes of
// the rows, and with what the ids may have been.
func TestUnmatchedIDs(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "v7/oidv7-class-descriptions-boxable.csv"), "/m/0cdn1,Hamburger\n/m/01b9xk,Hot dog\n")
	writeFile(t, filepath.Join(dir, "2018_04/bbox_labels_600_hierarchy.json"), `{"LabelName":"/m/0bl9f","Subcategory":[{"LabelName":"/m/01b9xk"},{"LabelName":"/m/0cdn1"}]}`)
	writeFile(t, filepath.Join(dir, "v5/validation-annotations-bbox.csv"), `ImageID,LabelName,XMin,XMax,YMin,YMax
00000000000000aa,/m/0cdn1,0.1,0.2,0.3,0.4
00000000000000ab,/m/0cdn1,0.1,0.2,0.3,0.4
00000000000000ab,/m/0cdn1,0.1,0.2,0.3,0.4
00000000000000ac,/m/0cdn1,0.2,0.2,0.3,0.4
00000000000000ad,/m/0cdn1,0.1,0.2,0.3,0.4
00000000000000ae,/m/01b9xk,0.1,0.2,0.3,0.4
photo-7,/m/0cdn1,0.1,0.2,0.3,0.4
`)
	writeFile(t, filepath.Join(dir, "2018_04/validation/validation-images-with-rotation.csv"), "ImageID,OriginalURL\n00000000000000aa,http://x/a\n00000000000000ab,http://x/b\n00000000000000ae,http://x/e\nphoto-7,http://x/7\n")
	const sum = "db9e3c47" // of each of the boxes of Hamburger but the empty one
	for _, tt := range []struct {
		list, args string
		want       []string // on standard error
		none       bool     // no such warning
	}{
		// Rows that are repeated, empty or not in the image list are
		// rows.
		{"00000000000000aa\n00000000000000ab-" + sum + "\n00000000000000ac\n00000000000000ad\nphoto-7\n", "", nil, true},
		{"00000000000000aa\nffffffffffffffff\n", "", []string{"1 of the 2 ids in FILE match no row: ffffffffffffffff\n"}, false},
		// A class that was not asked for has no say, but as a negative.
		{"00000000000000ae\n00000000000000aa\n", "", []string{"1 of the 2 ids in FILE match no row: 00000000000000ae\n"}, false},
		{"00000000000000ae\n00000000000000aa\n", "--negatives 1", nil, true},
		{"ffffffffffffffff\nphoto-9\nffffffffffffffff\n0000000000000001\n0000000000000002\nphoto-8\n00000000000000ab\n", "",
			[]string{"5 of the 6 ids in FILE match no row: ffffffffffffffff, photo-9, 0000000000000001, ...\n"}, false},
		{"00000000000000AA\n00000000000000ab\n", "", []string{
			"1 of the 2 ids in FILE match no row: 00000000000000AA\n", "hint: 00000000000000AA may be 00000000000000aa: "}, false},
		{"photo-9\naa\n00000000000000ab\n", "", []string{
			"2 of the 3 ids in FILE match no row: photo-9, aa\n", "hint: aa may be 00000000000000aa: "}, false},
		{"AB-DB9E3C47\n00000000000000aa\n", "", []string{
			"1 of the 2 ids in FILE match no row: AB-DB9E3C47\n", "hint: AB-DB9E3C47 may be 00000000000000ab-db9e3c47: "}, false},
		{"00000000000000ab-00000000\n00000000000000aa\n", "", []string{
			"1 of the 2 ids in FILE match no row: 00000000000000ab-00000000\n"}, false},
		{"train/00000000000000aa.JPG\n00000000000000ab.png,dark\n", "--shard 1/2", nil, true},
	} {
		file := filepath.Join(t.TempDir(), "ids.txt")
		writeFile(t, file, tt.list)
		for _, flag := range []string{"--ids", "--exclude-ids"} {
			args := append([]string{"--metadata", dir, "--subset", "validation", "--max-skips", "100%", flag, file}, strings.Fields(tt.args)...)
			_, _, stderr := execute(t.Context(), "", append(args, "Hamburger")...)
			for _, want := range tt.want {
				want = strings.ReplaceAll(want, "FILE", file)
				if !strings.HasPrefix(want, "hint") {
					want = flag + ": " + want
				}
				if strings.Count(stderr, "oi-boxes: "+want) != 1 {
					t.Errorf("%s %q: want %q in\n%s", flag, tt.list, want, stderr)
				}
			}
			if tt.none && strings.Contains(stderr, "match no row") {
				t.Errorf("%s %q: %s", flag, tt.list, stderr)
			}
			if strings.Count(stderr, "hint: ") > max(len(tt.want)-1, 0) && !strings.Contains(stderr, "no box is left") {
				t.Errorf("%s %q: more hints than expected\n%s", flag, tt.list, stderr)
			}
		}
	}
	code, _, stderr := execute(t.Context(), "00000000000000AA\n", "--metadata", dir, "--subset", "validation", "--max-skips", "100%", "--ids", "-", "Hamburger")
	if code != 1 || !strings.Contains(stderr, "--ids: 1 of the 1 ids in standard input match no row: 00000000000000AA\n") || !strings.Contains(stderr, "no box is left") {
		t.Errorf("got %d\n%s", code, stderr)
	}
}

// TestSpoiltIDs has lists that hold no id at all.
func TestSpoiltIDs(t *testing.T) {
	for _, tt := range []struct{ list, want, hint string }{
		{"", "no id in standard input", ""},
		{"\ufeffImageID\r\n# all is well\r\n\r\n", "no id in standard input", ""},
		{"1.23457E+15\n", `expected an image id such as 000cd56bb02e4edb, found "1.23457E+15"`, openimages.FloatIDHint},
		{"000cd56bb02e4edb\n1.2e+15\n", `-:2: expected an image id such as 000cd56bb02e4edb, found "1.2e+15"`, openimages.FloatIDHint},
		{"123456789012345.0\n", `found "123456789012345.0"`, openimages.FloatIDHint},
		{"../../etc/passwd.txt\n", `found "passwd.txt"`, ""},
	} {
		code, _, stderr := execute(t.Context(), tt.list, "--dataset", "sample", "--ids", "-", "Hamburger")
		if code != 1 || !strings.Contains(stderr, "oi-boxes: --ids: ") || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: got %d\n%s", tt.list, code, stderr)
		}
		if strings.Contains(stderr, "hint: ") != (tt.hint != "") || !strings.Contains(stderr, tt.hint) {
			t.Errorf("%q: hint in\n%s", tt.list, stderr)
		}
	}
}

// TestManyUnmatched compares with a plain look at a long list in any order.
func TestManyUnmatched(t *testing.T) {
	rng := rand.New(rand.NewPCG(81, 82))
	for range 50 {
		var lines, order []string
		seen := map[string]bool{}
		for range rng.IntN(40) + 1 {
			id := []string{fmt.Sprintf("%016x", rng.IntN(20)), fmt.Sprintf("photo-%d", rng.IntN(9)), fmt.Sprintf("%016x-00000001", rng.IntN(9))}[rng.IntN(3)]
			lines = append(lines, id)
			if !seen[id] {
				order = append(order, id)
			}
			seen[id] = true
		}
		ids, err := readIDs(&cli.Env{Stdin: strings.NewReader(strings.Join(lines, "\n"))}, "-")
		if err != nil {
			t.Fatal(err)
		}
		matched := map[string]bool{}
		for range 10 {
			row := &openimages.BoxRow{ImageID: fmt.Sprintf("%016x", rng.IntN(30)), Sum: 1 << 32}
			matched[row.ImageID], matched[row.Key()] = true, true
			if got, want := ids.has(row), seen[row.ImageID] || seen[row.Key()]; got != want {
				t.Fatalf("%v has %s: %v", lines, row.Key(), got)
			}
		}
		missing := slices.DeleteFunc(slices.Clone(order), func(id string) bool { return matched[id] })
		n, all, first := ids.unmatched(3)
		if n != len(missing) || all != len(order) || !slices.Equal(first, missing[:min(3, n)]) {
			t.Fatalf("%v, rows %v: got %d of %d %v, want %v", lines, matched, n, all, first, missing)
		}
	}
}

// TestListForms: the lists that commands write are read in the form of today and
// in those of before, several in one file, with the first column alone, and
// without any item.
func TestListForms(t *testing.T) {
	const one, two = "00000000000000ab-db9e3c47", "00000000000000aa-db9e3c47"
	for list, want := range map[string]int{
		"key,partner,iou,label,partner_label\n" + one + "," + two + ",0.9,A,B\n" + two + "," + one + ",0.9,B,A\n":                                  2,
		"key,label,answer\r\n" + one + ",\"Cake, iced\",Bun\r\n#" + two + "-bg,background,Bun\r\n\"#a b,c\",x,y\r\n":                               1,
		"# 2 of 9 items, most suspect first\n#key\tlabel\tanswer\n" + one + "\tHot dog\tCake, iced\n#" + two + "-bg\tbackground\tBun\n":            1,
		"# 1 of 9 items\n#key\tlabel\tanswer\n" + one + "\tHot dog\tBun\nkey,partner,iou\n" + two + "," + one + ",0.9\nkey,label\n" + one + ",A\n": 2,
		"key\n" + one + "\n":                            1,
		one + "\r" + two + "\r":                         2,
		"key,partner,iou,label,partner_label\n":         0,
		"key\n":                                         0,
		"# 0 of 9 items\n#key\tlabel\tanswer\n":         0,
		"key,label,answer\n#" + two + "-bg,a,b\n":       0,
		"\ufeffkey,label,answer\r\n" + one + ",a,b\r\n": 1,
	} {
		ids, err := readIDs(&cli.Env{Stdin: strings.NewReader(list)}, "-")
		if err != nil {
			t.Errorf("%q: %v", list, err)
			continue
		}
		if _, all, _ := ids.unmatched(1); all != want {
			t.Errorf("%q: %d ids, want %d", list, all, want)
		}
		for _, key := range []string{one, two} {
			if ids.others.has(key) != (strings.Contains(strings.ReplaceAll("\n"+list, "\r", "\n"), "\n"+key)) {
				t.Errorf("%q: %s", list, key)
			}
		}
	}
}

package main

import (
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// TestUnrelated: of photos that show none of the classes the share of confident
// answers is reported, in every form.
func TestUnrelated(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	photos, empty := filepath.Join(dir, "photos"), filepath.Join(dir, "empty")
	for _, folder := range []string{filepath.Join(photos, "below"), empty} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, contents := range map[string][]byte{
		"red.jpg": photo(t, color.RGBA{255, 0, 0, 255}), "below/green.jpg": photo(t, color.RGBA{0, 255, 0, 255}),
		"grey.jpg": photo(t, color.Gray{128}), "broken.jpg": []byte("no picture"), "list.txt": []byte("red.jpg\n"),
	} {
		if err := os.WriteFile(filepath.Join(photos, name), contents, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const want = "of 3 pictures that show none of the classes, 2 (67 %; 95% interval "
	args := []string{"--unrelated", photos, m}
	for _, end := range []string{"json", "html", "md"} {
		args = append([]string{"--report", filepath.Join(dir, "r."+end)}, args...)
	}
	code, stdout, stderr := eval(t, encode(t, held()...), args...)
	if code != 0 || !strings.Contains(stderr, want) || !strings.Contains(stderr, "left out") || stdout != text(t, [2][2]int{{2, 1}, {0, 2}}) {
		t.Errorf("exit %d: %s\n%s", code, stderr, stdout)
	}
	read := func(end string) string {
		raw, err := os.ReadFile(filepath.Join(dir, "r."+end))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	var r struct{ Unrelated report.Unrelated }
	if err := json.Unmarshal([]byte(read("json")), &r); err != nil {
		t.Fatal(err)
	}
	if u := r.Unrelated; u.Photos != 3 || u.Confident != 2 || u.Threshold != 0.8 || len(u.Worst) != 3 || u.Worst[0].Probability < 0.98 || u.Worst[2].File != "grey.jpg" {
		t.Errorf("%+v", u)
	}
	if page := read("html"); !strings.Contains(page, "<b>2</b> get an answer of 0.8 or more: 66.7 %") || !strings.Contains(page, "grey.jpg") {
		t.Error("the page does not say so")
	}
	if !strings.Contains(read("md"), "- O"+want[1:]) {
		t.Error("the card does not say so")
	}
	for _, end := range []string{"json", "html", "md"} {
		if !strings.Contains(read(end), "left out") {
			t.Errorf("r.%s does not say what was left out", end)
		}
	}
	// Nor is what is read written over.
	if code, _, stderr := eval(t, encode(t, held()...), "--unrelated", filepath.Join(dir, "r.json"), "--report", filepath.Join(dir, "r.json"), m); code != 2 || !strings.Contains(stderr, "is also an input") {
		t.Errorf("a report in place of what it reads: exit %d: %s", code, stderr)
	}
	// A picture, a stream and a folder together; a stream on standard input.
	stranger := picture(30, "red", "sky", "test")
	crops, items := filepath.Join(dir, "crops.oi"), filepath.Join(dir, "items.oi")
	for name, contents := range map[string][]byte{crops: encode(t, stranger, picture(31, "green", "grass", "train"), picture(32, "red", "red", "val")), items: encode(t, held()...)} {
		if err := os.WriteFile(name, contents, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	red := filepath.Join(photos, "red.jpg")
	for _, tc := range []struct {
		stdin []byte
		args  []string
		want  string
	}{
		{nil, []string{"--unrelated", red, m, items}, "of 1 picture that show none of the classes, 1 (100 %;"},
		{nil, []string{"--unrelated", crops, m, items}, "of 2 pictures that show none of the classes, 2 (100 %;"},
		{nil, []string{"--unrelated", photos, "--unrelated", crops, "--unrelated", red, m, items}, "of 6 pictures that show none of the classes, 5 (83 %;"},
		{encode(t, stranger), []string{"--unrelated", "-", m, items}, "of 1 picture that show none of the classes, 1 (100 %;"},
		{photo(t, color.RGBA{255, 0, 0, 255}), []string{"--unrelated", "-", m, items}, "of 1 picture that show none of the classes, 1 (100 %;"},
	} {
		if code, _, stderr := eval(t, tc.stdin, tc.args...); code != 0 || !strings.Contains(stderr, tc.want) {
			t.Errorf("%v: exit %d: %s", tc.args, code, stderr)
		} else if slices.Contains(tc.args, crops) != strings.Contains(stderr, "left out 1 items that are labelled with a class of the model") {
			t.Errorf("%v: %s", tc.args, stderr)
		}
	}
	large := picture(40, "red", "sky", "test")
	large.Tensor = &record.Tensor{DType: "uint8", Shape: []int{8, 8, 3}, Data: make([]byte, 8*8*3)}
	bare := picture(41, "red", "sky", "test")
	bare.Tensor = nil
	for _, tc := range []struct {
		stdin []byte
		args  []string
		code  int
		want  string
	}{
		{encode(t, held()...), []string{"--unrelated", empty, m}, 1, "no picture there"},
		{encode(t, held()...), []string{"--unrelated", filepath.Join(dir, "none"), m}, 2, "want pictures, folders of them or streams"},
		{encode(t, held()...), []string{"--unrelated", photos, "--emit", m}, 2, "does not go with --emit"},
		{encode(t, held()...), []string{"--unrelated", "-", m}, 2, "standard input can be read once"},
		{encode(t, held()...), []string{"--unrelated", "-", m, "-"}, 2, "standard input can be read once"},
		{encode(t, held()...), []string{"--unrelated", filepath.Join(photos, "list.txt"), m}, 1, "neither a picture nor a record stream"},
		{encode(t, large), []string{"--unrelated", "-", m, items}, 1, "is 8x8 pixels, the model takes 4x4"},
		{encode(t, bare), []string{"--unrelated", "-", m, items}, 1, "has no tensor"},
		{encode(t, stranger)[:300], []string{"--unrelated", "-", m, items}, 1, "stops early"},
	} {
		if code, _, stderr := eval(t, tc.stdin, tc.args...); code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%v: exit %d: %s", tc.args, code, stderr)
		}
	}
}

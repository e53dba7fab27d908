package main

import (
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/report"
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
	const want = "of 3 photos that show none of the classes, 2 (67 %; 95% interval "
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
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--unrelated", empty, m}, 1, "no picture in this folder"},
		{[]string{"--unrelated", filepath.Join(dir, "none"), m}, 2, "want a folder of photos"},
		{[]string{"--unrelated", photos, "--emit", m}, 2, "does not go with --emit"},
	} {
		if code, _, stderr := eval(t, encode(t, held()...), tc.args...); code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%v: exit %d: %s", tc.args, code, stderr)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/record"
)

// TestCAM: maps stand next to mistakes and right answers, for networks that
// have them.
func TestCAM(t *testing.T) {
	const side = 16
	n := nn.Residual(side, side, 2, 4, 1)
	n.Classes = []string{"green", "red"}
	var file bytes.Buffer
	if err := n.WriteONNX(&file, "test", nil); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(t.TempDir(), "residual.onnx")
	if err := os.WriteFile(model, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var items []*record.Item
	for i := range 6 {
		data := make([]byte, side*side*3)
		for k := range data {
			data[k] = byte(k * (i + 1))
		}
		items = append(items, cmdtest.Crop(i, []string{"green", "red"}[i%2], "test", side, side, data))
	}
	page := filepath.Join(t.TempDir(), "r.html")
	pictures := func(args ...string) int {
		t.Helper()
		if code, _, stderr := eval(t, encode(t, items...), append(args, "--report", page, model)...); code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if drawn := strings.Count(string(text), "redder where it looks more like"); drawn > 0 != (len(args) > 0) {
			t.Errorf("%d maps with %v", drawn, args)
		}
		return strings.Count(string(text), "data:image/jpeg")
	}
	plain := pictures() // 6 of the sample, 6 mistakes or right answers
	if maps := pictures("--cam"); plain != 12 || maps != plain+6 {
		t.Errorf("%d pictures, with --cam %d", plain, maps)
	}
	flat := writeModel(t)
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--cam", "--report", page, flat}, 1, "has no activation maps: it does not end in a mean over places and a linear layer"},
		{[]string{"--cam", model}, 2, "--cam draws into the page of --report FILE.html"},
		{[]string{"--cam", "--report", "r.json", model}, 2, "--cam draws into the page of --report FILE.html"},
	} {
		if code, _, stderr := eval(t, encode(t, held()...), tc.args...); code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%v: exit %d: %s", tc.args, code, stderr)
		}
	}
}

package main

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

// The name of a known network does as well as its file, and tells what to do to
// the bytes.
func TestNamedModel(t *testing.T) {
	file := writeMeans(t, side)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	place := cmdtest.NewZoo(t, "means", data)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("names.txt", []byte("red\ngreen\nblue\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("photo.jpg", photo(t, color.RGBA{G: 255, A: 255}), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, args ...string) (int, string, string) {
		code, stdout, stderr := cmdtest.Run(t.Context(), commandOf(place.Models), stdin, append(args, "--cache", "cache")...)
		return code, string(stdout), stderr
	}
	in := encode(t, held()...)
	for _, test := range []struct {
		first bool // the network is downloaded
		stdin []byte
		args  []string
		out   string
	}{
		{true, in, []string{"--embed", "means"}, string(embedded(t, in, file))},
		{false, in, []string{"--embed", "--offline", "Means"}, string(embedded(t, in, file))},
		{false, nil, []string{"--info", "means"}, "pixels       0..1 (from what is known of means-1.onnx)\nlicence      MIT; trained on nothing\n"},
		{false, nil, []string{"--labels", "names.txt", "--top=1", "means", "photo.jpg"}, "photo.jpg\tgreen"},
		{false, in, []string{"--labels", "names.txt", "means"}, "micro avg       0.80"},
	} {
		code, stdout, stderr := run(test.stdin, test.args...)
		if code != 0 || !strings.Contains(stdout, test.out) || strings.Contains(stderr, "downloading backbone means, once") != test.first {
			t.Errorf("%v: exit %d, %q: %s", test.args, code, stdout, stderr)
		}
	}
	kept, err := filepath.Glob("cache/backbones/*/models/means-1.onnx")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	if got, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(got, data) {
		t.Error("another file", err)
	}
	requests := place.Total()
	if code, _, stderr := run(in, "--embed", "mean"); code != 2 || !strings.Contains(stderr, "model: there is no file mean, and no known network of that name: means") || !strings.Contains(stderr, "did you mean means?") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if place.Total() != requests {
		t.Error("a name that is not known was asked for")
	}
}

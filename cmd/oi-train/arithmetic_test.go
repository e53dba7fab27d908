package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

const vax = "plain Go on vax"

// A checkpoint from a machine that computes otherwise is gone on from, and that
// is said, now and in the report.
func TestResumesElsewhere(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	s := newSession(t)
	if code, stderr := s.interrupt(7, input, "--epochs", "4"); code != 130 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	here := s.file("m.ckpt")
	rewrite := func(arithmetic ...string) {
		t.Helper()
		c, err := readCheckpoint(bytes.NewReader(here))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.Arithmetic, []string{kernel.Arithmetic()}) {
			t.Errorf("the checkpoint was computed with %q", c.Arithmetic)
		}
		c.Arithmetic = arithmetic
		var b bytes.Buffer
		if err := c.write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "m.ckpt"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	words := "m.ckpt: it was computed with " + vax + ", here it is with " + kernel.Arithmetic() + ": sums differ in their last bits"
	note := "Some epochs were computed with " + vax + ", others with " + kernel.Arithmetic() + ": training on one machine may not come to these weights again"

	rewrite(vax)
	// It stops once more on the way.
	if code, stderr := s.interrupt(4, input, "--epochs", "4", "--resume"); code != 130 || !strings.Contains(stderr, words) {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, "--epochs", "4", "--resume")
	if code != 0 || !strings.Contains(stderr, words) || !strings.Contains(stderr, "going on after epoch") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, name := range []string{"m.json", "m.onnx", "m.html"} {
		if !bytes.Contains(s.file(name), []byte(note)) {
			t.Errorf("%s does not say so", name)
		}
	}
	// Of one that does not say, nothing is claimed, nor of this machine's
	// own.
	for _, arithmetic := range [][]string{nil, {kernel.Arithmetic()}} {
		rewrite(arithmetic...)
		code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, "--epochs", "4", "--resume")
		if code != 0 || strings.Contains(stderr, "computed with") || bytes.Contains(s.file("m.json"), []byte("were computed with")) {
			t.Errorf("%q: exit %d: %s", arithmetic, code, stderr)
		}
	}
}

func TestExpectsElsewhere(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	first := runTrain(t, t.Context(), input, "--epochs", "1")
	for name, tc := range map[string]struct {
		environment map[string]any
		want        string // "" nothing
	}{
		"the same":       {map[string]any{"arithmetic": kernel.Arithmetic(), "platform": "linux/vax"}, ""},
		"another":        {map[string]any{"arithmetic": vax, "platform": "linux/vax"}, "it was computed with plain Go on vax, here it is with " + kernel.Arithmetic()},
		"old, elsewhere": {map[string]any{"platform": "linux/vax"}, "it was computed with plain Go on vax, here it is with"},
		"old, silent":    {map[string]any{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var r map[string]any
			if err := json.Unmarshal(first.files["m.json"], &r); err != nil {
				t.Fatal(err)
			}
			r["provenance"].(map[string]any)["environment"] = tc.environment
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "first.json")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			for seed, code := range map[string]int{"1": 0, "2": 1} {
				got := runTrain(t, t.Context(), input, "--epochs", "1", "--seed", seed, "--expect", path)
				said := strings.Contains(got.stderr, "computed with")
				if got.code != code || said != (tc.want != "") || !strings.Contains(got.stderr, tc.want) {
					t.Errorf("exit %d, want %d and %q: %s", got.code, code, tc.want, got.stderr)
				}
				if hint := strings.Contains(got.stderr, "hint: it was computed with"); hint != (tc.want != "" && code == 1) {
					t.Errorf("as a hint: %t: %s", hint, got.stderr)
				}
			}
		})
	}
}

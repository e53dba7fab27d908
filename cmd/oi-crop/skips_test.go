package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// Of these streams no photo decodes, be they 19 or 20.
func TestNothingDecodes(t *testing.T) {
	cases := oitest.Case(t, "skips-below-20")
	for _, name := range []string{"bad19.json", "bad20.json"} {
		for _, args := range [][]string{nil, {"--max-skips", "0%"}, {"--max-skips", "25%"}, {"--max-skips", "100%"}, {"--json"}} {
			data, err := os.ReadFile(filepath.Join(cases, name))
			if err != nil {
				t.Fatal(err)
			}
			code, _, stderr := cmdtest.Run(t.Context(), command(), data, append([]string{"--background", "never"}, args...)...)
			if code != 1 || !strings.Contains(stderr, "too many skipped: ") {
				t.Errorf("%s %v: exit %d, %s", name, args, code, stderr)
			}
		}
	}
}

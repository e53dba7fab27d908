package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
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
			var out, errs bytes.Buffer
			env := &cli.Env{Stdin: bytes.NewReader(data), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }, Now: time.Now}
			code := command().Execute(t.Context(), env, append([]string{"--background", "never"}, args...))
			if code != 1 || !strings.Contains(errs.String(), "too many skipped: ") {
				t.Errorf("%s %v: exit %d, %s", name, args, code, &errs)
			}
		}
	}
}

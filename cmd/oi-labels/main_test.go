package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"oi-labels": main}) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

// execute runs the command in this process.
func execute(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	code, out, stderr := cmdtest.Run(ctx, command(), nil, args...)
	return code, string(out), stderr
}

func TestSampleList(t *testing.T) {
	code, stdout, stderr := execute(t.Context(), "--dataset", "sample")
	if code != 0 || stderr != "" {
		t.Fatalf("got %d %s", code, stderr)
	}
	for _, want := range []string{"/m/0cdn1\tHamburger\n", "/m/0l515\tSandwich\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

// TestJSONLines checks that every class of the list is an object of its own.
func TestJSONLines(t *testing.T) {
	_, list, _ := execute(t.Context(), "--dataset", "sample")
	code, stdout, stderr := execute(t.Context(), "--dataset", "sample", "--json")
	if code != 0 || stderr != "" {
		t.Fatalf("got %d %s", code, stderr)
	}
	var again strings.Builder
	for line := range strings.Lines(stdout) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Parents == nil || e.Children == nil || e.PartOf == nil || e.Parts == nil {
			t.Errorf("a list is null: %s", line)
		}
		again.WriteString(e.MID + "\t" + e.Name + "\n")
	}
	if again.String() != list {
		t.Errorf("got\n%s\nwant\n%s", &again, list)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, stdout, _ := execute(ctx, "--metadata", t.TempDir()); code != 130 || stdout != "" {
		t.Errorf("got %d %q", code, stdout)
	}
}

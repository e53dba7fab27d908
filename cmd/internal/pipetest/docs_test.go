package pipetest

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite generated files")

// TestDocs checks that each command's doc.go is what its flag table says.
func TestDocs(t *testing.T) {
	for _, tool := range tools() {
		want, err := exec.Command(filepath.Join(shared.bin, tool), "--generate", "doc").Output()
		if err != nil {
			t.Fatalf("%s: %v", tool, err)
		}
		path := filepath.Join(shared.root, "cmd", tool, "doc.go")
		if *update {
			if err := os.WriteFile(path, want, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("cmd/%s/doc.go is not current (%v): go test ./cmd/internal/pipetest -run TestDocs -update", tool, err)
		}
	}
}

// TestGenerated checks that every command has its man page and completions.
func TestGenerated(t *testing.T) {
	for _, tool := range tools() {
		for _, kind := range []string{"man", "bash", "zsh", "fish"} {
			out, err := exec.Command(filepath.Join(shared.bin, tool), "--generate", kind).Output()
			if err != nil || !bytes.Contains(out, []byte("verbose")) {
				t.Errorf("%s --generate %s: %v\n%s", tool, kind, err, out)
			}
		}
	}
}

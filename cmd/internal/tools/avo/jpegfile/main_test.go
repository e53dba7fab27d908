package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCurrent generates the assembly of packages jpegfile and pix anew: the
// committed files must be what the generators write. Only the first line
// differs, which names the command.
func TestCurrent(t *testing.T) {
	for name, to := range map[string]string{"jpegfile": "imagefile/jpegfile", "pix": "pix"} {
		dir := t.TempDir()
		files := []string{"kernels_amd64.s", "kernels_amd64.go"}
		cmd := exec.Command("go", "run", "./"+name, "-out", filepath.Join(dir, files[0]), "-stubs", filepath.Join(dir, files[1]), "-pkg", name)
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		for _, file := range files {
			want, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join("..", "..", "..", to, file))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(body(got), body(want)) {
				t.Errorf("%s of %s is out of date: run go generate ./cmd/internal/%s", file, name, to)
			}
		}
	}
}

func body(file []byte) []byte {
	_, rest, _ := bytes.Cut(file, []byte("\n"))
	return rest
}

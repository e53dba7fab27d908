package pix

import (
	"os"
	"path/filepath"
	"testing"
)

// sharedData returns a file of real data beside the module, or skips.
func sharedData(t testing.TB, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
	full := filepath.Join(filepath.Dir(dir), "shared", "data", path)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("real data is not here: %v", err)
	}
	return full
}

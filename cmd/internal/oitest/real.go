package oitest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// RealDataVariable names the folder of real rows and photos that tests use: it
// has the folders data, cases and models. Without it that is the folder shared
// next to the module.
const RealDataVariable = "OI_TEST_DATA"

// RealData returns the path of a file or folder of real rows and photos. The
// test is skipped where it is not there.
func RealData(t testing.TB, path string) string {
	t.Helper()
	return orSkip(t, "data", path)
}

// Case returns the path of a file or folder of small inputs that broke
// something. The test is skipped where it is not there.
func Case(t testing.TB, path string) string {
	t.Helper()
	return orSkip(t, "cases", path)
}

// Model returns the path of a pretrained network, or of a file that belongs to
// one. The test is skipped where it is not there.
func Model(t testing.TB, path string) string {
	t.Helper()
	return orSkip(t, "models", path)
}

// FindRealData is RealData for a test that has something to do without it, too:
// it reports whether it is there.
func FindRealData(t testing.TB, path string) (full string, ok bool) {
	t.Helper()
	full, err := find(t, "data", path)
	if err != nil {
		t.Logf("the real data is not on this machine: %v", err)
	}
	return full, err == nil
}

// FindModel is Model for such a test.
func FindModel(t testing.TB, path string) (full string, ok bool) {
	t.Helper()
	full, err := find(t, "models", path)
	if err != nil {
		t.Logf("the real models are not on this machine: %v", err)
	}
	return full, err == nil
}

func orSkip(t testing.TB, kind, path string) string {
	t.Helper()
	full, err := find(t, kind, path)
	if err != nil {
		t.Skipf("the real data is not on this machine: %v", err)
	}
	return full
}

func find(t testing.TB, kind, path string) (string, error) {
	t.Helper()
	root := os.Getenv(RealDataVariable)
	if root == "" {
		root = filepath.Join(module(t), "..", "shared")
	}
	full := filepath.Join(root, kind, filepath.FromSlash(path))
	_, err := os.Stat(full)
	return full, err
}

// module returns the folder of go.mod.
func module(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		} else if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			t.Fatalf("no go.mod above the test: %v", err)
		}
		dir = filepath.Dir(dir)
	}
}

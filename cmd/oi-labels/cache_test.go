package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

const (
	classPath = "v7/oidv7-class-descriptions-boxable.csv"
	classText = "LabelName,DisplayName\n/m/0cdn1,Hamburger\n/m/0l515,Sandwich\n"
	classList = "/m/0cdn1\tHamburger\n/m/0l515\tSandwich\n"
)

// keepDamaged puts a file into a cache as an earlier version kept it: a page
// that was sent instead of the class names.
func keepDamaged(t *testing.T, cache, server string) (name string) {
	t.Helper()
	name = filepath.Join(cache, "metadata", strings.ReplaceAll(strings.TrimPrefix(server, "http://"), ":", "%3A"), filepath.FromSlash(classPath))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("<html>Log in</html>\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestDamagedCache lists the classes in spite of a damaged file in the cache.
func TestDamagedCache(t *testing.T) {
	server := oitest.New(t, fstest.MapFS{classPath: {Data: []byte(classText)}})
	cache := t.TempDir()
	keepDamaged(t, cache, server.URL)
	args := []string{"--metadata", server.URL, "--cache", cache}
	code, stdout, stderr := execute(t.Context(), args...)
	if code != 0 || stdout != classList || !strings.Contains(stderr, "oi-labels: "+classPath+" in the cache is damaged: it is a web page") {
		t.Errorf("got %d %q %s", code, stdout, stderr)
	}
	if code, stdout, stderr := execute(t.Context(), args...); code != 0 || stdout != classList || stderr != "" {
		t.Errorf("then got %d %q %s", code, stdout, stderr)
	}
}

// TestCheckCache follows the hint: the command in it removes the damaged file,
// names it, and fails.
func TestCheckCache(t *testing.T) {
	const mirror = "http://mirror.invalid"
	cache := filepath.Join(t.TempDir(), "it's here")
	name := keepDamaged(t, cache, mirror)
	args := []string{"--metadata", mirror, "--offline", "--cache", cache}
	code, stdout, stderr := execute(t.Context(), args...)
	quoted := "'" + strings.ReplaceAll(cache, "'", `'\''`) + "'"
	if code != 1 || stdout != "" || !strings.Contains(stderr, "oi-labels --check-cache --cache "+quoted+" names") {
		t.Errorf("offline: got %d %q %s", code, stdout, stderr)
	}
	check := []string{"--check-cache", "--cache", cache}
	code, stdout, stderr = execute(t.Context(), check...)
	if code != 1 || !strings.HasPrefix(stdout, name+"\tit is a web page") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("got %d %q", code, stdout)
	}
	if !strings.Contains(stderr, "oi-labels: damaged files, now removed: 1\noi-labels: hint: ") {
		t.Errorf("said %s", stderr)
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	code, stdout, stderr = execute(t.Context(), check...)
	if code != 0 || stdout != "" || !strings.Contains(stderr, "whole files in "+cache+": 0") {
		t.Errorf("then got %d %q %s", code, stdout, stderr)
	}
	if code, _, stderr := execute(t.Context(), "--check-cache", "--cache", t.TempDir()); code != 1 || !strings.Contains(stderr, "nothing has been downloaded to") {
		t.Errorf("no cache: got %d %s", code, stderr)
	}
	for _, more := range []string{"sand", "--json", "--counts", "--image-labels"} {
		if code, _, stderr := execute(t.Context(), "--check-cache", more); code != 2 || !strings.Contains(stderr, "--check-cache lists no classes") {
			t.Errorf("with %s: got %d %s", more, code, stderr)
		}
	}
}

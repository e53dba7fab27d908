package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

func TestCheckDistinct(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder", 0o777); err != nil {
		t.Fatal(err)
	}
	linked := os.Symlink("folder", "link") == nil
	for _, tt := range []struct {
		paths []string
		ok    bool
	}{
		{nil, true},
		{[]string{"", ""}, true},
		{[]string{"a.json", "b.json", "folder/a.json"}, true},
		{[]string{"a.json", "b", "a.json"}, false},
		{[]string{"a.json", "./folder/../a.json"}, false},
		{[]string{filepath.Join(here, "a.json"), "a.json"}, false},
		{[]string{"folder/a", "link/a"}, !linked},
		{[]string{"missing/a", "missing//a"}, false},
	} {
		if err := cli.CheckDistinct(tt.paths...); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.paths, err)
		}
	}
}

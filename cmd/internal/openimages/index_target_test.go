//go:build unix

package openimages

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// spareWorld is a folder with a list that is worth an index, and its rows.
func spareWorld(t *testing.T, dir string) (data []byte, want *gathered) {
	t.Helper()
	data, _ = longList(t)
	testDir{DirSource: DirSource(dir)}.write(t, data)
	return data, gatherPlain(t, data, "/m/a").uncounted()
}

// askTwice reads rows two times, and reports whether the second time took an
// index.
func askTwice(t *testing.T, src Source, want *gathered) (indexed bool) {
	t.Helper()
	for range 2 {
		got := gather(t, src, "/m/a")
		if d := gocmp.Diff(want, got.uncounted()); d != "" {
			t.Fatal(d)
		}
		indexed = got.Rows[0].Line == 0
	}
	return indexed
}

// smallDisk mounts a disk of a few megabytes, or skips.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dir
}

// fill takes all that is left of a disk.
func fill(t *testing.T, dir string) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 1<<10); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestIndexSpare keeps the index in the cache where it cannot be kept beside
// the list: not at all, or not as it turns out when it is written.
func TestIndexSpare(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprintf("full %v", full), func(t *testing.T) {
			dir, cache := t.TempDir(), t.TempDir()
			if full {
				dir = smallDisk(t)
			}
			_, want := spareWorld(t, dir)
			list := filepath.Join(dir, filepath.FromSlash(testList))
			if full {
				fill(t, dir)
			} else if err := os.MkdirAll(list+csvscan.IndexEnding+"/x", 0o777); err != nil { // has its name
				t.Fatal(err)
			}
			if !askTwice(t, DirSource(dir).WithCache(cache), want) {
				t.Error("no index was kept")
			}
			if got := oitest.Files(t, filepath.Join(cache, "indexes")); len(got) != 1 {
				t.Errorf("in the cache: %q", got)
			}
			for _, left := range oitest.Files(t, filepath.Dir(list)) {
				if strings.HasPrefix(left, ".") {
					t.Errorf("left beside the list: %s", left)
				}
			}
			if askTwice(t, DirSource(dir), want) {
				t.Error("without a cache there is an index")
			}
		})
	}
}

// TestIndexSpareIdentity names an index in the cache by its list, not by a
// path.
func TestIndexSpareIdentity(t *testing.T) {
	dir, cache, other := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "other")
	data, want := spareWorld(t, dir)
	list := filepath.Join(dir, filepath.FromSlash(testList))
	if err := os.MkdirAll(list+csvscan.IndexEnding, 0o777); err != nil {
		t.Fatal(err)
	}
	spare := filepath.Join(cache, "indexes")
	if !askTwice(t, DirSource(dir).WithCache(cache), want) {
		t.Fatal("no index was kept")
	}
	kept := oitest.Files(t, spare)
	if err := os.Symlink(dir, other); err != nil {
		t.Fatal(err)
	}
	if !askTwice(t, DirSource(other).WithCache(cache), want) || !slices.Equal(oitest.Files(t, spare), kept) {
		t.Errorf("on another path there are %q, not %q", oitest.Files(t, spare), kept)
	}
	// Another state of the list has another, and removes the first when it
	// is old.
	old := filepath.Join(spare, kept[0])
	then := time.Now().Add(-2 * (30 * 24 * time.Hour))
	foreign := filepath.Join(spare, "0123456789abcdef-"+"other.csv"+csvscan.IndexEnding)
	if err := os.WriteFile(foreign, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{old, foreign} {
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	data = append(data, oitest.BoxList(rand.New(rand.NewPCG(57, 58)), 45_000, true)...)
	if err := os.WriteFile(list, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if !askTwice(t, DirSource(dir).WithCache(cache), gatherPlain(t, data, "/m/a").uncounted()) {
		t.Error("no index of the new list")
	}
	now := oitest.Files(t, spare)
	if len(now) != 2 || slices.Contains(now, kept[0]) || !slices.Contains(now, filepath.Base(foreign)) {
		t.Errorf("of %q there are %q", kept, now)
	}
}

package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// written writes a report of n answers and returns the path of its JSON.
func written(t testing.TB, n int) (string, *Evaluation) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.json")
	e := answered(t, n, 3)
	files, err := (&Report{Run: "abc", Evaluation: e}).Files(path)
	if err == nil {
		err = WriteFiles(files...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, e
}

// TestItemsFile: up to 20,000 items are in the report itself, more in a file
// next to it. Both are read the same way.
func TestItemsFile(t *testing.T) {
	for _, n := range []int{maxJudged, maxJudged + 1} {
		path, e := written(t, n)
		names, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		if beside := len(names) == 2; beside != (n > maxJudged) {
			t.Errorf("%d items: files %v", n, names)
		}
		var got []Judged
		listed, err := ReadItems(path, func(item Judged) error {
			got = append(got, item)
			return nil
		})
		if err != nil || listed.Run != "abc" || len(got) != n {
			t.Fatalf("%d items of run %q, %v; want %d", len(got), listed.Run, err, n)
		}
		i := 0
		for want := range e.Details.judged() {
			a, _ := json.Marshal(got[i])
			b, _ := json.Marshal(want)
			if !bytes.Equal(a, b) {
				t.Fatalf("item %d is %s, want %s", i, a, b)
			}
			i++
		}
		base, err := ReadBaseline(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.Compare(base)
		if err != nil || c.Items != int64(n) || c.Difference != 0 || c.Baseline != e.Accuracy || c.OnlyThere != 0 {
			t.Errorf("beside itself: %+v, %v", c, err)
		}
		again, _ := written(t, n)
		for _, name := range names {
			a, errA := os.ReadFile(filepath.Join(filepath.Dir(path), name.Name()))
			b, errB := os.ReadFile(filepath.Join(filepath.Dir(again), name.Name()))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("%s is not the same a second time (%v, %v)", name.Name(), errA, errB)
			}
		}
	}
}

// TestItemsFileOfOthers: a file of items that is missing, or another one, is
// one clear error.
func TestItemsFileOfOthers(t *testing.T) {
	path, _ := written(t, maxJudged+1)
	items := itemsPath(path)
	good, err := os.ReadFile(items)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(path string, contents []byte) {
		t.Helper()
		if err := os.WriteFile(path, contents, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name string
		set  func()
		want string
	}{
		{"gone", func() {
			if err := os.Remove(items); err != nil {
				t.Fatal(err)
			}
		}, "which is not there: the two belong together"},
		{"cut", func() { put(items, good[:len(good)-1]) }, "is not the file of items that belongs to"},
		{"of another run", func() { put(items, append(good[:len(good):len(good)], 0)) }, "is not the file of items that belongs to"},
		{"elsewhere", func() {
			put(items, good)
			put(path, bytes.Replace(page, []byte(`"r.items.zst"`), []byte(`"../r.items.zst"`), 1))
		}, "is not the name of a file next to it"},
		{"nowhere", func() { put(path, bytes.Replace(page, []byte(`"r.items.zst"`), []byte(`".."`), 1)) }, "is not the name of a file next to it"},
		{"of another number", func() {
			put(path, bytes.Replace(page, []byte(`"items": 20001`+"\n"), []byte(`"items": 20000`+"\n"), 1))
		}, "lists 20001 items, and"},
	} {
		tc.set()
		if _, err := ReadBaseline(path); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// TestItemsFileAppearsWhole: if the report cannot be written, its items do not
// appear either.
func TestItemsFileAppearsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	files, err := (&Report{Evaluation: answered(t, maxJudged+1, 3), Options: map[string]any{"bad": func() {}}}).Files(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(files...); err == nil {
		t.Error("a report that JSON cannot hold was written")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// BenchmarkReport is what a report on 100,000 answers about 16 classes costs,
// from the answers to its three files and a comparison with itself; the answers
// are made before. It is to take less than 5 s and 500 MB: live-MB is what it
// holds at the end, peak-MB what the program got from the system.
func BenchmarkReport(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		dir := b.TempDir()
		b.StopTimer()
		a := accumulated(b, 100_000, 16)
		b.StartTimer()
		r := &Report{Evaluation: a.Evaluation()}
		r.Classes = r.Evaluation.classes
		for _, name := range []string{"r.json", "r.html", "r.md"} {
			files, err := r.Files(filepath.Join(dir, name))
			if err == nil {
				err = WriteFiles(files...)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		base, err := ReadBaseline(filepath.Join(dir, "r.json"))
		if err == nil {
			_, err = r.Evaluation.Compare(base)
		}
		if err == nil {
			err = r.WriteJSON(io.Discard)
		}
		if err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "live-MB")
		b.ReportMetric(float64(m.Sys)/1e6, "peak-MB")
	}
}

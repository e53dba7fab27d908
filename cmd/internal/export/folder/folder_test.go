package folder

import (
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// fill fills a folder with a picture of each key, as one shard of a run.
func fill(t *testing.T, dir string, keys ...string) (*Summary, error) {
	t.Helper()
	f := New(Options{Path: dir, Ending: "png", Warn: t.Logf})
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := f.Begin(t.Context(), &record.Header{Classes: []record.Class{{Name: "x"}}, Stages: []record.Stage{{Tool: "oi-crop"}}}); err != nil {
		return nil, err
	}
	for i, key := range keys {
		item := &record.Item{Key: key, Set: "train", Label: &record.Label{Name: "x"}, Tensor: &record.Tensor{Shape: []int{4, 5 + i, 3}}}
		if err := f.Saw(item); err != nil {
			return nil, err
		}
		if err := f.Save(item, []byte(key)); err != nil {
			return nil, err
		}
	}
	return f.Finish(t.Context())
}

// TestKeysThatAreOneName: two pictures that are one file on some systems are
// refused, also where two processes have written them, by a line that names
// both.
func TestKeysThatAreOneName(t *testing.T) {
	dir := t.TempDir()
	if _, err := fill(t, dir, "a-1", "b-1"); err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]string{{"B-1"}, {"c-1", "C-1"}} {
		_, err := fill(t, dir, keys...)
		last := keys[len(keys)-1]
		if err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), last+".png") || !strings.Contains(err.Error(), strings.ToLower(last)+".png") {
			t.Errorf("%v: got %v", keys, err)
		}
	}
	if _, err := fill(t, t.TempDir(), "d-1", "d-1"); err == nil || !strings.Contains(err.Error(), "two items would be train/x/d-1.png") {
		t.Errorf("one key twice: %v", err)
	}
}

func TestSummary(t *testing.T) {
	dir := t.TempDir()
	if s, err := fill(t, dir, "a"); err != nil || s.Pictures != 1 || s.Height != 4 || s.Width != 5 {
		t.Errorf("%+v, %v", s, err)
	}
	s, err := fill(t, dir, "b", "c") // of two sizes
	if err != nil || s.Pictures != 3 || s.Height != 0 || s.Classes != 1 || len(s.Sets) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	lines := (&Summary{Sets: []Set{{Path: `a\"b/test`, Name: "test"}, {Path: "a/train", Name: "train", Empty: []string{"x"}}}}).ReadLines(`a\"b`)
	if got := strings.Join(lines, "\n"); !strings.HasPrefix(got, `torchvision.datasets.ImageFolder("a/train", allow_empty=True)`) || !strings.Contains(got, `data_dir="a\\\"b")`) {
		t.Errorf("got %s", got)
	}
}

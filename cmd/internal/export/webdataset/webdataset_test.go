package webdataset

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// write writes samples with pictures of those sizes, and returns the error of
// the last step.
func write(t *testing.T, o Options, sizes []int, classes ...string) (*Summary, error) {
	t.Helper()
	o.Ending, o.Warn = "png", t.Logf
	if o.MaxCount == 0 {
		o.MaxCount = 1 << 30
	}
	w, err := New(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := &record.Header{}
	for _, name := range classes {
		h.Classes = append(h.Classes, record.Class{Name: name})
	}
	if err := w.Begin(h); err != nil {
		return nil, err
	}
	for i, size := range sizes {
		item := &record.Item{ID: "a", Key: fmt.Sprintf("k%04d", i), Label: &record.Label{Name: string(rune('c' - i%3))}}
		sample, err := w.Encode(item, bytes.Repeat([]byte{byte(i)}, size))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(t.Context(), item, sample); err != nil {
			return nil, err
		}
	}
	return w.Finish(t.Context())
}

// TestBounds: no file has more bytes or samples than allowed, each is as full as
// it can be, and all samples are there in their order.
func TestBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, most := range []struct{ bytes, count int }{{1 << 14, 1 << 30}, {1 << 20, 7}, {1 << 14, 3}, {1 << 30, 1}, {7168, 9}} {
		dir := t.TempDir()
		sizes := make([]int, 60)
		for i := range sizes {
			sizes[i] = rng.IntN(3 * 1024)
		}
		s, err := write(t, Options{Pattern: dir + "/x-%03d.tar", MaxBytes: int64(most.bytes), MaxCount: most.count}, sizes, "a", "b", "c")
		if err != nil {
			t.Fatal(err)
		}
		next, before := 0, 0
		for n := range s.Sets[0].Files {
			data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("x-%03d.tar", n)))
			if err != nil {
				t.Fatal(err)
			}
			r, samples, first := tar.NewReader(bytes.NewReader(data)), 0, 0
			for {
				h, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				base, ending, _ := strings.Cut(h.Name, ".")
				if base != fmt.Sprintf("k%04d", next) {
					t.Fatalf("%s, want sample %d", h.Name, next)
				}
				switch ending {
				case "png":
					if len(content) != sizes[next] {
						t.Errorf("%s has %d bytes, want %d", h.Name, len(content), sizes[next])
					}
				case "cls":
					if want := fmt.Sprint(2 - next%3); string(content) != want {
						t.Errorf("%s is %s, want %s", h.Name, content, want)
					}
					samples++
					next++
					if samples == 1 {
						// This much more would have had to fit into the file before.
						first = 2*blockSize + (sizes[next-1]+blockSize-1)/blockSize*blockSize + blockSize + classSize
					}
				}
			}
			if len(data) > most.bytes || samples > most.count {
				t.Errorf("a file has %d bytes and %d samples, at most %+v", len(data), samples, most)
			}
			if before > 0 && before+first <= most.bytes && most.count == 1<<30 {
				t.Errorf("a file has %d bytes, and %d more had room", before, first)
			}
			before = len(data)
		}
		if next != len(sizes) || s.Sets[0].Samples != next {
			t.Errorf("%d samples of %d", next, len(sizes))
		}
	}
}

func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	_, err := write(t, Options{Pattern: dir + "/x-%d.tar", MaxBytes: 1 << 14}, []int{100, 1 << 14})
	if err == nil || !strings.Contains(err.Error(), "of a file of at most 16384") {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

// TestRenumber: files are the same whether their classes were known from the
// beginning or not.
func TestRenumber(t *testing.T) {
	var files [][]byte
	for _, classes := range [][]string{{"a", "b", "c"}, nil, {"c"}, {"b"}, {"c", "b"}} {
		dir := t.TempDir()
		if _, err := write(t, Options{Pattern: dir + "/x-%d.tar", MaxBytes: 1 << 20}, make([]int, 20), classes...); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(dir + "/x-0.tar")
		if err != nil {
			t.Fatal(err)
		}
		if files = append(files, data); !bytes.Equal(data, files[0]) {
			t.Errorf("with %v known the file is another", classes)
		}
	}
}

// TestKilled: what a killed run has left is used again or removed, and of two
// runs of one pattern only one may be at work.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".x-0.tar.part", ".x-7.tar.part", ".x-.tar.lock", ".y-0.tar.part"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 1<<16), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Pattern: dir + "/x-%d.tar", MaxBytes: 1 << 20, MaxCount: 9, Ending: "png"}
	first, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "another oi-crop writes") {
		t.Errorf("a second: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := write(t, o, make([]int, 5), "a", "b", "c"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); err != nil || got != ".oi.json .y-0.tar.part classes.txt x-0.tar" {
		t.Errorf("there are %s, %v", got, err)
	}
}

func TestPattern(t *testing.T) {
	for text, want := range map[string]string{
		"crops-%06d.tar": "train/crops-000012.tar", "a/b/%d.tar": "a/b/train/12.tar", "/x/c%03dd.tar": "/x/train/c012d.tar", "./%01d.tar": "train/12.tar",
	} {
		n, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := filepath.ToSlash(n.file("train", 12))
		if got != want || !n.matches(filepath.Base(got)) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "x.tar", "%d", "%d%d.tar", "%s.tar", "%6d.tar", "%%d.tar", "%d/x.tar", "%x.tar", "a%d.tar/", "a\x00%d.tar", "%-6d.tar", "%d.tar.gz", "-%d.tar", ".%d.tar"} {
		if err := CheckPattern(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

func TestEncodeHoldsNoPixels(t *testing.T) {
	w := &Writer{Options: Options{Ending: "png"}}
	pixels := []byte("PIXELS of the crop, 30 bytes!!")
	item := &record.Item{
		ID: "a", Key: "k", Tensor: &record.Tensor{Shape: []int{2, 5, 3}, DType: "uint8", Data: pixels}, Fetched: &record.Fetched{Bytes: []byte("PHOTO"), SHA256: strings.Repeat("0", 64)},
	}
	data, err := w.Encode(item, []byte("PICTURE"))
	if err != nil || len(data)%blockSize != 0 || bytes.Contains(data, []byte("tensor")) || bytes.Contains(data, []byte(`"bytes"`)) || !bytes.Contains(data, []byte("PICTURE")) {
		t.Errorf("%q, %v", data, err)
	}
	if item.Tensor == nil || item.Fetched.Bytes == nil {
		t.Error("the item was changed")
	}
}

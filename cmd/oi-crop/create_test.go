package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opensandwich/oi/record"
)

// TestCreateFile: a file appears whole and once, however many want to make it.
func TestCreateFile(t *testing.T) {
	for name, create := range map[string]func(string, []byte) error{"createFile": createFile, "createNamed": createNamed} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a")
			var made atomic.Int64
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					err := create(path, bytes.Repeat([]byte{byte(i)}, 100_000))
					switch {
					case err == nil:
						made.Add(1)
					case !errors.Is(err, errDiffers) && !errors.Is(err, fs.ErrExist):
						t.Error(err)
					}
				})
			}
			all.Wait()
			data, err := os.ReadFile(path)
			if err != nil || made.Load() != 1 || len(data) != 100_000 || !bytes.Equal(data, bytes.Repeat(data[:1], len(data))) {
				t.Errorf("made %d times, %d bytes, %v", made.Load(), len(data), err)
			}
			if err := createFile(path, data); err != nil {
				t.Errorf("the same bytes again: %v", err)
			}
			for _, other := range [][]byte{nil, data[1:], append(bytes.Clone(data[1:]), data[0]+1)} {
				if err := createFile(path, other); !errors.Is(err, errDiffers) {
					t.Errorf("%d other bytes: %v", len(other), err)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
			// It has the mode that the umask lets new files have.
			plain := filepath.Join(dir, "plain")
			if err := os.WriteFile(plain, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			a, err1 := os.Stat(path)
			b, err2 := os.Stat(plain)
			if err := errors.Join(err1, err2); err != nil || a.Mode() != b.Mode() {
				t.Errorf("mode %v, want %v: %v", a.Mode(), b.Mode(), err)
			}
		})
	}
	if err := createFile(filepath.Join(t.TempDir(), "nowhere", "a"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	if err := createFile(t.TempDir(), nil); !errors.Is(err, errDiffers) {
		t.Errorf("in place of a folder: %v", err)
	}
}

func TestReadProvenance(t *testing.T) {
	dir := t.TempDir()
	if p, err := readProvenance(dir); p != nil || err != nil {
		t.Errorf("of none: %v, %v", p, err)
	}
	for text, want := range map[string]string{
		"":                             "does not read as JSON",
		`{"version":1,"trail":[{"to`:   "does not read as JSON",
		`{"version":1,"trail":"x"}`:    "does not read as JSON",
		`{"version":2,"trail":[{}]}`:   "is of version 2: this oi-crop knows version 1",
		`{}`:                           "is of version 0",
		`{"version":1}`:                "has no trail",
		`{"version":1,"trail":[]}`:     "has no trail",
		`{"version":1,"trail":null}`:   "has no trail",
		`null`:                         "is of version 0",
		`{"version":1,"trail":[null]}`: "",
		`{"version":1,"trail":[{"tool":"oi-crop","args":null}],"more":1}`: "",
	} {
		if err := os.WriteFile(filepath.Join(dir, provenanceName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		p, err := readProvenance(dir)
		if want == "" && err == nil {
			if p.difference([]stage{{Tool: "oi-boxes", Args: map[string]string{"a": "b"}}}) == "" {
				t.Errorf("%s: no difference", text)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestTrail: shards are one run, anything else that is in a trail is not.
func TestTrail(t *testing.T) {
	stages := []record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"shard": "1/2", "seed": "3"}}, {Tool: "oi-fetch", Version: "1"}}
	trail, shard := trailOf(stages)
	if !shard || stages[0].Args["shard"] == "" {
		t.Errorf("a shard: %v, and the header has %v", shard, stages[0].Args)
	}
	p := &provenance{}
	p.add(trail)
	for _, tt := range []struct {
		stages     []record.Stage
		difference string // "" for the same run
	}{
		{[]record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"shard": "2/2", "seed": "3"}}, stages[1]}, ""},
		{[]record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"seed": "3"}}, {Tool: "oi-fetch", Version: "1", Args: map[string]string{}}}, ""},
		{[]record.Stage{{Tool: "oi-boxes", Version: "2", Args: map[string]string{"seed": "3"}}, stages[1]}, "oi-boxes 1 there, 2 here"},
		{[]record.Stage{{Tool: "oi-boxes", Version: "1"}, stages[1]}, "oi-boxes has seed=3 there, no seed here"},
		{[]record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"seed": "3", "limit": "1"}}, stages[1]}, "oi-boxes has no limit there, limit=1 here"},
		{[]record.Stage{stages[0]}, "oi-fetch is there, and not here"},
		{append(stages, record.Stage{Tool: "oi-augment"}), "oi-augment is here, and not there"},
		{[]record.Stage{stages[0], {Tool: "mine", Version: "1"}}, "oi-fetch there, mine here"},
	} {
		other, _ := trailOf(tt.stages)
		if same := p.has(other); same != (tt.difference == "") {
			t.Errorf("%v: the same run: %v", tt.stages, same)
		} else if !same && p.difference(other) != tt.difference {
			t.Errorf("%v: %q, want %q", tt.stages, p.difference(other), tt.difference)
		}
	}
}

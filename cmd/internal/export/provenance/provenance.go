// Package provenance is about the file .oi.json in a folder that a run has
// filled: which run that was, so that another does not mix its files with them.
package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/record"
)

// Name is the file's name.
const Name = ".oi.json"

const maxFile = 64 << 20 // bytes; that of 20,000 classes has 1 MB

// A Trail is the stages that made what is in a folder, oldest first.
type Trail []Stage

// A Stage is an entry of a trail.
type Stage struct {
	Tool    string            `json:"tool"`
	Version string            `json:"version"`
	Args    map[string]string `json:"args"`
}

// TrailOf is the trail of a stream.
func TrailOf(stages []record.Stage) Trail {
	var t Trail
	for _, s := range stages {
		args := maps.Clone(s.Args)
		if args == nil {
			args = map[string]string{}
		}
		t = append(t, Stage{s.Tool, s.Version, args})
	}
	return t
}

// Equal reports whether two trails are of one run.
func (t Trail) Equal(u Trail) bool { return slices.EqualFunc(t, u, Stage.equal) }

func (s Stage) equal(t Stage) bool {
	return s.Tool == t.Tool && s.Version == t.Version && maps.Equal(s.Args, t.Args)
}

// Difference names the first thing in which a trail, mine, differs from t, which
// filled a folder.
func (t Trail) Difference(mine Trail) string {
	for i, mine := range mine {
		if i >= len(t) {
			return fmt.Sprintf("%s is here, and not there", mine.Tool)
		}
		there := t[i]
		switch {
		case there.Tool != mine.Tool:
			return fmt.Sprintf("%s there, %s here", there.Tool, mine.Tool)
		case there.Version != mine.Version:
			return fmt.Sprintf("%s %s there, %s here", mine.Tool, there.Version, mine.Version)
		}
		keys := slices.Concat(slices.Collect(maps.Keys(there.Args)), slices.Collect(maps.Keys(mine.Args)))
		slices.Sort(keys)
		for _, key := range keys {
			if there.Args[key] != mine.Args[key] {
				return fmt.Sprintf("%s has %s there, %s here", mine.Tool, argument(there.Args, key), argument(mine.Args, key))
			}
		}
	}
	if len(t) == len(mine) {
		return "no difference"
	}
	return fmt.Sprintf("%s is there, and not here", t[len(mine)].Tool)
}

func argument(args map[string]string, key string) string {
	value, ok := args[key]
	if !ok {
		return "no " + key
	}
	return key + "=" + value
}

// Read reads the file of a folder into v, as JSON. ok is false where there is
// none.
func Read(dir string, v any) (ok bool, err error) {
	path := filepath.Join(dir, Name)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return false, err
	}
	if len(data) > maxFile {
		return false, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("%s does not read as JSON: %w", path, err)
	}
	return true, nil
}

// Write replaces the file of a folder. The caller has a lock on the folder: of
// two that write, one would take the other's temporary file.
func Write(dir string, v any) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return newfile.Replace(filepath.Join(dir, Name), data.Bytes())
}

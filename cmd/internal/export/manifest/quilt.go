package manifest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Quilt is a manifest of Quilt 3: a package's metadata and its entries, in the
// order of a walk through the tree.
type Quilt struct {
	Meta    map[string]any // values as for pythonJSON
	Entries []QuiltEntry
}

// A QuiltEntry is a file of a package.
type QuiltEntry struct {
	LogicalKey  string
	PhysicalKey string // a URL, file:// or s3://
	Size        int64
	SHA256      string         // lower-case hex
	Meta        map[string]any // values as for pythonJSON
}

// NewQuilt describes files, which are at a base, the URL of a folder.
func NewQuilt(message string, about map[string]any, files []File, base *url.URL) *Quilt {
	q := &Quilt{Meta: map[string]any{"version": "v0", "message": message, "user_meta": about}}
	for _, f := range files {
		q.Entries = append(q.Entries, QuiltEntry{
			LogicalKey: f.Path, PhysicalKey: base.JoinPath(strings.Split(f.Path, "/")...).String(), Size: f.Size, SHA256: f.SHA256, Meta: map[string]any{},
		})
	}
	return q
}

// TopHash returns the package's hash as quilt3's _calculate_top_hash does: the
// SHA-256 of the metadata and of hash, key, metadata and size of each entry, as
// JSON with sorted keys, in ASCII, without white space. Where the bytes are is
// not part of it.
func (q *Quilt) TopHash() string {
	sum := sha256.New() // whose Write never fails
	_, _ = io.WriteString(sum, pythonJSON(q.Meta, ",", ":"))
	for _, e := range q.Entries {
		_, _ = io.WriteString(sum, pythonJSON(map[string]any{
			"hash": e.hash(), "logical_key": e.LogicalKey, "meta": e.Meta, "size": e.Size,
		}, ",", ":"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (e QuiltEntry) hash() map[string]any { return map[string]any{"type": "SHA256", "value": e.SHA256} }

// Write writes the manifest: one JSON object a line.
func (q *Quilt) Write(to io.Writer) error {
	w := bufio.NewWriter(to) // its errors are sticky: Flush reports them
	fmt.Fprintln(w, pythonJSON(q.Meta, ", ", ": "))
	for _, e := range q.Entries {
		fmt.Fprintln(w, pythonJSON(map[string]any{
			"logical_key": e.LogicalKey, "physical_keys": []any{e.PhysicalKey}, "size": e.Size, "hash": e.hash(), "meta": e.Meta,
		}, ", ", ": "))
	}
	return w.Flush()
}

// What is read of a manifest, in bytes and entries.
const (
	maxQuiltLine    = 1 << 20
	maxQuiltEntries = 20_000_000
)

// ReadQuilt reads a manifest.
func ReadQuilt(from io.Reader) (*Quilt, error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxQuiltLine)
	q := &Quilt{}
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if n > maxQuiltEntries {
			return nil, fmt.Errorf("more than %d entries", maxQuiltEntries)
		}
		if err := q.line(lines.Bytes()); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("a line of more than %d bytes", maxQuiltLine)
	case err != nil:
		return nil, err
	case q.Meta == nil:
		return nil, errors.New("it is empty")
	}
	slices.SortStableFunc(q.Entries, func(a, b QuiltEntry) int { return byTree(a.LogicalKey, b.LogicalKey) })
	for i := range q.Entries[:max(0, len(q.Entries)-1)] {
		if q.Entries[i].LogicalKey == q.Entries[i+1].LogicalKey {
			return nil, fmt.Errorf("%q is there twice", q.Entries[i].LogicalKey)
		}
	}
	return q, nil
}

// line takes a line of a manifest: first the metadata, then entries.
func (q *Quilt) line(text []byte) error {
	decode := func(to any) error {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return d.Decode(to)
	}
	if q.Meta == nil {
		var raw map[string]any
		if err := decode(&raw); err != nil {
			return err
		}
		if raw["version"] != "v0" {
			return fmt.Errorf(`version %v, want "v0"`, raw["version"])
		}
		delete(raw, "top_hash") // of old versions
		meta, err := decodePython(raw)
		if err == nil {
			q.Meta = meta.(map[string]any)
		}
		return err
	}
	var e struct {
		LogicalKey   string   `json:"logical_key"`
		PhysicalKeys []string `json:"physical_keys"`
		Size         *int64   `json:"size"`
		Hash         struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"hash"`
		Meta map[string]any `json:"meta"`
	}
	if err := decode(&e); err != nil {
		return err
	}
	if len(e.PhysicalKeys) == 0 {
		return nil // the metadata of a folder, which no hash covers
	}
	clean := path.Clean(e.LogicalKey) == e.LogicalKey && filepath.IsLocal(filepath.FromSlash(e.LogicalKey))
	switch {
	case !clean || strings.Contains(e.LogicalKey, `\`):
		return fmt.Errorf("%q is no name below a folder", e.LogicalKey)
	case e.Size == nil || *e.Size < 0 || e.Hash.Type != "SHA256" || len(e.Hash.Value) != sha256.Size*2:
		return fmt.Errorf("%s: want its size, and its hash as SHA256", e.LogicalKey)
	}
	meta, err := decodePython(e.Meta)
	if err != nil {
		return err
	}
	entry := QuiltEntry{LogicalKey: e.LogicalKey, PhysicalKey: e.PhysicalKeys[0], Size: *e.Size, SHA256: e.Hash.Value, Meta: meta.(map[string]any)}
	q.Entries = append(q.Entries, entry)
	return nil
}

// Verify checks that a folder holds the files of the package, all and no others,
// with their bytes.
func (q *Quilt) Verify(dir string) error {
	files, err := Files(dir)
	if err != nil {
		return err
	}
	there := map[string]File{}
	for _, f := range files {
		there[f.Path] = f
	}
	for _, e := range q.Entries {
		f, ok := there[e.LogicalKey]
		switch {
		case !ok:
			return fmt.Errorf("%s: %w", filepath.Join(dir, filepath.FromSlash(e.LogicalKey)), os.ErrNotExist)
		case f.Size != e.Size:
			return fmt.Errorf("%s has %d bytes, the package says %d", filepath.Join(dir, filepath.FromSlash(e.LogicalKey)), f.Size, e.Size)
		case f.SHA256 != e.SHA256:
			return fmt.Errorf("%s has other bytes than the package says: SHA-256 %s, want %s", filepath.Join(dir, filepath.FromSlash(e.LogicalKey)), f.SHA256, e.SHA256)
		}
		delete(there, e.LogicalKey)
	}
	for _, f := range files {
		if _, more := there[f.Path]; more {
			return fmt.Errorf("%s is not in the package", filepath.Join(dir, filepath.FromSlash(f.Path)))
		}
	}
	return nil
}

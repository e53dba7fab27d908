// Package cas is a content-addressed cache on disk.
//
// Two kinds of file live below its folder:
//
//	a/xx/yy/<SHA-256 of the request key>  what a request was answered with, as JSON
//	d/xx/yy/<SHA-256 of the bytes>        the bytes
//	tmp/                                  files that are still being written
//
// where xx and yy are the first two bytes of the name in hex. A file gets its
// name by a rename, the bytes always before the answer that points to them, so
// a process may be killed at any point and any number of processes may share
// the folder without a lock. Nothing is synced to disk: what a power cut leaves
// behind is found out by the size and the hash, which are checked on every
// read. A damaged entry is a miss, and the next answer replaces it.
package cas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrMiss says that the cache does not hold what was asked for, or holds it
// damaged.
var ErrMiss = errors.New("not in the cache")

const (
	maxEntry = 64 << 10       // an answer file is far smaller; anything above is damage
	staleAge = 24 * time.Hour // a temporary file this old has lost its process
)

// An Entry is what a request was answered with.
type Entry struct {
	Key       string `json:"key"`
	SHA256    string `json:"sha256"` // of the bytes, lower-case hex
	Size      int64  `json:"size"`   // bytes
	MediaType string `json:"media_type"`
	Source    string `json:"source"`
	URL       string `json:"url"`
	// Check names the check that the bytes have passed.
	Check string `json:"check"`
}

// A Cache is a folder of answers and bytes. Its methods may be called from
// several goroutines, and several processes may use one folder.
type Cache struct {
	dir string
}

// Open prepares the cache in dir, making the folder where it is missing, and
// removes temporary files that a killed process left more than a day before
// now.
func Open(dir string, now time.Time) (*Cache, error) {
	c := &Cache{dir: dir}
	if err := os.MkdirAll(c.tmp(), 0o755); err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	entries, err := os.ReadDir(c.tmp())
	if err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < staleAge {
			continue // gone meanwhile, or perhaps another process's
		}
		if err := os.Remove(filepath.Join(c.tmp(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("clean cache: %w", err)
		}
	}
	return c, nil
}

// Lookup says what the request was answered with. It looks at the answer and at
// the size of the bytes, not at the bytes themselves; Read and Verify do.
func (c *Cache) Lookup(key string) (Entry, error) {
	var e Entry
	f, err := os.Open(c.answerPath(key))
	if errors.Is(err, fs.ErrNotExist) {
		return e, ErrMiss
	}
	if err != nil {
		return e, fmt.Errorf("read cache: %w", err)
	}
	defer f.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxEntry))
	if err != nil {
		return e, fmt.Errorf("read cache: %w", err)
	}
	if json.Unmarshal(data, &e) != nil || e.Key != key || !validDigest(e.SHA256) || e.Size < 0 {
		return Entry{}, ErrMiss
	}
	info, err := os.Stat(c.dataPath(e.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, ErrMiss
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read cache: %w", err)
	}
	if info.Size() != e.Size {
		return Entry{}, ErrMiss
	}
	return e, nil
}

// Read returns the bytes of e after checking their hash. It allocates e.Size
// bytes; a caller that does not trust the folder checks that first. Damaged or
// missing bytes are ErrMiss.
func (c *Cache) Read(e Entry) ([]byte, error) {
	f, err := c.open(e)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	data := make([]byte, e.Size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, missOr(err)
	}
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != e.SHA256 {
		return nil, ErrMiss
	}
	return data, nil
}

// Check runs over the bytes of e without holding them: first their hash, then
// look, if it is not nil. Damaged or missing bytes are ErrMiss.
func (c *Cache) Check(e Entry, look func(r io.ReaderAt, size int64) error) error {
	f, err := c.open(e)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return missOr(err)
	}
	if hex.EncodeToString(h.Sum(nil)) != e.SHA256 {
		return ErrMiss
	}
	if look == nil {
		return nil
	}
	return look(f, e.Size)
}

// Update replaces the answer to e.Key; its bytes must be in the cache already.
func (c *Cache) Update(e Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	f, err := os.CreateTemp(c.tmp(), "a-*")
	if err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = rename(f.Name(), c.answerPath(e.Key))
	}
	if err != nil {
		return fmt.Errorf("write cache: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func (c *Cache) open(e Entry) (*os.File, error) {
	if !validDigest(e.SHA256) {
		return nil, ErrMiss
	}
	f, err := os.Open(c.dataPath(e.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMiss
	}
	if err != nil {
		return nil, fmt.Errorf("read cache: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read cache: %w", errors.Join(err, f.Close()))
	}
	if info.Size() != e.Size {
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("read cache: %w", err)
		}
		return nil, ErrMiss
	}
	return f, nil
}

func (c *Cache) tmp() string { return filepath.Join(c.dir, "tmp") }

func (c *Cache) answerPath(key string) string {
	sum := sha256.Sum256([]byte(key))
	return fanOut(c.dir, "a", hex.EncodeToString(sum[:]))
}

func (c *Cache) dataPath(digest string) string { return fanOut(c.dir, "d", digest) }

// fanOut keeps folders small: 65,536 of them share the files.
func fanOut(dir, kind, name string) string {
	return filepath.Join(dir, kind, name[:2], name[2:4], name)
}

// rename gives a finished file its name, making the folders on the way.
func rename(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// missOr turns a file that ended early into a miss.
func missOr(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrMiss
	}
	return fmt.Errorf("read cache: %w", err)
}

func validDigest(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Package cas is a cache on disk of what requests were answered with. The bytes
// of an answer are known by their SHA-256.
//
// These live below its folder:
//
//	p/xx/<SHA-256 of the request key>  the bytes, followed by the Entry
//	tmp/                               files that are still being written
//	size                               how many bytes there are, about
//	lock                               empty; see TryLock
//
// where xx is the first byte of the name in hex. One file holds both, as making
// and naming a file costs about as much as writing a small photo. It gets its
// name by a rename when it is whole, so a process may be killed at any point and
// any number of processes may share the folder; locks save work and are not
// needed for that. Nothing is synced to disk: after a power cut, damage shows in
// the size and the hash, which are checked on every read. A damaged file is a
// miss, and the next answer replaces it.
//
// Earlier versions kept two files, which are still read, and removed in the same
// way, but written no more:
//
//	a/xx/<SHA-256 of the request key>  the Entry
//	d/xx/<SHA-256 of the bytes>        the bytes
//
// The time of a file says when it was used last, to the hour. When there are
// more bytes than the cache may have, those used longest ago go; whoever has
// such a file open reads on.
package cas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

var (
	// ErrMiss says that the cache does not hold what was asked for, or
	// holds it damaged.
	ErrMiss = errors.New("not in the cache")
	// ErrFull says that the disk, or what this user may have of it, has too
	// little room left to keep more.
	ErrFull = errors.New("the disk is nearly full")
)

const (
	usualEntry = 2 << 10        // few entries are larger
	maxEntry   = 64 << 10       // none is; anything above is damage
	staleAge   = time.Hour      // a temporary file untouched for this long has lost its process
	usedWithin = time.Hour      // files used again within this time keep theirs
	perFile    = int64(8 << 10) // what a file takes on disk beyond its bytes, at most about
)

// Options bound a cache. A zero Limit and MinFree bound nothing.
type Options struct {
	// Limit is the number of bytes above which what was used longest ago is
	// removed. Several processes together may go beyond it by a sixteenth.
	Limit int64
	// MinFree is the room on the disk below which nothing is written.
	MinFree int64
	// Now is the clock, which must be there: files age by it.
	Now func() time.Time
	// Free says how many bytes can be written to the disk that a folder is
	// on, and is negative where that is not known; nil asks the system.
	Free func(dir string) (int64, error)
}

// A Cache is a folder of answers and bytes. Its methods may be called from
// several goroutines, and several processes may use one folder.
type Cache struct {
	dir     string
	opts    Options
	earlier bool // there were files of the earlier layout when it was opened

	mu     sync.Mutex // guards what follows
	size   size
	lock   *os.File // see TryLock
	noLock bool     // there is none
}

// Open prepares the cache in dir, making the folder where it is missing, and
// removes temporary files that a killed process left.
func Open(dir string, o Options) (*Cache, error) {
	if o.Free == nil {
		o.Free = freeSpace
	}
	c := &Cache{dir: dir, opts: o}
	if err := os.MkdirAll(c.tmp(), 0o777); err != nil {
		return nil, fmt.Errorf("open cache: %w", roomError(err))
	}
	_, err := os.Stat(filepath.Join(dir, "a"))
	c.earlier = err == nil
	return c, c.sweep()
}

// Close notes for other processes how much this one has written, and frees its
// locks.
func (c *Cache) Close() error { return errors.Join(c.noteSize(), c.closeLock()) }

// sweep removes temporary files that have lost their process.
func (c *Cache) sweep() error {
	entries, err := os.ReadDir(c.tmp())
	if err != nil {
		return fmt.Errorf("open cache: %w", err)
	}
	now := c.opts.Now()
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < staleAge {
			continue // gone meanwhile, or perhaps another process's
		}
		if err := posixfile.Remove(filepath.Join(c.tmp(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean cache: %w", err)
		}
	}
	return nil
}

// Lookup says what the request was answered with. It looks at the entry and at
// the size of the bytes, not at the bytes themselves; a File does.
func (c *Cache) Lookup(key string) (Entry, error) {
	f, err := c.Find(key)
	if err != nil {
		return Entry{}, err
	}
	return f.entry, f.Close()
}

// Find opens what the request was answered with. The caller closes the File.
func (c *Cache) Find(key string) (*File, error) {
	path := c.path(key)
	f, err := openFile(path)
	if errors.Is(err, ErrMiss) && c.earlier {
		return c.findEarlier(key)
	}
	if err != nil {
		return nil, err
	}
	if f.entry.Key != key {
		return nil, errors.Join(ErrMiss, f.Close())
	}
	c.use(f.used, path)
	return f, nil
}

// findEarlier is Find in the earlier layout.
func (c *Cache) findEarlier(key string) (*File, error) {
	path := c.answerPath(key)
	e, err := readAnswer(path)
	if err != nil {
		return nil, err
	}
	if e.Key != key {
		return nil, ErrMiss
	}
	f, err := c.openBytes(e)
	if err == nil {
		c.use(f.used, path, c.bytesPath(e.SHA256))
	}
	return f, err
}

// use notes that files were wanted again. A folder that may only be read stays
// as it is.
func (c *Cache) use(last time.Time, files ...string) {
	now := c.opts.Now()
	if now.Sub(last) < usedWithin {
		return
	}
	for _, path := range files {
		_ = os.Chtimes(path, now, now)
	}
}

func (c *Cache) tmp() string { return filepath.Join(c.dir, "tmp") }

func (c *Cache) path(key string) string { return fanOut(c.dir, "p", hashOf(key)) }

// answerPath and bytesPath are of the earlier layout.
func (c *Cache) answerPath(key string) string { return fanOut(c.dir, "a", hashOf(key)) }

func (c *Cache) bytesPath(digest string) string { return fanOut(c.dir, "d", digest) }

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// fanOut keeps folders small: 256 share the files. Making more of them costs
// more than they save.
func fanOut(dir, kind, name string) string {
	return filepath.Join(dir, kind, name[:2], name)
}

// rename gives a finished file its name, making the folders on the way.
func rename(from, to string) error {
	err := posixfile.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return posixfile.Rename(from, to)
}

// createTemp makes a file to be written. Unlike os.CreateTemp it lets the umask
// say who may read it, so that a cache can be shared.
func (c *Cache) createTemp(kind string) (*os.File, error) {
	for {
		name := filepath.Join(c.tmp(), kind+"-"+strconv.FormatUint(rand.Uint64(), 36))
		f, err := posixfile.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
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

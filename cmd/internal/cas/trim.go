package cas

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// trim counts the bytes and, if there are more than the limit, removes those
// used longest ago until an eighth of it is free, so that the next time is
// some way off. The caller holds mu.
func (c *Cache) trim() error {
	type held struct {
		path string
		size int64
		used time.Time
	}
	var files []held
	total := int64(0)
	for _, kind := range []string{"p", "d"} {
		err := c.walk(kind, func(path string, info fs.FileInfo) error {
			n := info.Size() + perFile
			files = append(files, held{path, n, info.ModTime()})
			total += n
			return nil
		})
		if err != nil {
			return err
		}
	}
	if total > c.opts.Limit {
		slices.SortFunc(files, func(a, b held) int { return a.used.Compare(b.used) })
		var last time.Time
		for _, f := range files {
			if total <= c.opts.Limit-c.opts.Limit/8 {
				break
			}
			if err := remove(f.path); err != nil {
				return err
			}
			total -= f.size
			last = f.used
		}
		// In the earlier layout an answer is used when its bytes are.
		// One that survives its bytes is a miss, and goes the next time.
		err := c.walk("a", func(path string, info fs.FileInfo) error {
			if info.ModTime().After(last) {
				return nil
			}
			return remove(path)
		})
		if err != nil {
			return err
		}
	}
	c.size.known, c.size.written = total, 0
	return c.writeSize(total)
}

// walk calls f for every file of a kind, in the order of their names. A file
// that goes meanwhile is none.
func (c *Cache) walk(kind string, f func(path string, info fs.FileInfo) error) error {
	err := filepath.WalkDir(filepath.Join(c.dir, kind), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				return f(path, info)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("walk cache: %w", err)
	}
	return nil
}

// remove removes a file that another process may have removed already.
func remove(path string) error {
	if err := posixfile.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("trim cache: %w", err)
	}
	return nil
}

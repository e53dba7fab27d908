package cas

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

const (
	// recount is how old a count may be. Between counts the size file may
	// miss what processes wrote that were killed.
	recount = 24 * time.Hour
	// noteAfter is how much a process writes before it tells the others.
	noteAfter = 64 << 20
)

// A size is what a process knows of the number of bytes in the cache.
//
// The size file holds a number a line: the first is a count, and each process
// appends what it has written since, so their sum is the number of bytes. A
// count replaces the file.
type size struct {
	known   int64 // by the size file; -1 if there is none of use
	read    bool  // the size file was looked at
	written int64 // by this process, and not in the file yet
}

// writeError is what a failed write means.
func writeError(err error) error { return fmt.Errorf("write cache: %w", roomError(err)) }

// roomError makes ErrFull of the system's words for it.
func roomError(err error) error {
	if noRoom(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// checkFree returns an error that is ErrFull if the disk is nearly full.
func (c *Cache) checkFree() error {
	if c.opts.MinFree <= 0 {
		return nil
	}
	free, err := c.opts.Free(c.dir)
	if err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	if free >= 0 && free < c.opts.MinFree {
		return fmt.Errorf("write cache: %w: %d MiB free below %s, and %d MiB are to stay", ErrFull, free>>20, c.dir, c.opts.MinFree>>20)
	}
	return nil
}

// grown takes note of n bytes more, and trims the cache if that is too much.
func (c *Cache) grown(n int64) error {
	if c.opts.Limit <= 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size.written += n + perFile
	if !c.size.read || c.size.written >= min(noteAfter, c.opts.Limit/16) {
		if err := c.note(); err != nil {
			return err
		}
	}
	if c.size.known >= 0 && c.size.known+c.size.written <= c.opts.Limit {
		return nil
	}
	return c.trim()
}

func (c *Cache) noteSize() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size.written == 0 {
		return nil
	}
	return c.note()
}

// note appends what was written to the size file and reads the sum.
func (c *Cache) note() error {
	path := filepath.Join(c.dir, "size")
	c.size.read = true
	known, err := readSize(path, c.opts.Now())
	c.size.known = known
	if err != nil || known < 0 {
		return err
	}
	f, err := posixfile.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = fmt.Fprintf(f, "%d\n", c.size.written)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return countError(err)
	}
	c.size.known += c.size.written
	c.size.written = 0
	return nil
}

// countError is what a size file means that cannot be written: nothing where
// there is no room for it, as the next count makes up for it.
func countError(err error) error {
	if err = writeError(err); errors.Is(err, ErrFull) {
		return nil
	}
	return err
}

// readSize sums up the size file. It returns -1 if there is none, or none that
// can be relied on any more. The first line holds the time of the count too.
func readSize(path string, now time.Time) (int64, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("read cache: %w", err)
	}
	first, rest, _ := strings.Cut(string(data), "\n")
	when, count, _ := strings.Cut(first, " ")
	counted, err := strconv.ParseInt(when, 10, 64)
	if age := now.Sub(time.Unix(counted, 0)); err != nil || age < 0 || age > recount {
		return -1, nil
	}
	sum := int64(0)
	for line := range strings.Lines(count + "\n" + rest) {
		n, err := strconv.ParseInt(strings.TrimSuffix(line, "\n"), 10, 64)
		if err != nil || n < 0 {
			return -1, nil
		}
		sum += n
	}
	return sum, nil
}

// writeSize replaces the size file by a count.
func (c *Cache) writeSize(n int64) error {
	f, err := c.createTemp("s")
	if err != nil {
		return countError(err)
	}
	_, err = fmt.Fprintf(f, "%d %d\n", c.opts.Now().Unix(), n)
	if err = errors.Join(err, f.Close()); err == nil {
		err = posixfile.Rename(f.Name(), filepath.Join(c.dir, "size"))
	}
	if err != nil {
		return countError(errors.Join(err, posixfile.Remove(f.Name())))
	}
	return nil
}

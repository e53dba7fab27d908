package cas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A Blob is a file of the cache that is being written. Until Commit nobody
// else sees it. It belongs to one goroutine.
type Blob struct {
	cache *Cache
	file  *os.File
	hash  hash.Hash
	size  int64
	done  bool
}

// Create begins a new file, unless the disk is nearly full, which is ErrFull.
// The caller ends it with Commit or Discard.
func (c *Cache) Create() (*Blob, error) {
	if err := c.checkFree(); err != nil {
		return nil, err
	}
	f, err := c.createTemp("p")
	if err != nil {
		return nil, writeError(err)
	}
	return &Blob{cache: c, file: f, hash: sha256.New()}, nil
}

// Put keeps data, whose hash e has, as the answer to e.Key.
func (c *Cache) Put(e Entry, data []byte) error {
	b, err := c.Create()
	if err != nil {
		return err
	}
	defer b.Discard()
	if _, err := b.file.Write(data); err != nil {
		return writeError(err)
	}
	e.Size = int64(len(data))
	return b.commit(e)
}

// Update replaces the entry of e.Key by e. The bytes stay those that e
// describes; they come from content, which the caller has checked.
func (c *Cache) Update(e Entry, content io.ReaderAt) error {
	b, err := c.Create()
	if err != nil {
		return err
	}
	defer b.Discard()
	n, err := io.Copy(b.file, io.NewSectionReader(content, 0, e.Size))
	if err == nil && n < e.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return writeError(err)
	}
	return b.commit(e)
}

// Write appends to the file.
func (b *Blob) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.hash.Write(p[:n])
	b.size += int64(n)
	if err != nil {
		return n, writeError(err)
	}
	return n, nil
}

// ReadAt reads what has been written.
func (b *Blob) ReadAt(p []byte, off int64) (int, error) { return b.file.ReadAt(p, off) }

// Size is the number of bytes written.
func (b *Blob) Size() int64 { return b.size }

// SHA256 is the hash of the bytes written, in lower-case hex.
func (b *Blob) SHA256() string { return hex.EncodeToString(b.hash.Sum(nil)) }

// Commit keeps the file as the answer to e.Key and returns e with its hash and
// size filled in.
func (b *Blob) Commit(e Entry) (Entry, error) {
	e.SHA256, e.Size = b.SHA256(), b.size
	if err := b.commit(e); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// CommitOpen is Commit for a caller that reads the file next, and may do so
// though the cache removes it at once to make room. With ErrFull the file is
// not kept, and is returned all the same.
func (b *Blob) CommitOpen(e Entry) (*File, error) {
	file, err := posixfile.Open(b.file.Name())
	if err != nil {
		return nil, writeError(err)
	}
	e.SHA256, e.Size = b.SHA256(), b.size
	err = b.commit(e)
	if err != nil && !errors.Is(err, ErrFull) {
		return nil, errors.Join(err, file.Close())
	}
	return &File{entry: e, file: file, used: b.cache.opts.Now()}, err
}

func (b *Blob) commit(e Entry) error {
	end, err := footer(e)
	if err == nil {
		_, err = b.file.Write(end)
	}
	if err = errors.Join(err, b.file.Close()); err != nil {
		return writeError(err)
	}
	if err := rename(b.file.Name(), b.cache.path(e.Key)); err != nil {
		return writeError(err)
	}
	b.done = true
	return b.cache.grown(e.Size)
}

// Discard removes the file; after a Commit that worked it does nothing. A file
// that cannot be removed is swept away by a later Open.
func (b *Blob) Discard() {
	if b.done {
		return
	}
	b.done = true
	if err := b.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return
	}
	_ = posixfile.Remove(b.file.Name())
}

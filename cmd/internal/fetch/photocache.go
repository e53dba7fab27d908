package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// findCached opens what the cache may hand out for p, or returns cas.ErrMiss.
func (f *Fetcher) findCached(p *serverPhoto) (*cas.File, error) {
	cache, err := f.cache()
	if isFull(err) {
		return nil, cas.ErrMiss
	}
	if err != nil {
		return nil, err
	}
	file, err := cache.Find(p.key)
	if err != nil {
		return nil, err
	}
	if e := file.Entry(); e.Size > f.opts.MaxBytes || e.Robots != "" && !f.opts.IgnoreRobots {
		return nil, errors.Join(cas.ErrMiss, file.Close())
	}
	return file, nil
}

// isCached reports whether openCached will hand p out.
func (f *Fetcher) isCached(p *serverPhoto) (bool, error) {
	if _, ok := f.uncached.get(p.key); ok {
		return true, nil
	}
	file, err := f.findCached(p)
	if err != nil {
		return false, notMiss(err)
	}
	if !f.opts.Check.coveredBy(file.Entry()) {
		return false, file.Close()
	}
	err = errors.Join(file.Check(), file.Close())
	return err == nil, notMiss(err)
}

func notMiss(err error) error {
	if errors.Is(err, cas.ErrMiss) {
		return nil
	}
	return err
}

// openCached hands out what the cache holds for p, or what it had no room for
// and is still here, or returns cas.ErrMiss. A photo that there is no memory to
// hold keeps its file open, so that it is there when its turn has come,
// whatever happens to the cache.
func (f *Fetcher) openCached(ctx context.Context, p *serverPhoto) (*Picture, error) {
	if uncached, ok := f.uncached.get(p.key); ok {
		return uncached.picture(p), nil
	}
	file, err := f.findCached(p)
	if err != nil {
		return nil, err
	}
	e := file.Entry()
	pic := newPicture(p, e)
	pic.load, pic.release = file.Bytes, file.Close
	var content io.ReaderAt = file
	if data := f.buffers.acquire(e.Size); data != nil {
		err = errors.Join(file.Read(data), file.Close())
		pic.data = data
		pic.release = func() error { f.buffers.release(data); return nil }
		content = bytes.NewReader(data)
	} else {
		err = file.Check()
	}
	if err == nil && !f.opts.Check.coveredBy(e) {
		err = f.recheck(ctx, e, content)
	}
	if err != nil {
		return nil, errors.Join(err, pic.Release())
	}
	return pic, nil
}

// recheck verifies a photo that has passed a lesser check, and records that.
// One that fails now is a miss: it is asked for again.
func (f *Fetcher) recheck(ctx context.Context, e cas.Entry, r io.ReaderAt) error {
	_, err := f.verify(ctx, r, e.Size)
	var fe *fetchError
	if errors.As(err, &fe) {
		return cas.ErrMiss
	}
	if err != nil {
		return err
	}
	cache, err := f.cache()
	if err != nil {
		return err
	}
	e.Check, e.CheckVersion = string(f.opts.Check), checkVersion
	if err := cache.Update(e, r); err != nil && !isUnwritable(err) {
		return fmt.Errorf("record that a photo in the cache has passed a newer check: %w", err)
	}
	return nil
}

// isUnwritable reports whether err says that a cache is full or may only be
// read. It serves all the same: the photo is verified again next time.
func isUnwritable(err error) bool {
	return isFull(err) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

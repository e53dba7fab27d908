package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// find opens what the cache may hand out for a, or returns ErrMiss.
func (f *Fetcher) find(a *address) (*cas.File, error) {
	cache, err := f.cache()
	if isFull(err) {
		return nil, cas.ErrMiss
	}
	if err != nil {
		return nil, err
	}
	file, err := cache.Find(a.key)
	if err != nil {
		return nil, err
	}
	if e := file.Entry(); e.Size > f.opts.MaxBytes || e.Robots != "" && !f.opts.IgnoreRobots {
		return nil, errors.Join(cas.ErrMiss, file.Close())
	}
	return file, nil
}

// cached says whether the cache holds what serveCached needs for a.
func (f *Fetcher) cached(a *address) (bool, error) {
	if _, ok := f.lastUnkept.get(a.key); ok {
		return true, nil
	}
	file, err := f.find(a)
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

// serveCached hands out what the cache holds for a, or what it had no room for
// and is still here, or returns ErrMiss.
// A photo that there is no room to hold keeps its file open, so that it is
// there when its turn has come, whatever happens to the cache.
func (f *Fetcher) serveCached(ctx context.Context, a *address, before []candidate) (*Picture, error) {
	if unkept, ok := f.lastUnkept.get(a.key); ok {
		return unkept.hand(a, before), nil
	}
	file, err := f.find(a)
	if err != nil {
		return nil, err
	}
	e := file.Entry()
	pic := &Picture{
		URL: a.url, Source: a.source, SHA256: e.SHA256, MediaType: e.MediaType, Size: e.Size,
		Earlier: earlier(before, e.Earlier),
		load:    file.Bytes, release: file.Close,
	}
	var look io.ReaderAt = file
	if data := f.memory.take(e.Size); data != nil {
		err = errors.Join(file.Read(data), file.Close())
		pic.data = data
		pic.release = func() error { f.memory.give(data); return nil }
		look = bytes.NewReader(data)
	} else {
		err = file.Check()
	}
	if err == nil && !f.opts.Check.coveredBy(e) {
		err = f.checkAgain(ctx, e, look)
	}
	if err != nil {
		return nil, errors.Join(err, pic.Release())
	}
	return pic, nil
}

// checkAgain looks at a photo that has passed a lesser check. One that fails
// now is a miss: it is asked for again.
func (f *Fetcher) checkAgain(ctx context.Context, e cas.Entry, r io.ReaderAt) error {
	_, err := f.verify(ctx, r, e.Size)
	var flt *fault
	if errors.As(err, &flt) {
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
	// A cache that is full or may only be read does its work all the same: the
	// photo is looked at again next time.
	_ = cache.Update(e)
	return nil
}

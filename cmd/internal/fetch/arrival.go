package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// An arrival is a photo on its way from the network to the cache.
type arrival struct {
	*try
	parent context.Context // the run's
	ctx    context.Context // the transfer's
	body   io.Reader
	length int64 // as the server says, -1 if it does not
	sums   *checksums
	entry  cas.Entry
}

// hold receives a photo in data, which is as long, and keeps it there for
// whoever asked.
func (a *arrival) hold(cache *cas.Cache, data []byte) (err error) {
	defer func() {
		if err != nil {
			a.memory.give(data)
		}
	}()
	for n := 0; n < len(data); {
		read, err := a.body.Read(data[n:])
		n += read
		if err != nil && n < len(data) {
			return a.cut(int64(n), err)
		}
	}
	if err := a.inspect(data); err != nil {
		return err
	}
	err = cache.Put(a.entry, data)
	if isFull(err) {
		a.leave(bytes.Clone(data), err)
		a.memory.give(data)
		return nil
	}
	if err != nil {
		return err
	}
	a.got = a.picture(a.length)
	a.got.data, a.got.release = data, func() error { a.memory.give(data); return nil }
	return nil
}

// inspect takes the hashes of a photo that has come in and looks at it.
func (a *arrival) inspect(data []byte) error {
	a.sums.write(data)
	sum := sha256.Sum256(data)
	a.entry.SHA256 = hex.EncodeToString(sum[:])
	return a.check(bytes.NewReader(data), int64(len(data)))
}

// spool receives a photo in a file.
func (a *arrival) spool(cache *cas.Cache) error {
	blob, err := cache.Create()
	if isFull(err) {
		return a.pass(err)
	}
	if err != nil {
		return err
	}
	defer blob.Discard()
	err = a.copyTo(blob)
	if isFull(err) {
		return a.pass(err)
	}
	if err != nil {
		return err
	}
	a.entry.SHA256 = blob.SHA256()
	if err := a.check(blob, blob.Size()); err != nil {
		return err
	}
	file, err := blob.CommitOpen(a.entry)
	if isFull(err) {
		data, readErr := file.Bytes()
		if err := errors.Join(readErr, file.Close()); err != nil {
			return err
		}
		a.leave(data, err)
		return nil
	}
	if err != nil {
		return err
	}
	a.got = a.picture(blob.Size())
	a.got.load, a.got.release = file.Bytes, file.Close
	return nil
}

func (a *arrival) picture(size int64) *Picture {
	return &Picture{URL: a.want.url, Source: a.want.source, SHA256: a.entry.SHA256, MediaType: a.entry.MediaType, Size: size}
}

// copyTo copies the body into a file. If the disk becomes full on the way, the
// body begins again with what has been read of it.
func (a *arrival) copyTo(blob *cas.Blob) error {
	buf := a.buffers.get()
	defer a.buffers.put(buf)
	for {
		n, readErr := a.body.Read(buf[:])
		size := blob.Size() + int64(n)
		if size > a.opts.MaxBytes {
			return faultf(TooLarge, "more than %d bytes", a.opts.MaxBytes)
		}
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return a.cut(size, readErr)
		}
		written, err := blob.Write(buf[:n])
		if isFull(err) {
			rest := bytes.NewReader(bytes.Clone(buf[written:n]))
			a.body = io.MultiReader(io.NewSectionReader(blob, 0, blob.Size()), rest, a.body)
			a.sums.restart()
		}
		if err != nil {
			return err
		}
		a.sums.write(buf[:n])
		if readErr != nil {
			return nil
		}
	}
}

// cut is what a body means that ended after n bytes.
func (a *arrival) cut(n int64, err error) error {
	if a.ctx.Err() != nil || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return a.classify(a.parent, a.ctx, err)
	}
	of := "unknown"
	if a.length >= 0 {
		of = fmt.Sprint(a.length)
	}
	flt := faultf(Truncated, "the transfer ended after %d of %s bytes", n, of)
	flt.retry = true
	return flt
}

// check looks at a photo that has come in. The transfer is over, and so are its
// deadlines.
func (a *arrival) check(r io.ReaderAt, size int64) (err error) {
	if err := a.sums.transfer(); err != nil {
		return err
	}
	a.entry.MediaType, err = a.verifyKnown(a.parent, r, size, a.entry.SHA256)
	if err != nil {
		var flt *fault
		if errors.As(err, &flt) && flt.reason == Truncated {
			flt.retry = a.length < 0 // the transfer may have been cut, and nobody could tell
		}
		return err
	}
	return a.sums.original(a.want, size)
}

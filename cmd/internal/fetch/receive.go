package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// A receiver takes the body of a good response, verifies it and keeps it.
type receiver struct {
	*transferAttempt
	runCtx    context.Context // ends with the run
	ctx       context.Context // ends with the transfer too
	body      io.Reader
	length    int64 // bytes, as the server says, -1 if it does not
	checksums *checksums
	entry     cas.Entry
}

// receive receives the photo of a good response: in memory if there is room for
// it, in a file of the cache otherwise, and in memory too where the cache has
// no room to keep it.
func (a *transferAttempt) receive(runCtx, ctx context.Context, resp *http.Response, body io.Reader) error {
	if isPlaceholderPath(resp.Request.URL.Path) {
		return fetchErrorf(Placeholder, "served from %s", resp.Request.URL.Redacted())
	}
	opts, size := &a.fetcher.opts, resp.ContentLength
	robots := forbiddenToRobots(resp.Header)
	if robots != "" && !opts.IgnoreRobots {
		return fetchErrorf(Robots, "the server says %s", robots)
	}
	if size > opts.MaxBytes {
		return fetchErrorf(TooLarge, "%d bytes, more than %d", size, opts.MaxBytes)
	}
	r := &receiver{
		transferAttempt: a, runCtx: runCtx, ctx: ctx, body: body, length: size, checksums: newChecksums(a.photo, resp.Header),
		entry: cas.Entry{
			Key: a.photo.key, Source: a.photo.source, URL: a.photo.url,
			Check: string(opts.Check), CheckVersion: checkVersion, Robots: robots, Earlier: a.earlier,
		},
	}
	cache, err := a.fetcher.cache()
	if isFull(err) {
		return r.withoutCache(err)
	}
	if err != nil {
		return err
	}
	if size >= 0 {
		if data := a.fetcher.buffers.acquire(size); data != nil {
			return r.toMemory(cache, data)
		}
	}
	return r.toFile(cache)
}

// toMemory receives a photo in data, which is as long, keeps it, and leaves it
// there for the caller of Fetch.
func (r *receiver) toMemory(cache *cas.Cache, data []byte) (err error) {
	defer func() {
		if err != nil {
			r.fetcher.buffers.release(data)
		}
	}()
	for n := 0; n < len(data); {
		read, err := r.body.Read(data[n:])
		n += read
		if err != nil && n < len(data) {
			return r.bodyError(int64(n), err)
		}
	}
	if err := r.verifyBytes(data); err != nil {
		return err
	}
	err = cache.Put(r.entry, data)
	if isFull(err) {
		r.handOutUncached(bytes.Clone(data), err)
		r.fetcher.buffers.release(data)
		return nil
	}
	if err != nil {
		return err
	}
	pic := r.picture(r.length)
	pic.data, pic.release = data, func() error { r.fetcher.buffers.release(data); return nil }
	return nil
}

// verifyBytes takes the hashes of a photo that has come in and verifies it.
func (r *receiver) verifyBytes(data []byte) error {
	r.checksums.write(data)
	sum := sha256.Sum256(data)
	r.entry.SHA256 = hex.EncodeToString(sum[:])
	return r.verify(bytes.NewReader(data), int64(len(data)))
}

// toFile receives a photo in a file of the cache and keeps it.
func (r *receiver) toFile(cache *cas.Cache) error {
	blob, err := cache.Create()
	if isFull(err) {
		return r.withoutCache(err)
	}
	if err != nil {
		return err
	}
	defer blob.Discard()
	err = r.copyTo(blob)
	if isFull(err) {
		return r.withoutCache(err)
	}
	if err != nil {
		return err
	}
	r.entry.SHA256 = blob.SHA256()
	if err := r.verify(blob, blob.Size()); err != nil {
		return err
	}
	file, err := blob.CommitOpen(r.entry)
	if isFull(err) {
		data, readErr := file.Bytes()
		if err := errors.Join(readErr, file.Close()); err != nil {
			return err
		}
		r.handOutUncached(data, err)
		return nil
	}
	if err != nil {
		return err
	}
	pic := r.picture(blob.Size())
	pic.load, pic.release = file.Bytes, file.Close
	return nil
}

// picture makes the picture of a photo that has been received and kept.
func (r *receiver) picture(size int64) *Picture {
	e := r.entry
	e.Size = size
	r.got.picture = newPicture(r.photo, e)
	return r.got.picture
}

// withoutCache receives a photo that cannot be kept, and why, in memory.
func (r *receiver) withoutCache(why error) error {
	data, err := io.ReadAll(io.LimitReader(r.body, r.fetcher.opts.MaxBytes+1))
	switch {
	case int64(len(data)) > r.fetcher.opts.MaxBytes:
		return fetchErrorf(TooLarge, "more than %d bytes", r.fetcher.opts.MaxBytes)
	case err != nil:
		return r.bodyError(int64(len(data)), err)
	}
	if err := r.verifyBytes(data); err != nil {
		return err
	}
	r.handOutUncached(data, why)
	return nil
}

// handOutUncached hands out a photo that is not kept, and says why once a run.
func (r *receiver) handOutUncached(data []byte, why error) {
	r.entry.Size = int64(len(data))
	r.got.uncached = &uncachedPhoto{r.entry, data}
	r.fetcher.uncached.put(r.entry.Key, r.got.uncached, r.entry.Size)
	r.fetcher.warnOnce.Do(func() {
		if r.fetcher.opts.CacheFull != nil {
			r.fetcher.opts.CacheFull(why)
		}
	})
}

// copyTo copies the body into a file. If the disk becomes full on the way, the
// body begins again with what has been read of it.
func (r *receiver) copyTo(blob *cas.Blob) error {
	buf := r.fetcher.buffers.block()
	defer r.fetcher.buffers.releaseBlock(buf)
	for {
		n, readErr := r.body.Read(buf[:])
		size := blob.Size() + int64(n)
		if size > r.fetcher.opts.MaxBytes {
			return fetchErrorf(TooLarge, "more than %d bytes", r.fetcher.opts.MaxBytes)
		}
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return r.bodyError(size, readErr)
		}
		written, err := blob.Write(buf[:n])
		if isFull(err) {
			rest := bytes.NewReader(bytes.Clone(buf[written:n]))
			r.body = io.MultiReader(io.NewSectionReader(blob, 0, blob.Size()), rest, r.body)
			r.checksums.restart()
		}
		if err != nil {
			return err
		}
		r.checksums.write(buf[:n])
		if readErr != nil {
			return nil
		}
	}
}

// bodyError is what it means that a body ended with err after n bytes.
func (r *receiver) bodyError(n int64, err error) error {
	if r.ctx.Err() != nil || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return r.transportError(r.runCtx, r.ctx, err)
	}
	of := "unknown"
	if r.length >= 0 {
		of = fmt.Sprint(r.length)
	}
	fe := fetchErrorf(Truncated, "the transfer ended after %d of %s bytes", n, of)
	fe.retryable = true
	return fe
}

// verify verifies a photo that has come in. The transfer is over, and so are
// its deadlines.
func (r *receiver) verify(content io.ReaderAt, size int64) (err error) {
	if err := r.checksums.checkTransfer(); err != nil {
		return err
	}
	r.entry.MediaType, err = r.fetcher.verifyHashed(r.runCtx, content, size, r.entry.SHA256)
	if err != nil {
		var fe *fetchError
		if errors.As(err, &fe) && fe.reason == Truncated {
			fe.retryable = r.length < 0 // the transfer may have been cut, and nobody could tell
		}
		return err
	}
	return r.checksums.checkOriginal(r.photo, size)
}

package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
)

// serveFile hands out {subset}/{id}.jpg of a folder, or {id}.jpg. No name and
// no link leads out of the folder.
func (f *Fetcher) serveFile(ctx context.Context, c candidate) (*Picture, error) {
	file, err := openPhoto(c)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	info, err := file.Stat()
	if err != nil {
		return nil, faultf(Unreadable, "%v", err)
	}
	size := info.Size()
	if size > f.opts.MaxBytes {
		return nil, faultf(TooLarge, "%d bytes, more than %d", size, f.opts.MaxBytes)
	}
	pic := &Picture{URL: c.url, Source: c.source.name(), Size: size}
	pic.load = func() ([]byte, error) { return f.loadFile(c, pic.SHA256, size) }
	data := f.memory.take(size)
	if data == nil {
		h := sha256.New()
		if n, err := io.Copy(h, io.NewSectionReader(file, 0, size)); err != nil || n != size {
			return nil, unreadable(n, size, err)
		}
		pic.SHA256 = hex.EncodeToString(h.Sum(nil))
		pic.MediaType, err = f.verifyKnown(ctx, file, size, pic.SHA256)
		if err != nil {
			return nil, err
		}
		return pic, nil
	}
	pic.data = data
	pic.release = func() error { f.memory.give(data); return nil }
	if n, err := io.ReadFull(file, pic.data); err != nil {
		return nil, errors.Join(unreadable(int64(n), size, err), pic.Release())
	}
	sum := sha256.Sum256(pic.data)
	pic.SHA256 = hex.EncodeToString(sum[:])
	pic.MediaType, err = f.verifyKnown(ctx, bytes.NewReader(pic.data), size, pic.SHA256)
	if err != nil {
		return nil, errors.Join(err, pic.Release())
	}
	return pic, nil
}

// lookForFile returns a *fault if the folder does not have the photo.
func (f *Fetcher) lookForFile(c candidate) error {
	file, err := openPhoto(c)
	if err != nil {
		return err
	}
	return file.Close()
}

// loadFile reads a photo again that was verified before.
func (f *Fetcher) loadFile(c candidate, digest string, size int64) ([]byte, error) {
	file, err := openPhoto(c)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	data := make([]byte, size)
	if n, err := io.ReadFull(file, data); err != nil {
		return nil, unreadable(int64(n), size, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return nil, errors.New("the file has changed meanwhile")
	}
	return data, nil
}

func unreadable(n, size int64, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return faultf(Unreadable, "the file shrank from %d to %d bytes while it was read", size, n)
	}
	return faultf(Unreadable, "%v", err)
}

func openPhoto(c candidate) (*os.File, error) {
	names := []string{c.id + ".jpg"}
	if c.subset != "" {
		names = []string{c.subset + "/" + c.id + ".jpg", c.id + ".jpg"}
	}
	for _, name := range names {
		// Opening a named pipe would wait for its writer.
		info, err := c.source.root.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, faultf(Unreadable, "%v", err)
		}
		if !info.Mode().IsRegular() {
			return nil, faultf(Unreadable, "%s is not a regular file", name)
		}
		file, err := c.source.root.Open(name)
		if err != nil {
			return nil, faultf(Unreadable, "%v", err)
		}
		return file, nil
	}
	return nil, faultf(NotFound, "no %s in the folder", names[0])
}

package fetch

import (
	"errors"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// An unkeptPhoto is a photo that the cache had no room for. It is held in
// memory until nobody wants it any more; the last ones are held for their other
// boxes as well.
type unkeptPhoto struct {
	entry cas.Entry // as the cache would have it
	data  []byte    // never changed
}

// hand returns the photo for a.
func (u *unkeptPhoto) hand(a *address, before []candidate) *Picture {
	return &Picture{
		URL: a.url, Source: a.source, SHA256: u.entry.SHA256, MediaType: u.entry.MediaType, Size: u.entry.Size,
		Earlier: earlier(before, u.entry.Earlier), data: u.data,
	}
}

// leave notes a photo that is not kept, and why, which is said once.
func (a *arrival) leave(data []byte, why error) {
	a.entry.Size = int64(len(data))
	a.unkept = &unkeptPhoto{a.entry, data}
	a.lastUnkept.put(a.entry.Key, a.unkept, a.entry.Size)
	a.sayUnkept.Do(func() {
		if a.opts.Unkept != nil {
			a.opts.Unkept(why)
		}
	})
}

// pass receives a photo that cannot be kept, and why.
func (a *arrival) pass(why error) error {
	data, err := io.ReadAll(io.LimitReader(a.body, a.opts.MaxBytes+1))
	switch {
	case int64(len(data)) > a.opts.MaxBytes:
		return faultf(TooLarge, "more than %d bytes", a.opts.MaxBytes)
	case err != nil:
		return a.cut(int64(len(data)), err)
	}
	if err := a.inspect(data); err != nil {
		return err
	}
	a.leave(data, why)
	return nil
}

func isFull(err error) bool { return errors.Is(err, cas.ErrFull) }

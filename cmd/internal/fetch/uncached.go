package fetch

import (
	"errors"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// An uncachedPhoto is a photo that the cache has no room for. It is held in
// memory until nobody wants it any more; the last ones are held for their other
// boxes as well.
type uncachedPhoto struct {
	entry cas.Entry // as the cache would have it
	data  []byte    // never changed
}

// picture hands out the photo for p.
func (u *uncachedPhoto) picture(p *serverPhoto) *Picture {
	pic := newPicture(p, u.entry)
	pic.data = u.data
	return pic
}

func isFull(err error) bool { return errors.Is(err, cas.ErrFull) }

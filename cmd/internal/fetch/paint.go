package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime"

	"golang.org/x/sync/singleflight"
)

// paint serves a photo of the built-in data set.
func (f *Fetcher) paint(r Request) (*Picture, error) {
	u := sampleScheme + r.Subset + "/" + r.ID + ".jpg"
	fail := func(reason Reason, err error) error {
		return &Failure{Attempt: Attempt{Source: "sample", URL: u, Reason: reason, Attempts: 1, Detail: err.Error()}}
	}
	if f.opts.Sample == nil || r.URL != u {
		return nil, fail(NotFound, fmt.Errorf("%.200q is not a photo of the sample", r.URL))
	}
	data, err := f.painted.photo(r.Subset, r.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(NotFound, err)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	pic := &Picture{URL: u, Source: "sample", SHA256: hex.EncodeToString(sum[:]), MediaType: http.DetectContentType(data), Size: int64(len(data)),
		load: func() ([]byte, error) { return f.painted.photo(r.Subset, r.ID) }}
	if size := pic.Size; f.memory.free.TryAcquire(size) {
		pic.data, pic.release = data, func() error { f.memory.free.Release(size); return nil }
	}
	return pic, nil
}

// maxPainted is how many painted photos are kept for their other boxes.
const maxPainted = 32

// paintings keeps the last photos of the built-in data set: each is painted
// once however many boxes it has, as those stand together in the stream.
type paintings struct {
	paint   func(subset, id string) ([]byte, error)
	painter chan struct{} // one place a processor: painting takes memory
	flights singleflight.Group
	last    *recent[[]byte]
}

func newPaintings(paint func(subset, id string) ([]byte, error)) *paintings {
	return &paintings{paint: paint, painter: make(chan struct{}, runtime.GOMAXPROCS(0)), last: newRecent[[]byte](maxPainted)}
}

// photo returns a photo, which the caller does not change.
func (p *paintings) photo(subset, id string) ([]byte, error) {
	name := subset + "/" + id
	if data, ok := p.last.get(name); ok {
		return data, nil
	}
	v, err, _ := p.flights.Do(name, func() (any, error) {
		if data, ok := p.last.get(name); ok {
			return data, nil
		}
		p.painter <- struct{}{}
		defer func() { <-p.painter }()
		data, err := p.paint(subset, id)
		if err == nil {
			p.last.put(name, data, 1)
		}
		return data, err
	})
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

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

// samplePhoto hands out a photo of the built-in data set.
func (f *Fetcher) samplePhoto(r Request) (*Picture, error) {
	u := sampleScheme + r.Subset + "/" + r.ID + ".jpg"
	fail := func(reason Reason, err error) error {
		return &Failure{Attempt: Attempt{Source: "sample", URL: u, Reason: reason, Attempts: 1, Detail: err.Error()}}
	}
	if f.opts.Sample == nil || r.URL != u {
		return nil, fail(NotFound, fmt.Errorf("%.200q is not a photo of the sample", r.URL))
	}
	data, err := f.sample.photo(r.Subset, r.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(NotFound, err)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	pic := &Picture{URL: u, Source: "sample", SHA256: hex.EncodeToString(sum[:]), MediaType: http.DetectContentType(data), Size: int64(len(data)),
		load: func() ([]byte, error) { return f.sample.photo(r.Subset, r.ID) }}
	if size := pic.Size; f.buffers.reserve(size) {
		pic.data, pic.release = data, func() error { f.buffers.unreserve(size); return nil }
	}
	return pic, nil
}

// maxSamplePhotos is how many photos are kept for their other boxes.
const maxSamplePhotos = 32

// samplePhotos renders photos of the built-in data set and caches the last:
// each is rendered once however many boxes it has, as those stand together in
// the stream.
type samplePhotos struct {
	render   func(subset, id string) ([]byte, error)
	slots    chan struct{}      // one a processor: rendering takes memory
	inFlight singleflight.Group // by SUBSET/ID
	cache    *fifoCache[[]byte] // by SUBSET/ID
}

func newSamplePhotos(render func(subset, id string) ([]byte, error)) *samplePhotos {
	return &samplePhotos{render: render, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), cache: newFIFOCache[[]byte](maxSamplePhotos)}
}

// photo returns a photo, which the caller does not change.
func (s *samplePhotos) photo(subset, id string) ([]byte, error) {
	name := subset + "/" + id
	if data, ok := s.cache.get(name); ok {
		return data, nil
	}
	v, err, _ := s.inFlight.Do(name, func() (any, error) {
		if data, ok := s.cache.get(name); ok {
			return data, nil
		}
		s.slots <- struct{}{}
		defer func() { <-s.slots }()
		data, err := s.render(subset, id)
		if err == nil {
			s.cache.put(name, data, 1)
		}
		return data, err
	})
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

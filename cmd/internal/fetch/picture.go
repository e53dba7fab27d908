package fetch

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// A Picture is a photo that passed its checks. The caller releases it.
type Picture struct {
	URL       string // as asked for, before redirects; no userinfo
	Source    string
	SHA256    string // lower-case hex
	MediaType string
	Size      int64 // bytes
	// Earlier are the sources that come before this one, and why they did
	// not serve; a run that finds the photo in the cache says the same as
	// the one that fetched it.
	Earlier []Attempt

	recorded []cas.Attempt // the sources before it, as kept in the cache
	data     []byte        // nil if there was no room to hold it
	load     func() ([]byte, error)
	release  func() error
}

// newPicture is the photo p as the cache describes it, without its bytes.
func newPicture(p *serverPhoto, e cas.Entry) *Picture {
	return &Picture{URL: p.url, Source: p.source, SHA256: e.SHA256, MediaType: e.MediaType, Size: e.Size, recorded: e.Earlier}
}

// Bytes returns the photo, reading it again if there was no room to hold it
// until now. The caller does not change it.
func (p *Picture) Bytes() ([]byte, error) {
	if p.data != nil {
		return p.data, nil
	}
	data, err := p.load()
	if err != nil {
		return nil, fmt.Errorf("read photo %s again: %w", p.URL, err)
	}
	return data, nil
}

// Release gives up what the photo takes: the memory of its bytes, which are
// used for another photo then, or an open file.
func (p *Picture) Release() error {
	release := p.release
	p.data, p.release = nil, nil
	p.load = func() ([]byte, error) { return nil, fmt.Errorf("the photo was released") }
	if release == nil {
		return nil
	}
	return release()
}

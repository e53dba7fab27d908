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
	// Earlier are the sources that come before this one, and why they did not
	// serve; a run that finds the photo in the cache says the same as the one
	// that fetched it.
	Earlier []Attempt

	data    []byte // nil if there was no room to hold it
	load    func() ([]byte, error)
	release func() error
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

// Release gives up what the photo takes: the room of its bytes, which are used
// for another photo then, or an open file.
func (p *Picture) Release() error {
	release := p.release
	p.data, p.release = nil, nil
	p.load = func() ([]byte, error) { return nil, fmt.Errorf("the photo was released") }
	if release == nil {
		return nil
	}
	return release()
}

// earlier says why the sources before the one that served did not. What was
// kept with the photo of what the network said comes before what it said since.
func earlier(before []candidate, kept []cas.Attempt) []Attempt {
	var all []Attempt
	for _, c := range before {
		var a Attempt
		if c.failed != nil {
			a = *c.failed
		} else {
			a = c.place.notAsked()
		}
		for _, k := range kept {
			if k.Source == a.Source && k.URL == a.URL {
				a.Reason, a.Status, a.Detail = Reason(k.Reason), k.Status, ""
			}
		}
		all = append(all, a)
	}
	return all
}

// attempts is what is kept with a photo of the servers that were to be asked
// before the one that has it.
func attempts(before []candidate) []cas.Attempt {
	var all []cas.Attempt
	for _, c := range before {
		if _, ok := c.place.(*address); ok && c.failed != nil {
			all = append(all, cas.Attempt{Source: c.failed.Source, URL: c.failed.URL, Reason: string(c.failed.Reason), Status: c.failed.Status})
		}
	}
	return all
}

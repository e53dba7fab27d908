package fetch

import (
	"errors"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

// A candidate is a source applied to a request.
type candidate struct {
	source   Source
	location location
	failed   *Attempt // why the source does not serve, once that is known
}

// newCandidates applies the sources to a request, in order. A source that
// cannot be asked, because the request lacks what it needs, has failed at once.
func newCandidates(sources []Source, r Request) ([]candidate, error) {
	all := make([]candidate, len(sources))
	for i, s := range sources {
		var err error
		all[i].source = s
		if all[i].location, err = s.locate(r); err != nil && !all[i].fail(err) {
			return nil, err
		}
	}
	return all, nil
}

// fail notes that the candidate failed, and reports whether that is what err
// says.
func (c *candidate) fail(err error) bool {
	return errors.As(err, &c.failed)
}

// recordable is what is kept in the cache with a photo of the servers that were
// asked before the one that has it. A folder is looked at in each run.
func recordable(before []candidate) []cas.Attempt {
	var all []cas.Attempt
	for _, c := range before {
		if c.source.network() && c.failed != nil {
			all = append(all, cas.Attempt{Source: c.failed.Source, URL: c.failed.URL, Reason: string(c.failed.Reason), Status: c.failed.Status})
		}
	}
	return all
}

// after completes a picture by the sources that come before the one that
// served. What was kept with the photo of what the network answered comes
// before what it has answered since.
func (p *Picture) after(before []candidate) *Picture {
	if p == nil {
		return nil
	}
	for _, c := range before {
		a := c.attempt()
		for _, recorded := range p.recorded {
			if recorded.Source == a.Source && recorded.URL == a.URL {
				a.Reason, a.Status, a.Detail = Reason(recorded.Reason), recorded.Status, ""
			}
		}
		p.Earlier = append(p.Earlier, a)
	}
	return p
}

// attempt is why the candidate did not serve, when one after it did.
func (c *candidate) attempt() Attempt {
	if c.failed != nil {
		return *c.failed
	}
	return Attempt{Source: c.source.name(), URL: c.location.address(), Reason: NotAsked, Detail: "the photo was in the cache"}
}

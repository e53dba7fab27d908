package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cas"
)

const (
	s3Host       = "open-images-dataset.s3.amazonaws.com"
	s3Base       = "https://" + s3Host + "/"
	sampleScheme = "sample:"
	maxURL       = 2048 // bytes; Flickr's have 60
)

// A server is a source on the network.
type server struct {
	label string
	// address is where a request's photo is.
	address func(Request) (string, error)
	// template is that of a server that the user named by an address: its host
	// is exempt from the guard, and its query may hold a token.
	template string
	// original says that the photo must be the very one that was annotated.
	original bool
}

// namedServer returns the server that a word stands for.
func namedServer(word string) (*server, bool) {
	s := &server{label: word}
	switch word {
	case "s3":
		s.address = templated(s3Base + "{subset}/{id}.jpg")
	case "flickr":
		s.address, s.original = func(r Request) (string, error) { return r.URL, nil }, true
	case "thumbnail":
		s.address = func(r Request) (string, error) { return r.ThumbnailURL, nil }
	default:
		return nil, false
	}
	return s, true
}

func templated(template string) func(Request) (string, error) {
	return func(r Request) (string, error) {
		if err := checkFields(template, r); err != nil {
			return "", err
		}
		return fillAddress(template, r), nil
	}
}

// parseServer reads an address.
func parseServer(scheme, word string) (*server, error) {
	if scheme != "http" && scheme != "https" {
		return nil, fmt.Errorf("%q: only http and https addresses, or the path of a folder", word)
	}
	if err := checkPlaceholders(word); err != nil {
		return nil, err
	}
	template := word
	if !strings.Contains(word, idMark) {
		if strings.ContainsAny(word, "?#{") {
			return nil, fmt.Errorf("%q: an address with ?, #, {subset} or {class} needs {id} too", word)
		}
		template = strings.TrimSuffix(word, "/") + "/{subset}/{id}.jpg"
	}
	u, err := url.Parse(exampleOf(template))
	if err != nil {
		return nil, err
	}
	if u.Host == "" || strings.ContainsAny(word[:strings.Index(word, "://")+3+len(u.Host)], "{}") {
		return nil, fmt.Errorf("%q: no host name", word)
	}
	if u.User != nil {
		return nil, errors.New("an image address with a user name or password: neither is ever sent")
	}
	return &server{label: "url", template: template, address: templated(template)}, nil
}

// exampleOf is an address of the template.
func exampleOf(template string) string {
	return fillAddress(template, Request{ID: "0", Subset: "train", Class: "x"})
}

func (s *server) name() string { return s.label }

func (s *server) String() string {
	if s.template == "" {
		return s.label
	}
	base, _, _ := strings.Cut(s.template, "?")
	base, _, _ = strings.Cut(base, "#")
	return base
}

func (s *server) locate(r Request) (place, error) {
	p := &address{source: s.label}
	if err := s.fill(p, r); err != nil {
		return nil, attemptOf(err, p.source, p.url)
	}
	return p, nil
}

func (s *server) fill(p *address, r Request) error {
	raw, err := s.address(r)
	if err != nil {
		return err
	}
	if raw == "" {
		return faultf(NoURL, "the item has no address for it")
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL {
		return faultf(Refused, "%.200q is not an address", raw)
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	p.ask, p.key, p.url = u, "GET "+u.String(), u.String()
	if s.original {
		p.md5, p.size = r.OriginalMD5, r.OriginalSize
	}
	if p.md5 != "" || p.size != 0 {
		p.key += fmt.Sprintf(" md5=%s size=%d", p.md5, p.size)
	}
	if s.template != "" {
		seen := *u
		seen.RawQuery, seen.ForceQuery = "", false
		p.url = seen.String()
	}
	return nil
}

// An address is where a server has one photo.
type address struct {
	source string
	ask    *url.URL // what is requested
	url    string   // the same as people and the record may see it
	key    string   // in the cache
	md5    string   // base64, checked if not empty
	size   int64    // checked if not 0
}

func (a *address) there(f *Fetcher) error {
	if failed := f.dead.get(a); failed != nil {
		return failed
	}
	return cas.ErrMiss
}

func (a *address) held(ctx context.Context, f *Fetcher, before []candidate) (*Picture, error) {
	if failed := f.dead.get(a); failed != nil {
		return nil, failed
	}
	return f.serveCached(ctx, a, before)
}

func (a *address) fetch(ctx context.Context, f *Fetcher, before []candidate) (*Picture, error) {
	pic, err := f.ask(ctx, a, before)
	if pic == nil && err == nil {
		return f.serveCached(ctx, a, before)
	}
	return pic, err
}

func (a *address) notAsked() Attempt {
	return Attempt{Source: a.source, URL: a.url, Reason: NotAsked, Detail: "the photo was in the cache"}
}

// ask brings a photo into the cache, unless somebody is at it already, who is
// waited for. It returns the photo if it has just come in, and nil if it is in
// the cache.
func (f *Fetcher) ask(ctx context.Context, a *address, before []candidate) (pic *Picture, err error) {
	v, err, _ := f.flights.Do(a.key, func() (any, error) {
		// Another flight may have landed since the cache was looked at.
		if failed := f.dead.get(a); failed != nil {
			return nil, failed
		}
		said := attempts(before)
		t, err := f.transfer(ctx, a, said)
		var failed *Attempt
		switch {
		case errors.As(err, &failed):
			f.dead.put(a, *failed)
			return nil, err
		case err != nil:
			return nil, err
		case t == nil:
			return nil, nil
		case t.unkept != nil:
			return t.unkept, nil // all who wait get it from here
		}
		pic = t.got
		pic.Earlier = earlier(before, said)
		return nil, nil
	})
	var failed *Attempt
	if errors.As(err, &failed) {
		own := *failed // the same address may have been asked for under another source's name
		own.Source, own.URL = a.source, a.url
		return nil, &own
	}
	if unkept, ok := v.(*unkeptPhoto); ok {
		return unkept.hand(a, before), nil
	}
	return pic, err
}

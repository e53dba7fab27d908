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
	// photoURL is where a request's photo is.
	photoURL func(Request) (string, error)
	// template is that of a server that the user named by an address; its
	// query may hold a token. example is an address of it.
	template string
	example  *url.URL
	// original says that the photo must be the very one that was annotated.
	original bool
}

// namedServer returns the server that a word stands for.
func namedServer(word string) (*server, bool) {
	s := &server{label: word}
	switch word {
	case "s3":
		s.photoURL = templated(s3Base + "{subset}/{id}.jpg")
	case "flickr":
		s.photoURL, s.original = func(r Request) (string, error) { return r.URL, nil }, true
	case "thumbnail":
		s.photoURL = func(r Request) (string, error) { return r.ThumbnailURL, nil }
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
	if err := checkTemplate(word); err != nil {
		return nil, err
	}
	template := word
	if !strings.Contains(word, idField) {
		if strings.ContainsAny(word, "?#{") {
			return nil, fmt.Errorf("%q: an address with ?, #, {subset} or {class} needs {id} too", word)
		}
		template = strings.TrimSuffix(word, "/") + "/{subset}/{id}.jpg"
	}
	u, err := url.Parse(fillAddress(template, Request{ID: "0", Subset: "train", Class: "x"}))
	if err != nil {
		return nil, err
	}
	_, host, _ := strings.Cut(word, "://")
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	switch {
	case host == "" || u.Host == "":
		return nil, fmt.Errorf("%q: no host name", word)
	case strings.ContainsAny(host, "{}"):
		return nil, fmt.Errorf("%q: a placeholder in the host name", word)
	}
	if u.User != nil {
		return nil, errors.New("an image address with a user name or password: neither is ever sent")
	}
	return &server{label: "url", template: template, example: u, photoURL: templated(template)}, nil
}

func (s *server) name() string { return s.label }

func (s *server) network() bool { return true }

func (s *server) trusted() *url.URL { return s.example }

func (s *server) unmatched() string { return "" }

func (s *server) String() string {
	if s.template == "" {
		return s.label
	}
	base, _, _ := strings.Cut(s.template, "?")
	base, _, _ = strings.Cut(base, "#")
	return base
}

func (s *server) locate(r Request) (location, error) {
	p := &serverPhoto{source: s.label}
	if err := s.fill(p, r); err != nil {
		return nil, attemptError(err, p.source, p.url)
	}
	return p, nil
}

func (s *server) fill(p *serverPhoto, r Request) error {
	raw, err := s.photoURL(r)
	if err != nil {
		return err
	}
	if raw == "" {
		return fetchErrorf(NoURL, "the item has no address for it")
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL {
		return fetchErrorf(Refused, "%.200q is not an address", raw)
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	p.request, p.key, p.url = u, "GET "+u.String(), u.String()
	if s.original {
		p.md5, p.size = r.OriginalMD5, r.OriginalSize
	}
	if p.md5 != "" || p.size != 0 {
		p.key += fmt.Sprintf(" md5=%s size=%d", p.md5, p.size)
	}
	if s.template != "" {
		public := *u
		public.RawQuery, public.ForceQuery = "", false
		p.url = public.String()
	}
	return nil
}

// A serverPhoto is where a server may have one photo.
type serverPhoto struct {
	source  string
	request *url.URL // what is requested
	url     string   // the same as people and the record may see it
	key     string   // in the cache
	md5     string   // base64, checked if not empty
	size    int64    // bytes, checked if not 0
}

func (p *serverPhoto) address() string { return p.url }

func (p *serverPhoto) exists(f *Fetcher) error {
	if failed := f.failures.get(p); failed != nil {
		return failed
	}
	return cas.ErrMiss
}

func (p *serverPhoto) lookUp(ctx context.Context, f *Fetcher) (*Picture, error) {
	if failed := f.failures.get(p); failed != nil {
		return nil, failed
	}
	return f.openCached(ctx, p)
}

// fetch asks the server for the photo, unless another goroutine does so
// already, which is waited for, and hands out what is in the cache then.
func (p *serverPhoto) fetch(ctx context.Context, f *Fetcher, earlier []cas.Attempt) (*Picture, error) {
	var own *Picture // if this goroutine has asked
	v, err, _ := f.inFlight.Do(p.key, func() (any, error) {
		// Another goroutine may have asked since the cache was looked
		// at.
		if failed := f.failures.get(p); failed != nil {
			return nil, failed
		}
		got, err := f.transfer(ctx, p, earlier)
		var failed *Attempt
		if errors.As(err, &failed) {
			f.failures.put(p, *failed)
		}
		if err != nil {
			return nil, err
		}
		own = got.picture
		return got.uncached, nil // for all who wait
	})
	var failed *Attempt
	if errors.As(err, &failed) {
		a := *failed // the same address may have been asked for under another source's name
		a.Source, a.URL = p.source, p.url
		return nil, &a
	}
	if err != nil {
		return nil, err
	}
	if uncached := v.(*uncachedPhoto); uncached != nil {
		return uncached.picture(p), nil
	}
	if own != nil {
		return own, nil
	}
	return f.openCached(ctx, p)
}

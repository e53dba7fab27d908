package fetch

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
)

// DefaultSources is the mirror first, then the photo's own page.
const DefaultSources = "s3,flickr"

// A Source is a place that photos come from: a server or a folder.
type Source interface {
	// String is the source in the trail: the same on every machine, and
	// without anything secret.
	String() string

	// name is what records and failures call the source.
	name() string
	// locate says where the source has the photo of a request, if it has it. A
	// request that lacks what the source needs is an *Attempt that failed.
	locate(Request) (place, error)
}

// A place is where a source has one photo, if it has it. An error of its
// methods that is an *Attempt says why the source does not serve; any other but
// cas.ErrMiss ends the run.
type place interface {
	// there says, without a request, whether the photo is there. cas.ErrMiss
	// means that only asking can tell.
	there(f *Fetcher) error
	// held hands out the photo without a request. cas.ErrMiss means that only
	// asking can tell.
	held(ctx context.Context, f *Fetcher, before []candidate) (*Picture, error)
	// fetch hands out the photo, asking for it if need be. before are the
	// sources that have failed.
	fetch(ctx context.Context, f *Fetcher, before []candidate) (*Picture, error)
	// notAsked is the attempt of a source that was not asked, because one
	// after it held the photo already.
	notAsked() Attempt
}

// A candidate is a source applied to a request.
type candidate struct {
	place  place
	failed *Attempt // why the source does not serve, once that is known
}

// fail notes that the candidate failed, if that is what err says.
func (c *candidate) fail(err error) bool {
	return errors.As(err, &c.failed)
}

// plan applies the sources to a request, in order. A source that cannot be
// asked, because the request lacks what it needs, has failed at once.
func plan(sources []Source, r Request) ([]candidate, error) {
	all := make([]candidate, len(sources))
	for i, s := range sources {
		var err error
		if all[i].place, err = s.locate(r); err != nil && !all[i].fail(err) {
			return nil, err
		}
	}
	return all, nil
}

// ParseSources reads a comma-separated list of s3, flickr, thumbnail, addresses
// and folders. In an address {subset}, {id} and {class} are filled in; one
// without {id} is a base to which {subset}/{id}.jpg is appended. In the path of
// a folder they are filled in as well; one without any of them is a folder with
// photos at {subset}/{id} or {id}, under one of the usual endings.
func ParseSources(list string) ([]Source, error) {
	var sources []Source
	for word := range strings.SplitSeq(list, ",") {
		s, err := parseSource(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func parseSource(word string) (Source, error) {
	if word == "" {
		return nil, errors.New("an empty source: expected s3, flickr, thumbnail, a URL or a folder")
	}
	if s, ok := namedServer(word); ok {
		return s, nil
	}
	if scheme, _, ok := strings.Cut(word, "://"); ok {
		return parseServer(strings.ToLower(scheme), word)
	}
	return parseFolder(word)
}

// ParseRates reads words of the form N or HOST=N; flickr and s3 are hosts too.
func ParseRates(words []string) (hostlimit.Rates, error) {
	return hostlimit.ParseRates(words, map[string]string{"s3": s3Host})
}

// Canonical is a list of sources as the trail has it.
func Canonical(sources []Source) string {
	words := make([]string, len(sources))
	for i, s := range sources {
		words[i] = s.String()
	}
	return strings.Join(words, ",")
}

// checkFolder returns an error unless there is a folder at path.
func checkFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return pathCause(err)
	}
	if !info.IsDir() {
		return errors.New("not a directory")
	}
	return nil
}

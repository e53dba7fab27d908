package fetch

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
)

// DefaultSources is the mirror first, then the photo's own page.
const DefaultSources = "s3,flickr"

// A Source is where photos come from: a server or a folder.
type Source interface {
	// String is the source in the header of a stream: the same on every
	// machine, and without anything secret.
	String() string

	// name is what records and failures call the source.
	name() string
	// network reports whether the source is asked over the network, so that
	// its answers are kept in the cache.
	network() bool
	// trusted is an address at the server that the user named, which may be
	// anywhere, nil if there is none.
	trusted() *url.URL
	// unmatched is the folder as it was given, if photos have been looked
	// for in it and none was found, and "" otherwise.
	unmatched() string
	// locate says where the source has the photo of a request, if it has
	// it. A request that lacks what the source needs is an *Attempt that
	// failed.
	locate(Request) (location, error)
}

// A location is where a source has one photo, if it has it. An error of its
// methods that is an *Attempt says why the source does not serve; any other but
// cas.ErrMiss ends the run.
type location interface {
	// address is the location as records and failures have it.
	address() string
	// exists says, without a request, whether the photo is there.
	// cas.ErrMiss means that only a request can tell.
	exists(f *Fetcher) error
	// lookUp hands out the photo without a request. cas.ErrMiss means that
	// only a request can tell.
	lookUp(ctx context.Context, f *Fetcher) (*Picture, error)
	// fetch hands out the photo, with a request if need be. earlier is kept
	// with a photo that is put into the cache.
	fetch(ctx context.Context, f *Fetcher, earlier []cas.Attempt) (*Picture, error)
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

// OpenSharedRates names the folder in which processes keep to Options.Rates
// together; none is nil.
func OpenSharedRates(dir string) (*hostlimit.Shared, error) {
	if dir == "" {
		return nil, nil
	}
	return hostlimit.OpenShared(dir)
}

// Canonical is a list of sources as the header of a stream has it.
func Canonical(sources []Source) string {
	words := make([]string, len(sources))
	for i, s := range sources {
		words[i] = s.String()
	}
	return strings.Join(words, ",")
}

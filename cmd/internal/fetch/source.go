package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// DefaultSources is the mirror first, then the photo's own page.
const DefaultSources = "s3,flickr"

const (
	s3Host       = "open-images-dataset.s3.amazonaws.com"
	s3Base       = "https://" + s3Host + "/"
	sampleScheme = "sample:"
	maxURL       = 2048 // bytes; Flickr's have 60
)

type kind int

const (
	kindS3 kind = iota
	kindFlickr
	kindThumbnail
	kindURL
	kindDir
)

// A Source is a place that photos come from.
type Source struct {
	kind     kind
	template string   // of kindS3 and kindURL, with {subset} and {id}
	root     *os.Root // of kindDir
	path     string   // of kindDir, as given
}

// ParseSources reads a comma-separated list of s3, flickr, thumbnail, addresses
// and folders. In an address {subset} and {id} are filled in; one without {id}
// is a base to which {subset}/{id}.jpg is appended. Folders are opened.
func ParseSources(list string) (sources []Source, err error) {
	defer func() {
		if err != nil {
			for _, s := range sources {
				if s.root != nil {
					err = errors.Join(err, s.root.Close())
				}
			}
			sources = nil
		}
	}()
	for word := range strings.SplitSeq(list, ",") {
		s, err := parseSource(strings.TrimSpace(word))
		if err != nil {
			return sources, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func parseSource(word string) (Source, error) {
	switch word {
	case "":
		return Source{}, errors.New("an empty source: expected s3, flickr, thumbnail, a URL or a folder")
	case "s3":
		return Source{kind: kindS3, template: s3Base + "{subset}/{id}.jpg"}, nil
	case "flickr":
		return Source{kind: kindFlickr}, nil
	case "thumbnail":
		return Source{kind: kindThumbnail}, nil
	}
	if scheme, _, ok := strings.Cut(word, "://"); ok {
		return parseTemplate(strings.ToLower(scheme), word)
	}
	root, err := os.OpenRoot(word)
	if err != nil {
		why := err
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			why = pe.Err
		}
		return Source{}, fmt.Errorf("%q is not s3, flickr, thumbnail or a URL, and not a folder: %w", word, why)
	}
	return Source{kind: kindDir, root: root, path: word}, nil
}

func parseTemplate(scheme, word string) (Source, error) {
	if scheme != "http" && scheme != "https" {
		return Source{}, fmt.Errorf("%q: only http and https addresses, or the path of a folder", word)
	}
	s := Source{kind: kindURL, template: word}
	if !strings.Contains(word, "{id}") {
		if strings.ContainsAny(word, "?#") || strings.Contains(word, "{subset}") {
			return Source{}, fmt.Errorf("%q: an address with ?, # or {subset} needs {id} too", word)
		}
		s.template = strings.TrimSuffix(word, "/") + "/{subset}/{id}.jpg"
	}
	u, err := url.Parse(s.fill("train", "0"))
	if err != nil {
		return Source{}, err
	}
	if u.Host == "" || strings.ContainsAny(word[:strings.Index(word, "://")+3+len(u.Host)], "{}") {
		return Source{}, fmt.Errorf("%q: no host name", word)
	}
	if u.User != nil {
		return Source{}, errors.New("an image address with a user name or password: neither is ever sent")
	}
	return s, nil
}

func (s Source) fill(subset, id string) string {
	return strings.NewReplacer("{subset}", subset, "{id}", id).Replace(s.template)
}

func (s Source) network() bool { return s.kind != kindDir }

// name is what the record says of where a photo came from.
func (s Source) name() string {
	switch s.kind {
	case kindS3:
		return "s3"
	case kindFlickr:
		return "flickr"
	case kindThumbnail:
		return "thumbnail"
	case kindDir:
		return "dir"
	default:
		return "url"
	}
}

// String is the source in the trail: the same on every machine, and without
// anything secret.
func (s Source) String() string {
	if s.kind != kindURL {
		return s.name()
	}
	base, _, _ := strings.Cut(s.template, "?")
	base, _, _ = strings.Cut(base, "#")
	return base
}

// Canonical is a list of sources as the trail has it.
func Canonical(sources []Source) string {
	words := make([]string, len(sources))
	for i, s := range sources {
		words[i] = s.String()
	}
	return strings.Join(words, ",")
}

// A candidate is a source applied to a request.
type candidate struct {
	source Source
	ask    *url.URL // what is requested; nil for a folder
	url    string   // the same as people and the record may see it
	key    string   // in the cache
	subset string
	id     string
	md5    string // base64, checked if not empty
	size   int64  // checked if not 0

	failed *Attempt // once it has
}

// fail notes that c failed, if err is a *fault.
func (c *candidate) fail(err error) bool {
	var flt *fault
	if !errors.As(err, &flt) {
		return false
	}
	c.failed = flt.attempt(*c)
	c.failed.Attempts = 1
	return true
}

func (c candidate) network() bool { return c.source.network() }

// plan applies the sources to a request, in order. A source that cannot be
// asked, because the request lacks what it needs, has failed at once.
func (f *Fetcher) plan(r Request) []candidate {
	plan := make([]candidate, len(f.opts.Sources))
	for i, s := range f.opts.Sources {
		c, flt := f.apply(s, r)
		if flt != nil {
			c.failed = flt.attempt(c)
		}
		plan[i] = c
	}
	return plan
}

func (f *Fetcher) apply(s Source, r Request) (candidate, *fault) {
	c := candidate{source: s, subset: r.Subset, id: r.ID}
	var raw string
	switch s.kind {
	case kindFlickr:
		raw, c.md5, c.size = r.URL, r.OriginalMD5, r.OriginalSize
	case kindThumbnail:
		raw = r.ThumbnailURL
	case kindDir:
		if r.Subset != "" && !validID.MatchString(r.Subset) {
			return c, faultf(NoURL, "%.80q is not the name of a subset", r.Subset)
		}
		c.url = "file:" + strings.TrimPrefix(r.Subset+"/", "/") + r.ID + ".jpg"
		return c, nil
	default:
		if strings.Contains(s.template, "{subset}") && !validID.MatchString(r.Subset) {
			return c, faultf(NoURL, "the item names no subset")
		}
		raw = s.fill(r.Subset, r.ID)
	}
	if raw == "" {
		return c, faultf(NoURL, "the item has no address for it")
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL {
		return c, faultf(Refused, "%.200q is not an address", raw)
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	c.ask, c.key = u, "GET "+u.String()
	if c.md5 != "" || c.size != 0 {
		c.key += fmt.Sprintf(" md5=%s size=%d", c.md5, c.size)
	}
	c.url = u.String()
	if s.kind == kindURL {
		// The query of an address from the command line may hold a token.
		seen := *u
		seen.RawQuery, seen.ForceQuery = "", false
		c.url = seen.String()
	}
	return c, nil
}

package openimages

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/download"
)

// downloads is the folder of the cache that downloads are kept in, each
// server's in a folder of its own.
const downloads = "metadata"

// catalogue says what is known of files that are to be downloaded.
func catalogue(files []File) download.Catalogue {
	c := download.Catalogue{Publisher: OfficialBase, Companions: []string{csvscan.IndexEnding, csvscan.JoinEnding}}
	for _, f := range files {
		c.Files = append(c.Files, download.File{Path: f.Path, Size: f.Size, MD5: f.MD5, Content: f})
	}
	return c
}

// An HTTPSource is a server with the files at their official relative paths.
type HTTPSource struct {
	client *download.Client
	ranks  string // a folder; see RanksDir
}

// NewHTTPSource returns a source that takes files from below base and keeps
// them in the folder cache/metadata. known lists the files of the data set:
// what arrives must be of their kind; their sizes and checksums are used only
// when the base is OfficialBase.
func NewHTTPSource(base, cache string, known []File, o download.Options) (*HTTPSource, error) {
	client, err := download.New(base, filepath.Join(cache, downloads), catalogue(known), o)
	if err != nil {
		return nil, err
	}
	return &HTTPSource{client, filepath.Join(cache, ranks)}, nil
}

func (s *HTTPSource) String() string { return s.client.String() }

// Open returns the file from the cache, after a download if it is not there.
func (s *HTTPSource) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := s.openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := f.Whole(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openFile returns the file from the cache, or while it arrives there.
func (s *HTTPSource) openFile(ctx context.Context, path string) (*csvscan.File, error) {
	file, inFlight, err := s.client.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	f := &csvscan.File{File: file, Indexes: []string{s.client.Name(path) + csvscan.IndexEnding}, Least: csvscan.IndexFrom}
	if inFlight != nil {
		f.Growing = inFlight
	}
	return f, nil
}

// ToBeDownloaded reports whether a file of a source would have to be downloaded
// first.
func ToBeDownloaded(ctx context.Context, src Source, file File) bool {
	server, ok := src.(*HTTPSource)
	return ok && server.client.Check(ctx, file.Path) != nil
}

// CheckCache looks at every file of a data set that has been downloaded into
// the folder cache, as [download.CheckAll] does.
func CheckCache(ctx context.Context, cache string, damaged func(*download.DamagedError) error) (download.Report, error) {
	var known []File
	for _, name := range DatasetNames() {
		d, err := LookupDataset(name)
		if err != nil {
			return download.Report{}, err
		}
		known = append(known, d.Files()...)
	}
	return download.CheckAll(ctx, filepath.Join(cache, downloads), catalogue(known), damaged)
}

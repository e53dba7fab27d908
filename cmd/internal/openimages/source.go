package openimages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/download"
)

// A Source opens the files of a data set.
type Source interface {
	// Open opens a file by its official relative path. The error of a file that
	// is not there is a *download.MissingError.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	// String names the source in messages.
	String() string
}

// A DirSource is a folder with the files at their official relative paths.
type DirSource string

// Open opens a file below the folder.
func (d DirSource) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("%q is no relative path", path)
	}
	f, err := os.Open(filepath.Join(string(d), filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &download.MissingError{Path: path, Source: string(d), Err: fs.ErrNotExist}
	}
	return f, err
}

func (d DirSource) String() string { return string(d) }

func (d DirSource) openFile(ctx context.Context, path string) (*localFile, error) {
	return indexedDir{d, ""}.openFile(ctx, path)
}

// WithCache returns the folder as a source whose indexes are kept in the folder
// cache/indexes where they cannot be kept beside the files.
func (d DirSource) WithCache(cache string) Source {
	return indexedDir{d, filepath.Join(cache, "indexes")}
}

type indexedDir struct {
	DirSource
	indexes string
}

func (d indexedDir) openFile(ctx context.Context, path string) (*localFile, error) {
	r, err := d.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	file := r.(*os.File)
	return &localFile{File: file, indexes: []string{file.Name() + indexEnding}, spare: d.indexes, least: indexFrom}, nil
}

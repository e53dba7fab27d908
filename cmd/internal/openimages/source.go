package openimages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
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

func (d DirSource) openFile(ctx context.Context, path string) (*csvscan.File, error) {
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

func (d indexedDir) openFile(ctx context.Context, path string) (*csvscan.File, error) {
	r, err := d.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	file := r.(*os.File)
	return &csvscan.File{File: file, Indexes: []string{file.Name() + csvscan.IndexEnding}, Spare: d.indexes, Least: csvscan.IndexFrom}, nil
}

// A fileSource is a source whose files can be read anywhere, and indexed.
type fileSource interface {
	openFile(ctx context.Context, path string) (*csvscan.File, error)
}

// openLocal opens a file of a source that has files. ok is false if it has
// none, or if this one is no regular file.
func openLocal(ctx context.Context, src Source, path string) (f *csvscan.File, ok bool, err error) {
	files, ok := src.(fileSource)
	if !ok {
		return nil, false, nil
	}
	f, err = files.openFile(ctx, path)
	if err != nil {
		return nil, true, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, true, nil
}

// read reads rows of a file of a source, which is scanned each time if it can
// only be read from its beginning to its end.
func read[T any](ctx context.Context, src Source, q csvscan.Request[T]) (err error) {
	f, ok, err := openLocal(ctx, src, q.File)
	if err != nil {
		return err
	}
	if ok {
		return errors.Join(csvscan.Read(ctx, f, q), f.Close())
	}
	r, err := src.Open(ctx, q.File)
	if err != nil {
		return err
	}
	return errors.Join(csvscan.ReadFrom(ctx, r, q), r.Close())
}

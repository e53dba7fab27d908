package openimages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/download"
)

// A Source opens the files of a data set.
type Source interface {
	// Open opens a file by its official relative path. The error of a file
	// that is not there is a *download.MissingError.
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
// cache/indexes where they cannot be kept next to the files.
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

// RanksDir returns the folder for what limits have found out about lists of a
// source, "" if there is none.
func RanksDir(src Source) string {
	switch src := src.(type) {
	case indexedDir:
		if src.indexes != "" {
			return filepath.Join(filepath.Dir(src.indexes), ranks)
		}
	case *HTTPSource:
		return src.ranks
	}
	return ""
}

// ranks is a folder of the cache.
const ranks = "ranks"

// A fileSource is a source whose files can be read anywhere, and indexed.
type fileSource interface {
	openFile(ctx context.Context, path string) (*csvscan.File, error)
}

// openFile opens a file of a source. One that can only be read from its
// beginning to its end is copied to a temporary file, which has no index.
func openFile(ctx context.Context, src Source, path string) (*csvscan.File, error) {
	if files, ok := src.(fileSource); ok {
		f, err := files.openFile(ctx, path)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err != nil || info.Mode().IsRegular() {
			return f, err
		}
		return copyFile(path, f.File)
	}
	r, err := src.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return copyFile(path, r)
}

// copyFile copies what r reads, which it closes, to a file that goes when it is
// closed.
func copyFile(path string, r io.ReadCloser) (*csvscan.File, error) {
	file, err := posixfile.CreateUnnamed("", "oi-*")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("temporary file: %w", err), r.Close())
	}
	_, err = io.Copy(file, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("copy %s: %w", path, err), file.Close())
	}
	return &csvscan.File{File: file, Least: math.MaxInt64}, nil
}

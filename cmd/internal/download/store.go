package download

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/leftover"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A Catalogue says what is known of the files that can be downloaded.
type Catalogue struct {
	// Files are those of which something is known. What arrives must have
	// the content that they expect.
	Files []File
	// Publisher is the address whose files have the sizes and checksums of
	// Files. Those of other servers may be different.
	Publisher string
	// Companions are the endings of files that are made of a file, next to
	// it, and are removed with it.
	Companions []string
}

// A File is what is known of one file.
type File struct {
	Path    string  // relative to the base, with slashes
	Size    int64   // bytes, 0 where not known
	MD5     string  // lower-case hex, "" where not known
	Content Content // nil where anything may be in it
}

// verify looks at the content of a file of size bytes.
func (f File) verify(ctx context.Context, r io.ReaderAt, size int64) error {
	if f.Content == nil {
		return nil
	}
	return f.Content.Verify(ctx, r, size)
}

// A Content recognises what a file must have in it.
type Content interface {
	// Verify returns an error if a file of size bytes cannot be what is
	// expected. The error of one that may be whole, or may go on, is an
	// *[UnendedError].
	Verify(ctx context.Context, r io.ReaderAt, size int64) error
}

// An UnendedError is the error of a file of which one cannot see whether it is
// whole.
type UnendedError struct{ Err error }

func (e *UnendedError) Error() string { return e.Err.Error() }

func (e *UnendedError) Unwrap() error { return e.Err }

// storeName is the name of a server's folder, without the colon before a port,
// which Windows takes in no name.
func storeName(base *url.URL) string {
	return strings.ReplaceAll(url.PathEscape(strings.Trim(base.Host+base.Path, "/")), ":", "%3A")
}

// A store is the files that have been downloaded from one server.
type store struct {
	dir       string
	known     map[string]File // by path
	official  bool            // the server is the publisher's
	catalogue Catalogue
}

func newStore(dir string, catalogue Catalogue, official bool) store {
	s := store{dir: dir, catalogue: catalogue, known: map[string]File{}, official: official}
	for _, f := range catalogue.Files {
		s.known[f.Path] = f
	}
	return s
}

func (s *store) name(path string) string { return filepath.Join(s.dir, filepath.FromSlash(path)) }

// expected returns what is known of a file: of one that is not the publisher's,
// only what is in it.
func (s *store) expected(path string) File {
	f := s.known[path]
	if !s.official {
		f.Size, f.MD5 = 0, ""
	}
	return f
}

// A DamagedError is a file in the cache that cannot be what it is kept for.
type DamagedError struct {
	Path string // relative to the base
	Name string // of the file in the cache
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s in the cache is damaged: %v", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// open opens a file. The error of one that is there but damaged is a
// *DamagedError. unended is set where one cannot see whether it is whole.
func (s *store) open(ctx context.Context, path string) (file *os.File, unended *UnendedError, err error) {
	if file, err = posixfile.Open(s.name(path)); err != nil {
		return nil, nil, err
	}
	err = s.check(ctx, path, file)
	if errors.As(err, &unended) || err == nil {
		return file, unended, nil
	}
	return nil, nil, errors.Join(err, file.Close())
}

// checkCached returns the error that open would.
func (s *store) checkCached(ctx context.Context, path string) error {
	file, _, err := s.open(ctx, path)
	if err != nil {
		return err
	}
	return file.Close()
}

// check looks at what costs next to nothing: the size, the beginning and the
// end. A download was compared with more when it arrived, but one of an earlier
// version of this program was not. The error may be an *UnendedError.
func (s *store) check(ctx context.Context, path string, file *os.File) error {
	f := s.expected(path)
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if f.Size > 0 && info.Size() != f.Size && s.replacement(path).Size != info.Size() {
		return &DamagedError{path, file.Name(), fmt.Errorf("it has %d bytes, the official file has %d", info.Size(), f.Size)}
	}
	err = f.verify(ctx, file, info.Size())
	var trouble *fs.PathError
	var unended *UnendedError
	switch {
	case err == nil, errors.As(err, &unended), errors.As(err, &trouble), context.Cause(ctx) != nil:
		return err
	}
	return &DamagedError{path, file.Name(), err}
}

// replacementName is the name of the sidecar of a file that its publisher has
// replaced since the catalogue was made.
func (s *store) replacementName(path string) string {
	name := s.name(path)
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".replaced.json")
}

// replacement returns that sidecar, or one without a size.
func (s *store) replacement(path string) (r sidecar) {
	data, err := os.ReadFile(s.replacementName(path))
	if err != nil || json.Unmarshal(data, &r) != nil {
		return sidecar{}
	}
	return r
}

// writeReplacement writes it.
func (s *store) writeReplacement(path string, r sidecar) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(s.replacementName(path), append(data, '\n'), 0o666)
}

// remove removes a file and what belongs to it.
func (s *store) remove(path string) error {
	name := s.name(path)
	errs := []error{leftover.Remove(name), leftover.Remove(s.replacementName(path))}
	for _, ending := range s.catalogue.Companions {
		errs = append(errs, leftover.Remove(name+ending))
	}
	return errors.Join(errs...)
}

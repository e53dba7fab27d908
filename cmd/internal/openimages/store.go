package openimages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// storeFolder is the folder of the cache that downloads are kept in, each
// server's in a folder of its own.
const storeFolder = "metadata"

// storeName is the name of a server's folder.
func storeName(base *url.URL) string { return url.PathEscape(strings.Trim(base.Host+base.Path, "/")) }

// A store is the files that have been downloaded from one server.
type store struct {
	dir      string
	known    map[string]File // by path
	official bool            // the server is the publisher's
}

func newStore(dir string, known []File, official bool) store {
	s := store{dir: dir, known: map[string]File{}, official: official}
	for _, f := range known {
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
	Path string // official relative path
	Name string // of the file in the cache
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s in the cache is damaged: %v", e.Path, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// open opens a file. The error of one that is there but does not hold is a
// *DamagedError. unended says that its last row has no line end.
func (s *store) open(ctx context.Context, path string) (file *os.File, unended bool, err error) {
	if file, err = os.Open(s.name(path)); err != nil {
		return nil, false, err
	}
	err = s.check(ctx, path, file)
	if unended = errors.Is(err, errNoLineEnd); err == nil || unended {
		return file, unended, nil
	}
	return nil, false, errors.Join(err, file.Close())
}

// holds is open for who needs to know the error only.
func (s *store) holds(ctx context.Context, path string) error {
	file, _, err := s.open(ctx, path)
	if err != nil {
		return err
	}
	return file.Close()
}

// check looks at what costs next to nothing: the size, the beginning and the
// end. A download was held against more when it arrived, but one of an earlier
// version of this program was not. The error may be errNoLineEnd.
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
	switch {
	case err == nil, errors.Is(err, errNoLineEnd), errors.As(err, &trouble), context.Cause(ctx) != nil:
		return err
	}
	return &DamagedError{path, file.Name(), err}
}

// replacementName is the name of a note beside a file that its publisher has
// replaced since the catalogue was made: of the file that is there.
func (s *store) replacementName(path string) string {
	name := s.name(path)
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".replaced.json")
}

// replacement returns that note, or one without a size.
func (s *store) replacement(path string) (n note) {
	data, err := os.ReadFile(s.replacementName(path))
	if err != nil || json.Unmarshal(data, &n) != nil {
		return note{}
	}
	return n
}

// noteReplacement writes the note.
func (s *store) noteReplacement(path string, n note) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return os.WriteFile(s.replacementName(path), append(data, '\n'), 0o666)
}

// remove removes a file and what belongs to it.
func (s *store) remove(path string) error {
	name := s.name(path)
	return errors.Join(removeIfThere(name), removeIfThere(name+indexEnding), removeIfThere(s.replacementName(path)))
}

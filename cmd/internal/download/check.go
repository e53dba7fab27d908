package download

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// A Report is what CheckAll has found.
type Report struct {
	Files   int   // of those that it knows, the whole ones
	Bytes   int64 // in them
	Damaged int   // files that it has removed
}

// CheckAll looks at every file of a catalogue that has been downloaded into the
// folder root, from whatever server. Those of the publisher are compared with
// their sizes and checksums, others with what such a file must look like. It
// calls damaged with one that is damaged and then removes it; the next client
// that needs it downloads it again. An error of damaged ends the check.
func CheckAll(ctx context.Context, root string, catalogue Catalogue, damaged func(*DamagedError) error) (report Report, err error) {
	publisher, err := url.Parse(catalogue.Publisher)
	if err != nil {
		return report, err
	}
	servers, err := os.ReadDir(root)
	if err != nil {
		return report, err
	}
	for _, server := range servers {
		if !server.IsDir() {
			continue
		}
		s := newStore(filepath.Join(root, server.Name()), catalogue, server.Name() == storeName(publisher))
		if err := s.checkAll(ctx, &report, damaged); err != nil {
			return report, err
		}
	}
	return report, nil
}

// checkAll checks every file that is known.
func (s *store) checkAll(ctx context.Context, report *Report, damaged func(*DamagedError) error) error {
	return filepath.WalkDir(s.dir, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		path := filepath.ToSlash(strings.TrimPrefix(name, s.dir+string(filepath.Separator)))
		if _, ok := s.known[path]; !ok {
			return nil
		}
		size, err := s.checkFile(ctx, path)
		var damage *DamagedError
		switch {
		case err == nil:
			report.Files++
			report.Bytes += size
			return nil
		case errors.As(err, &damage):
			report.Damaged++
			return errors.Join(damaged(damage), s.remove(path))
		case errors.Is(err, fs.ErrNotExist):
			return nil
		}
		return err
	})
}

// checkFile checks a file and, where it is known, the checksum of all of it.
func (s *store) checkFile(ctx context.Context, path string) (size int64, err error) {
	file, _, err := s.open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer file.Close() // read only
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	official, hasher := s.expected(path).MD5, newHasher(true)
	replaced := s.replacement(path).CRC32C
	if official == "" && replaced == "" {
		return info.Size(), nil
	}
	if _, err := io.Copy(hasher, contextReader{ctx, file}); err != nil {
		return 0, err
	}
	// A sum that is not known is none of these.
	if got := hasher.checksums(); got.MD5 != official && got.CRC32C != replaced {
		return 0, &DamagedError{path, file.Name(), fmt.Errorf("its MD5 is %s, and its CRC-32C %s; expected %s", got.MD5, got.CRC32C, cmp.Or(replaced, official))}
	}
	return info.Size(), nil
}

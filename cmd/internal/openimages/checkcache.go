package openimages

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

// A CacheReport is what CheckCache has found.
type CacheReport struct {
	Files   int   // of those that it knows, the whole ones
	Bytes   int64 // in them
	Damaged int   // files that it has removed
}

// CheckCache looks at every file of a data set that has been downloaded into
// the folder cache, from whatever server. Those of the publisher are held
// against their sizes and checksums, others against what such a file must look
// like. One that is damaged is told to damaged and then removed; the next
// query that needs it downloads it again. An error of damaged ends the check.
func CheckCache(ctx context.Context, cache string, damaged func(*DamagedError) error) (report CacheReport, err error) {
	var known []File
	for _, name := range DatasetNames() {
		d, err := LookupDataset(name)
		if err != nil {
			return report, err
		}
		known = append(known, d.Files()...)
	}
	base, err := url.Parse(OfficialBase)
	if err != nil {
		return report, err
	}
	root := filepath.Join(cache, storeFolder)
	servers, err := os.ReadDir(root)
	if err != nil {
		return report, err
	}
	for _, server := range servers {
		if !server.IsDir() {
			continue
		}
		s := newStore(filepath.Join(root, server.Name()), known, server.Name() == storeName(base))
		if err := s.checkAll(ctx, &report, damaged); err != nil {
			return report, err
		}
	}
	return report, nil
}

// checkAll checks every file that is known.
func (s *store) checkAll(ctx context.Context, report *CacheReport, damaged func(*DamagedError) error) error {
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
		size, err := s.checkSum(ctx, path)
		var fault *DamagedError
		switch {
		case err == nil:
			report.Files++
			report.Bytes += size
			return nil
		case errors.As(err, &fault):
			report.Damaged++
			return errors.Join(damaged(fault), s.remove(path))
		case errors.Is(err, fs.ErrNotExist):
			return nil
		}
		return err
	})
}

// checkSum checks a file and, where it is known, the checksum of all of it.
func (s *store) checkSum(ctx context.Context, path string) (size int64, err error) {
	file, _, err := s.open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // read only
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	official, sum := s.expected(path).MD5, newSummer(true)
	replaced := s.replacement(path).CRC32C
	if official == "" && replaced == "" {
		return info.Size(), nil
	}
	if _, err := io.Copy(sum, contextReader{ctx, file}); err != nil {
		return 0, err
	}
	// A sum that is not known is none of these.
	if got := sum.sums(); got.MD5 != official && got.CRC32C != replaced {
		return 0, &DamagedError{path, file.Name(), fmt.Errorf("its MD5 is %s, and its CRC-32C %s; expected %s", got.MD5, got.CRC32C, cmp.Or(replaced, official))}
	}
	return info.Size(), nil
}

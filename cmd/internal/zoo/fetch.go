package zoo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// folder is the folder of the cache that the files are kept in.
const folder = "backbones"

// Options say how a file is downloaded.
type Options struct {
	Cache string // the folder of the cache
	// Say, if set, is called before a download with a line about it: size,
	// place and licence.
	Say func(line string)
	// Download are the options of the download. The bounds of the file and
	// that it comes over HTTPS are added to them.
	Download download.Options
}

// Fetch returns the path of the network's file, after a download if it is not in
// the cache. The file was verified by its SHA-256; one with another is removed.
// Errors are those of package download.
func (e Entry) Fetch(ctx context.Context, o Options) (path string, err error) {
	do := o.Download
	do.MaxBytes, do.HTTPSOnly = e.Size, true
	client, err := download.New(e.Base, filepath.Join(o.Cache, folder), download.Catalogue{
		Files: []download.File{{Path: e.Path, Content: content{e.Size, e.SHA256}}},
	}, do)
	if err != nil {
		return "", err
	}
	err = client.Check(ctx, e.Path)
	var damaged *download.DamagedError
	switch {
	case err == nil:
		return client.Name(e.Path), nil
	case errors.As(err, &damaged):
		if removed := posixfile.Remove(damaged.Name); removed != nil || do.Offline {
			return "", errors.Join(err, removed)
		}
		if do.Warn != nil {
			do.Warn(err.Error() + "; it has been removed")
		}
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if !do.Offline && o.Say != nil {
		o.Say(e.announcement())
	}
	file, inFlight, err := client.Open(ctx, e.Path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if inFlight != nil {
		if err := inFlight.Whole(); err != nil {
			return "", err
		}
	}
	return client.Name(e.Path), nil
}

// announcement is what is said before a download.
func (e Entry) announcement() string {
	return fmt.Sprintf("downloading backbone %s, once: %s, %.1f MB, from %s (%s); licence %s", e.Name, e.File(), float64(e.Size)/1e6, e.Base, e.Source, e.Licence)
}

// content is what a file must be.
type content struct {
	size   int64
	sha256 string
}

// Verify returns an error unless a file of size bytes is the one that is known.
func (c content) Verify(ctx context.Context, r io.ReaderAt, size int64) error {
	if size != c.size {
		return fmt.Errorf("it has %d bytes, expected %d", size, c.size)
	}
	const block = 1 << 20
	sum := sha256.New()
	for offset := int64(0); offset < size; offset += block {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if _, err := io.Copy(sum, io.NewSectionReader(r, offset, min(block, size-offset))); err != nil {
			return err
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != c.sha256 {
		return fmt.Errorf("its SHA-256 is %s, expected %s: it is not the file that is known", got, c.sha256)
	}
	return nil
}

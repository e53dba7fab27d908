package download

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/leftover"
)

// A partialFile is what has arrived of a file, under another name in its
// folder. The process that has it open has locked it. Next to it is a sidecar,
// written before its first byte, that says which file it is a part of.
type partialFile struct {
	file    *os.File // closing it gives the lock up
	name    string   // of the whole file
	sidecar sidecar
}

// A sidecar is what the server has said of a file.
type sidecar struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"`
	Size     int64  `json:"size"` // bytes, -1 if it does not say
	checksums
}

func partialName(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".part")
}

func sidecarName(name string) string { return partialName(name) + ".json" }

// lockPollInterval is how often the lock of a partial file is tried.
const lockPollInterval = 200 * time.Millisecond

// errWhole says that another process has finished the file.
var errWhole = errors.New("the file is whole")

// openPartial opens and locks the partial file. It returns nil if the whole one
// is there by then; one that is damaged is removed.
func (c *Client) openPartial(ctx context.Context, path string) (*partialFile, error) {
	name := c.name(path)
	lock, err := filelock.AcquireFunc(partialName(name), c.waitFor(ctx, path))
	if errors.Is(err, errWhole) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &partialFile{file: lock.File(), name: name}
	err = c.checkCached(ctx, path)
	if err == nil {
		return nil, errors.Join(leftover.Remove(sidecarName(name)), lock.Release())
	}
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		err = c.remove(path)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = p.readSidecar()
	}
	if err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	return p, nil
}

// waitFor returns what to do each time that another process is downloading the
// file: say so once, and wait, unless the file is whole.
func (c *Client) waitFor(ctx context.Context, path string) func() error {
	said := false
	return func() error {
		if c.checkCached(ctx, path) == nil {
			return errWhole
		}
		if !said && c.o.Waiting != nil {
			c.o.Waiting(path)
		}
		said = true
		return c.o.Sleep(ctx, lockPollInterval)
	}
}

// readSidecar reads the sidecar. Without one, the partial file is worth
// nothing.
func (p *partialFile) readSidecar() error {
	data, err := os.ReadFile(sidecarName(p.name))
	if err == nil && json.Unmarshal(data, &p.sidecar) == nil {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.restart(sidecar{Size: -1})
}

// restart empties the partial file and notes which file will be in it.
func (p *partialFile) restart(s sidecar) error {
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	p.sidecar = s
	return os.WriteFile(sidecarName(p.name), append(data, '\n'), 0o666)
}

// size is how many bytes have arrived.
func (p *partialFile) size() (int64, error) {
	info, err := p.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// finish makes the partial file the whole one.
func (p *partialFile) finish() error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := posixfile.Rename(partialName(p.name), p.name); err != nil {
		return err
	}
	return leftover.Remove(sidecarName(p.name))
}

// remove removes the partial file.
func (p *partialFile) remove() error {
	return errors.Join(leftover.Remove(sidecarName(p.name)), leftover.Remove(partialName(p.name)))
}

package download

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandwich/oi/cmd/internal/leftover"
)

// A partialFile is what has arrived of a file, under another name in its folder.
// The process that holds it has locked it. Next to it is a sidecar, written
// before its first byte, that says which file it is a part of.
type partialFile struct {
	file    *os.File
	name    string // of the whole file
	sidecar sidecar
}

// A sidecar is what the server has said of a file.
type sidecar struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"`
	Size     int64  `json:"size"` // -1 if it does not say
	checksums
}

func partialName(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".part")
}
func sidecarName(name string) string { return partialName(name) + ".json" }

// lockEvery is how often a lock is tried.
const lockEvery = 200 * time.Millisecond

// openPartial opens and locks the part of a file. It returns nil if the file is
// whole by then; one that is damaged makes room. waiting is called if another
// process has the lock.
func (s *Client) openPartial(ctx context.Context, path string, waiting func()) (*partialFile, error) {
	name := s.name(path)
	for first := true; ; first = false {
		file, err := os.OpenFile(partialName(name), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			// The process that had the lock may have renamed or removed what it was on.
			if same(file, partialName(name)) {
				p := &partialFile{file: file, name: name}
				err := s.holds(ctx, path)
				if err == nil {
					return nil, errors.Join(p.remove(), file.Close())
				}
				var damaged *DamagedError
				if errors.As(err, &damaged) {
					err = s.remove(path)
				}
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, errors.Join(err, file.Close())
				}
				return p, p.readSidecar()
			}
		} else if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(&os.PathError{Op: "lock", Path: partialName(name), Err: err}, file.Close())
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
		if s.holds(ctx, path) == nil {
			return nil, nil
		}
		if first {
			waiting()
		}
		if err := s.o.Sleep(ctx, lockEvery); err != nil {
			return nil, err
		}
	}
}

func same(file *os.File, name string) bool {
	a, err := file.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}

// readSidecar reads the note. Without one, the part is worth nothing.
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

// restart empties the part and notes which file will be in it.
func (p *partialFile) restart(n sidecar) error {
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	p.sidecar = n
	return os.WriteFile(sidecarName(p.name), append(data, '\n'), 0o666)
}

// size is how much has arrived.
func (p *partialFile) size() (int64, error) {
	info, err := p.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// finish makes the part the whole file.
func (p *partialFile) finish() error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(partialName(p.name), p.name); err != nil {
		return err
	}
	return leftover.Remove(sidecarName(p.name))
}

// remove throws the part away.
func (p *partialFile) remove() error {
	return errors.Join(leftover.Remove(sidecarName(p.name)), leftover.Remove(partialName(p.name)))
}

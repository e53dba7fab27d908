package cas

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A VerifyResult is what Verify found.
type VerifyResult struct {
	Answers int   // that lead to their bytes
	Files   int   // whose bytes are whole
	Bytes   int64 // in them
	Damaged int   // files and answers that were not what they should be
	Lost    int   // answers without bytes and bytes without an answer, as a killed process leaves them
}

// Verify reads everything in the cache and removes what is not whole, so that
// it is fetched anew. Other processes may go on meanwhile.
func (c *Cache) Verify(ctx context.Context) (VerifyResult, error) {
	v := &verification{cache: c, wanted: map[string]struct{}{}}
	err := v.run(ctx)
	return v.result, err
}

type verification struct {
	cache  *Cache
	mu     sync.Mutex
	result VerifyResult
	wanted map[string]struct{} // the files that an answer leads to, see short
}

func (v *verification) run(ctx context.Context) error {
	var readers errgroup.Group
	readers.SetLimit(runtime.GOMAXPROCS(0))
	check := func(kind string, open func(path string, size int64) (*File, error)) error {
		return v.cache.walk(kind, func(path string, info fs.FileInfo) error {
			if ctx.Err() == nil {
				readers.Go(func() error { return v.file(path, info.Size(), open) })
			}
			return context.Cause(ctx)
		})
	}
	err := errors.Join(check("p", v.openFile), check("d", v.openBytes))
	if err := errors.Join(err, readers.Wait()); err != nil {
		return err
	}
	// The rest is about the earlier layout. Now that damaged files are gone, answers without one show.
	err = v.cache.walk("a", func(path string, _ fs.FileInfo) error {
		return errors.Join(context.Cause(ctx), v.answer(path))
	})
	if err != nil {
		return err
	}
	return v.cache.walk("d", func(path string, info fs.FileInfo) error {
		return errors.Join(context.Cause(ctx), v.orphan(path, info))
	})
}

// file checks the hash of a file.
func (v *verification) file(path string, size int64, open func(path string, size int64) (*File, error)) error {
	f, err := open(path, size)
	if err == nil {
		err = errors.Join(f.Check(), f.Close())
	}
	if errors.Is(err, ErrMiss) {
		v.count(func(d *VerifyResult) { d.Damaged++ })
		return remove(path)
	}
	if err == nil {
		v.count(func(d *VerifyResult) {
			d.Files++
			d.Bytes += f.entry.Size
			if f.entry.Key != "" { // it answers a request itself
				d.Answers++
			}
		})
	}
	return err
}

// openFile opens a file, if it is where it should be.
func (v *verification) openFile(path string, _ int64) (*File, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	if hashOf(f.entry.Key) != filepath.Base(path) {
		return nil, errors.Join(ErrMiss, f.Close())
	}
	return f, nil
}

// openBytes opens bytes of the earlier layout.
func (v *verification) openBytes(path string, size int64) (*File, error) {
	e := Entry{SHA256: filepath.Base(path), Size: size}
	if !validDigest(e.SHA256) {
		return nil, ErrMiss
	}
	return v.cache.openBytes(e)
}

// answer checks that an answer of the earlier layout reads, is where it should
// be and leads to its bytes.
func (v *verification) answer(path string) error {
	e, err := readAnswer(path)
	if err == nil && hashOf(e.Key) != filepath.Base(path) {
		err = ErrMiss
	}
	if errors.Is(err, ErrMiss) {
		v.count(func(d *VerifyResult) { d.Damaged++ })
		return remove(path)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(v.cache.bytesPath(e.SHA256))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read cache: %w", err)
	}
	if err != nil || info.Size() != e.Size {
		v.count(func(d *VerifyResult) { d.Lost++ })
		return remove(path)
	}
	v.count(func(d *VerifyResult) { d.Answers++ })
	v.wanted[short(e.SHA256)] = struct{}{}
	return nil
}

// orphan removes bytes of the earlier layout that no answer leads to, unless its answer may be on
// the way.
func (v *verification) orphan(path string, info fs.FileInfo) error {
	if _, ok := v.wanted[short(filepath.Base(path))]; ok || v.cache.opts.Now().Sub(info.ModTime()) < staleAge {
		return nil
	}
	v.count(func(d *VerifyResult) { d.Lost++; d.Files--; d.Bytes -= info.Size() })
	return remove(path)
}

func (v *verification) count(f func(*VerifyResult)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f(&v.result)
}

// short is enough of a hash to tell files apart.
func short(digest string) string { return digest[:24] }

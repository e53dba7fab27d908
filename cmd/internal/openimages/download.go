package openimages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	announceFrom = 100 << 20      // bytes from which a download is announced
	staleAge     = 24 * time.Hour // a temporary file this old has lost its process
)

// HTTPOptions are what an HTTPSource can be told.
type HTTPOptions struct {
	// Known lists the files of the data set. What arrives must be of their kind;
	// their sizes and checksums are used only when the base is OfficialBase.
	Known []File
	// Offline makes a file that is not in the cache an *OfflineError.
	Offline bool
	// UserAgent is sent to the server.
	UserAgent string
	// Idle is how long a server may send nothing, 0 for a minute.
	Idle time.Duration
	// Retries is how often a download is taken up again that has come to nothing
	// since the last time, 0 for 5.
	Retries int
	// Announce, if set, is called before a download of more than 100 MB.
	Announce func(path string, size int64)
	// Progress, if set, is called now and then while a file is on its way.
	// total is -1 where the server does not say.
	Progress func(path string, done, total int64)
	// Waiting, if set, is called when another process is downloading the file.
	Waiting func(path string)
	// Warn, if set, is told what is odd but no failure.
	Warn func(message string)
}

// An HTTPSource downloads files once, each into a folder of the cache named
// after the server. A file is there whole or not at all; what has arrived of one
// waits under another name, and the next download goes on behind it. What cannot
// be the file that was asked for is not kept.
type HTTPSource struct {
	store
	base   *url.URL
	client *http.Client
	sleep  func(context.Context, time.Duration) error
	o      HTTPOptions
	// unended are the files that the server has been asked about again, by path.
	unended sync.Map
}

// NewHTTPSource returns a source that takes files from below base and keeps
// them in the folder cache/metadata.
func NewHTTPSource(base, cache string, o HTTPOptions) (*HTTPSource, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no http address", redact(base))
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Retries <= 0 {
		o.Retries = 5
	}
	s := &HTTPSource{
		base: u, o: o, sleep: sleep,
		store: newStore(filepath.Join(cache, storeFolder, storeName(u)), o.Known, PublicURL(u.String()) == OfficialBase),
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// The checksum is that of the bytes as they are stored.
	transport.DisableCompression = true
	transport.ResponseHeaderTimeout = o.Idle
	s.client = &http.Client{Transport: transport}
	return s, nil
}

// PublicURL returns the address without what may be secret in it.
func PublicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment, u.ForceQuery = nil, "", "", false
	return u.String()
}

// redact is PublicURL for a message about an address that cannot be parsed.
func redact(address string) string {
	if public := PublicURL(address); public != "" {
		return public
	}
	return "…"
}

func (s *HTTPSource) String() string { return PublicURL(s.base.String()) }

// A CacheError is trouble with the folder that downloads are kept in.
type CacheError struct{ Err error }

func (e *CacheError) Error() string { return e.Err.Error() }
func (e *CacheError) Unwrap() error { return e.Err }

// An OfflineError is a file that is not in the cache and may not be downloaded.
type OfflineError struct {
	Path  string // official relative path
	Cache string // the folder it would be in
}

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s is not in the cache %s, and the network may not be asked for it", e.Path, e.Cache)
}

// Open returns the file from the cache, after a download if it is not there.
func (s *HTTPSource) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := s.openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := f.whole(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openFile returns the file from the cache, or while it arrives there. One that
// is damaged is downloaded again.
func (s *HTTPSource) openFile(ctx context.Context, path string) (*localFile, error) {
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("%q is no relative path", path)
	}
	name := s.name(path)
	f := &localFile{indexes: []string{name + indexEnding}, least: indexFrom}
	var err error
	var unended bool
	if f.File, unended, err = s.open(ctx, path); err == nil && unended && !s.o.Offline {
		err = s.askAgain(ctx, path, f.File)
	}
	if err == nil {
		return f, nil
	}
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		if s.o.Offline {
			return nil, err
		}
		if s.o.Warn != nil {
			s.o.Warn(fmt.Sprintf("%v; downloading it again", err))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, cacheError(err)
	case s.o.Offline:
		return nil, &OfflineError{path, s.dir}
	}
	if f.arrival, err = s.arrive(ctx, path, name); err != nil {
		return nil, err
	}
	f.File = f.arrival.file
	return f, nil
}

// has reports whether the file is in the cache.
func (s *HTTPSource) has(ctx context.Context, path string) bool {
	return s.holds(ctx, path) == nil
}

// cacheError marks trouble with the cache's folder.
func cacheError(err error) error {
	var pathError *os.PathError
	var linkError *os.LinkError
	if errors.As(err, &pathError) || errors.As(err, &linkError) {
		return &CacheError{err}
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// sweep removes what was to become the file name and has lost its process, but
// for what has arrived of a download.
func sweep(name string) error {
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "."+filepath.Base(name)) || strings.HasPrefix(e.Name(), filepath.Base(partName(name))) {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < staleAge {
			continue // gone meanwhile, or perhaps another process's
		}
		if err := os.Remove(filepath.Join(filepath.Dir(name), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// watched is a body whose server may not fall silent.
type watched struct {
	r      io.Reader
	idle   time.Duration
	cancel context.CancelCauseFunc
}

func (w *watched) Read(p []byte) (int, error) {
	timer := time.AfterFunc(w.idle, func() {
		w.cancel(fmt.Errorf("the server has sent nothing for %s", w.idle))
	})
	defer timer.Stop()
	return w.r.Read(p)
}

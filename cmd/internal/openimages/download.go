package openimages

import (
	"context"
	"crypto/md5" //nolint:gosec // the publisher's checksum, against damage only
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

const (
	announceFrom = 100 << 20      // bytes from which a download is announced
	staleAge     = 24 * time.Hour // a temporary file this old has lost its process
)

// HTTPOptions are what an HTTPSource can be told.
type HTTPOptions struct {
	// Known lists files whose size and checksum are known. They are used only
	// when the base is OfficialBase.
	Known []File
	// Offline makes a file that is not in the cache an *OfflineError.
	Offline bool
	// UserAgent is sent to the server.
	UserAgent string
	// Idle is how long a server may send nothing, 0 for a minute.
	Idle time.Duration
	// Announce, if set, is called before a download of more than 100 MB.
	Announce func(path string, size int64)
	// Progress, if set, is called now and then while a file is on its way.
	// total is -1 where the server does not say.
	Progress func(path string, done, total int64)
	// Warn, if set, is told what is odd but no failure.
	Warn func(message string)
}

// An HTTPSource downloads files once, each into a folder of the cache named
// after the server. A file is there whole or not at all.
type HTTPSource struct {
	base   *url.URL
	dir    string
	known  map[string]File
	client *http.Client
	o      HTTPOptions
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
	s := &HTTPSource{
		base: u, o: o, known: map[string]File{},
		dir: filepath.Join(cache, "metadata", url.PathEscape(strings.Trim(u.Host+u.Path, "/"))),
	}
	if PublicURL(u.String()) == OfficialBase {
		for _, f := range o.Known {
			s.known[f.Path] = f
		}
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
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("%q is no relative path", path)
	}
	file, err := s.open(ctx, path)
	if err == nil {
		return file, nil
	}
	// No other files are touched.
	var pathError *fs.PathError
	var linkError *os.LinkError
	if errors.As(err, &pathError) || errors.As(err, &linkError) {
		err = &CacheError{err}
	}
	return nil, err
}

func (s *HTTPSource) open(ctx context.Context, path string) (*os.File, error) {
	name := filepath.Join(s.dir, filepath.FromSlash(path))
	f, err := os.Open(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if s.o.Offline {
		return nil, &OfflineError{path, s.dir}
	}
	if err := s.download(ctx, path, name); err != nil {
		return nil, err
	}
	return os.Open(name)
}

// download fetches one file into the cache.
func (s *HTTPSource) download(parent context.Context, path, name string) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	address := *s.base
	address.Path += path
	public := PublicURL(address.String())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return fmt.Errorf("download %s: bad address", public)
	}
	if s.o.UserAgent != "" {
		request.Header.Set("User-Agent", s.o.UserAgent)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("download %s: %w", public, cause(parent, err))
	}
	body := &watched{r: response.Body, idle: s.o.Idle, cancel: cancel}
	err = s.keep(body, response, path, name)
	// Nothing depends on how the connection is given up.
	_ = response.Body.Close()
	if err != nil {
		if stalled := context.Cause(ctx); stalled != nil && parent.Err() == nil {
			err = stalled
		}
		var missing *MissingError
		if errors.As(err, &missing) {
			return err
		}
		return fmt.Errorf("download %s: %w", public, cause(parent, err))
	}
	return nil
}

// cause keeps an interruption recognisable and drops the address, which may
// hold a secret, from an error of net/http.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// keep writes the response's body to the file name.
func (s *HTTPSource) keep(body *watched, response *http.Response, path, name string) (err error) {
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusForbidden, http.StatusNotFound:
		// The official server answers 403 for what does not exist.
		return &MissingError{path, s.String(), fmt.Errorf("the server answers %s", response.Status)}
	default:
		return fmt.Errorf("the server answers %s", response.Status)
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "text/html" {
		// A log-in page, say, must not stay in the cache as if it were the file.
		return errors.New("the server answers with a web page")
	}
	size := response.ContentLength
	if size > announceFrom && s.o.Announce != nil {
		s.o.Announce(path, size)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if err := sweep(name); err != nil {
		return err
	}
	file, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithPermissions(0o666))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Cleanup()) }() // does nothing once the file is in place
	hash := md5.New()                                         //nolint:gosec // as above
	body.progress = func(done int64) {
		if s.o.Progress != nil {
			s.o.Progress(path, done, size)
		}
	}
	if _, err := io.Copy(io.MultiWriter(file, hash), body); err != nil {
		return err
	}
	if err := s.verify(path, hex.EncodeToString(hash.Sum(nil)), response.Header); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// sweep removes what downloads of the file name left behind that were killed.
func sweep(name string) error {
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "."+filepath.Base(name)) {
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

// verify compares the checksum with the server's, if it sends one, and else
// with the catalogue's. A file that arrived as the server has it, yet is not
// the one in the catalogue, has been replaced by its publisher: that is said
// aloud, but is no damage.
func (s *HTTPSource) verify(path, got string, header http.Header) error {
	sent := serverMD5(header)
	if sent != "" && sent != got {
		return fmt.Errorf("%s arrived damaged: its MD5 is %s, the server says %s", path, got, sent)
	}
	known := s.known[path].MD5
	switch {
	case known == "" || known == got:
		return nil
	case sent == "":
		return fmt.Errorf("%s is not the official file: its MD5 is %s, expected %s", path, got, known)
	case s.o.Warn != nil:
		s.o.Warn(fmt.Sprintf("%s has been replaced by its publisher since this program was made: its MD5 is %s, it was %s", path, got, known))
	}
	return nil
}

// serverMD5 returns the MD5 in the headers as hex, or "". It comes as
// x-goog-hash: crc32c=…,md5=base64, in one header or several.
func serverMD5(header http.Header) string {
	for _, line := range header.Values("X-Goog-Hash") {
		for part := range strings.SplitSeq(line, ",") {
			if text, ok := strings.CutPrefix(strings.TrimSpace(part), "md5="); ok {
				if sum, err := base64.StdEncoding.DecodeString(text); err == nil && len(sum) == md5.Size {
					return hex.EncodeToString(sum)
				}
			}
		}
	}
	return ""
}

// progressEvery is the number of bytes between two calls of Progress.
const progressEvery = 1 << 20

// watched is a body whose server may not fall silent.
type watched struct {
	r        io.Reader
	idle     time.Duration
	cancel   context.CancelCauseFunc
	progress func(done int64)
	done     int64
	next     int64
}

func (w *watched) Read(p []byte) (int, error) {
	timer := time.AfterFunc(w.idle, func() {
		w.cancel(fmt.Errorf("the server has sent nothing for %s", w.idle))
	})
	n, err := w.r.Read(p)
	timer.Stop()
	w.done += int64(n)
	if w.done >= w.next || err == io.EOF {
		w.progress(w.done)
		w.next = w.done + progressEvery
	}
	return n, err
}

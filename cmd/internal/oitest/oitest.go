// Package oitest is a small fake of the servers of Open Images, for tests: it
// serves folder trees at the official relative paths, counts requests, and
// misbehaves on request. It also finds the real data that some tests use.
package oitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// A Server serves files on loopback.
type Server struct {
	*httptest.Server
	trees []fs.FS

	mu     sync.Mutex
	counts map[string]int
	faults map[string][]Fault
}

// A Fault answers one request instead of the server. Calling serve answers as
// the server would have.
type Fault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// ReadTree returns a tree of what open has at some paths.
func ReadTree(t testing.TB, open func(ctx context.Context, path string) (io.ReadCloser, error), paths []string) fstest.MapFS {
	t.Helper()
	tree := fstest.MapFS{}
	for _, path := range paths {
		r, err := open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		tree[path] = &fstest.MapFile{Data: data}
	}
	return tree
}

// New starts a server of trees, the first that has a path answering for it. It
// is closed when the test ends.
func New(t testing.TB, trees ...fs.FS) *Server {
	t.Helper()
	s := unstarted(trees)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// NewTLS is New with HTTPS, under a certificate that no client trusts.
func NewTLS(t testing.TB, trees ...fs.FS) *Server {
	t.Helper()
	s := unstarted(trees)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshake errors are provoked
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func unstarted(trees []fs.FS) *Server {
	s := &Server{trees: trees, counts: map[string]int{}, faults: map[string][]Fault{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.handle))
	return s
}

// Fault makes the next requests for path (without the first slash) fail, one
// fault a request; nil answers properly.
func (s *Server) Fault(path string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[path] = append(s.faults[path], faults...)
}

// Requests is how often path was asked for.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[path]
}

// Total is the number of requests for anything.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.counts {
		n += c
	}
	return n
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	s.counts[path]++
	var fault Fault
	if q := s.faults[path]; len(q) > 0 {
		fault, s.faults[path] = q[0], q[1:]
	}
	s.mu.Unlock()
	if fault != nil {
		fault(w, r, s.serve)
		return
	}
	s.serve(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	for _, tree := range s.trees {
		if info, err := fs.Stat(tree, path); err == nil && !info.IsDir() {
			http.ServeFileFS(w, r, tree, path)
			return
		}
	}
	http.NotFound(w, r)
}

// bytesOf is what the server would send for r.
func bytesOf(r *http.Request, serve http.HandlerFunc) []byte {
	rec := httptest.NewRecorder()
	serve(rec, r)
	return rec.Body.Bytes()
}

// Status answers with code and header lines given as name, value, name, value.
func Status(code int, header ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		http.Error(w, http.StatusText(code), code)
	}
}

// Redirect sends the client elsewhere.
func Redirect(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		http.Redirect(w, r, to, http.StatusFound)
	}
}

// Body answers 200 with data.
func Body(mediaType string, data []byte) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		write(w, data)
	}
}

// Header answers properly, with header lines added.
func Header(header ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		serve(w, r)
	}
}

// Reset breaks the connection before anything is sent.
func Reset(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
	panic(http.ErrAbortHandler)
}

// ResetAfter breaks the connection after n bytes of the body.
func ResetAfter(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		data := bytesOf(r, serve)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		write(w, data[:min(n, len(data))])
		flush(w)
		panic(http.ErrAbortHandler)
	}
}

// Cut answers properly, a request for a part too, but breaks the connection
// after n bytes of the body.
func Cut(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&cutter{w, n, func() {}}, r)
	}
}

// Hang is Cut, but the connection stays, and nothing more comes.
func Hang(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&cutter{w, n, func() { <-r.Context().Done() }}, r)
	}
}

type cutter struct {
	http.ResponseWriter
	left int
	then func()
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	write(c.ResponseWriter, p[:c.left])
	flush(c.ResponseWriter)
	c.then()
	panic(http.ErrAbortHandler)
}

// NoRange answers a request for a part with the whole.
func NoRange(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	serve(w, r)
}

// Both applies one fault to what another sends.
func Both(outer, inner Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		outer(w, r, func(w http.ResponseWriter, r *http.Request) { inner(w, r, serve) })
	}
}

// Unsized sends the first n bytes without saying how many there are.
func Unsized(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		data := bytesOf(r, serve)
		write(w, data[:min(n, len(data))])
		flush(w) // before the handler returns: else the length is known
	}
}

// Endless sends the file and then zeros for as long as the client listens.
func Endless(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	write(w, bytesOf(r, serve))
	zeros := make([]byte, 64<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(zeros); err != nil {
			return
		}
	}
}

// Stall sends n bytes of the body, then nothing until the client leaves.
func Stall(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		data := bytesOf(r, serve)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		write(w, data[:min(n, len(data))])
		flush(w)
		<-r.Context().Done()
	}
}

// Silence accepts the request and says nothing until the client leaves.
func Silence(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	<-r.Context().Done()
}

// EndlessHeader sends header lines for as long as the client listens.
func EndlessHeader(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, err = buf.WriteString("HTTP/1.1 200 OK\r\n")
	for i := 0; err == nil; i++ {
		_, err = fmt.Fprintf(buf, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
	}
}

// write sends data. A client that left is the test's business, not ours.
func write(w http.ResponseWriter, data []byte) { _, _ = w.Write(data) }

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// JPEG is a small whole picture, different for each seed.
func JPEG(seed int) []byte {
	im := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			im.SetRGBA(x, y, color.RGBA{uint8(x*5 + seed), uint8(y*7 ^ seed), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

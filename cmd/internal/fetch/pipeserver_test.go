package fetch_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch"
)

// A pipeServer answers requests over connections within the process, so that a
// test's own clock drives it, the deadlines of the client and all pauses.
type pipeServer struct {
	answer func(w io.Writer, r *http.Request)
	refuse func(addr string) bool // whether nobody listens there now; may be nil
	conns  sync.WaitGroup
}

func (s *pipeServer) dial(_ context.Context, _, addr string) (net.Conn, error) {
	if s.refuse != nil && s.refuse(addr) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	s.conns.Go(func() {
		defer server.Close()
		in := bufio.NewReader(server)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			s.answer(server, r)
		}
	})
	return client, nil
}

// writeResponse writes an answer. A client that has left shows in the next
// read.
func writeResponse(w io.Writer, format string, args ...any) bool {
	_, err := fmt.Fprintf(w, format, args...)
	return err == nil
}

func writePhoto(w io.Writer, data []byte) bool {
	return writeResponse(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(data), data)
}

// bubble runs f with a Fetcher of photos that the server answers for, on a
// clock of its own.
func bubble(t *testing.T, s *pipeServer, set func(*fetch.Options), f func(t *testing.T, f *fetch.Fetcher)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := fetch.Options{
			Sources: sources(t, "http://photos.test"), Retries: fetch.DefaultRetries, Dial: s.dial,
			Cache: func() (*cas.Cache, error) { return cas.Open(dir, cas.Options{Now: time.Now}) },
		}
		if set != nil {
			set(&o)
		}
		fetcher, err := fetch.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := fetcher.Close(); err != nil {
				t.Error(err)
			}
			s.conns.Wait()
		}()
		f(t, fetcher)
	})
}

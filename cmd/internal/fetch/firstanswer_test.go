package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// What is asked for, and that it is asked for again, must be said while nobody
// answers, each once however many photos there are, and without what is secret
// in an address.
func TestFirstAnswer(t *testing.T) {
	hanging := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	late := func(after time.Duration, status string) *pipeServer {
		return &pipeServer{answer: func(w io.Writer, r *http.Request) {
			time.Sleep(after)
			data := oitest.JPEG(1)
			writeResponse(w, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", status, len(data), data)
		}}
	}
	refusing := &pipeServer{refuse: func(string) bool { return true }}
	for name, test := range map[string]struct {
		dial        func(context.Context, string, string) (net.Conn, error)
		want        string
		unreachable bool
	}{
		"nobody listens":   {refusing.dial, "0s again", true},
		"nobody answers":   {hanging, "900ms asking, 1m0s again", true},
		"answers":          {late(0, "200 OK").dial, "", false},
		"answers late":     {late(5*time.Second, "200 OK").dial, "900ms asking", false},
		"has no photo":     {late(0, "404 Not Found").dial, "", false},
		"fails and is up":  {late(0, "500 Oops").dial, "", false},
		"no name resolves": {func(context.Context, string, string) (net.Conn, error) { return nil, &net.DNSError{IsNotFound: true} }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var said []string
			var start time.Time
			say := func(what, address string) {
				mu.Lock()
				defer mu.Unlock()
				if !strings.HasPrefix(address, "http://photos.test/x/train/") || strings.Contains(address, "secret") {
					t.Errorf("%s %s", what, address)
				}
				said = append(said, fmt.Sprint(time.Since(start), " ", what))
			}
			set := func(o *fetch.Options) {
				o.Sources, o.Dial, o.Retries = sources(t, "http://photos.test/x/{subset}/{id}?key=secret"), test.dial, 1
				o.Asking = func(address string) { say("asking", address) }
				o.Retrying = func(address string, err error) {
					if err == nil || strings.Contains(err.Error(), "secret") {
						t.Error(err)
					}
					say("again", address)
				}
			}
			bubble(t, &pipeServer{}, set, func(t *testing.T, f *fetch.Fetcher) {
				start = time.Now()
				if err := f.Unreachable(); err != nil {
					t.Error("before anybody was asked: ", err)
				}
				var all sync.WaitGroup
				for i := range 3 {
					all.Go(func() {
						p, err := f.Fetch(t.Context(), photo(i))
						var failed *fetch.Failure
						if err != nil && !errors.As(err, &failed) {
							t.Error(err)
						}
						if p != nil {
							if err := p.Release(); err != nil {
								t.Error(err)
							}
						}
					})
				}
				all.Wait()
				if got := strings.Join(said, ", "); got != test.want {
					t.Errorf("said %q, want %q", got, test.want)
				}
				err := f.Unreachable()
				if (err != nil) != test.unreachable || err != nil && (!strings.HasPrefix(err.Error(), "http://photos.test/x/train/") || strings.Contains(err.Error(), "secret")) {
					t.Errorf("unreachable: %v", err)
				}
			})
		})
	}
}

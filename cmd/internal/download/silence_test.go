package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A tripper answers requests by a function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What is asked, and that it is asked again, must be said while nobody answers,
// once, and without what is secret in the address.
func TestSilence(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration // the server's silence before each failure
		want  string
	}{
		"at once":   {0, "0s retrying"},
		"silent":    {5 * time.Second, "1s asking, 5s retrying"},
		"just fast": {patience - 1, "999.999999ms retrying"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var said []string
				say := func(what, address string) {
					if address != "http://example.org/x/a.csv" {
						t.Errorf("%s %s", what, address)
					}
					said = append(said, fmt.Sprint(time.Since(start), " ", what))
				}
				c, err := New("http://me:secret@example.org/x?token=secret", t.TempDir(), Catalogue{}, Options{
					Retries: 3,
					Asking:  func(address string) { say("asking", address) },
					Retrying: func(address string, err error) {
						if strings.Contains(err.Error(), "secret") {
							t.Error(err)
						}
						say("retrying", address)
					},
					Transport: tripper(func(r *http.Request) (*http.Response, error) {
						time.Sleep(test.after)
						return nil, errors.New("no such host")
					}),
					Sleep: func(context.Context, time.Duration) error { return nil },
				})
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = c.Open(t.Context(), "a.csv")
				var unreachable *UnreachableError
				if !errors.As(err, &unreachable) || strings.Contains(err.Error(), "secret") || !strings.HasSuffix(err.Error(), ": no such host") {
					t.Errorf("got %v", err)
				}
				if got := strings.Join(said, ", "); got != test.want {
					t.Errorf("said %q, want %q", got, test.want)
				}
			})
		})
	}
}

// slowBody is a body of one byte that comes late.
type slowBody struct{ sent bool }

func (b *slowBody) Read(p []byte) (int, error) {
	if b.sent {
		return 0, io.EOF
	}
	time.Sleep(10 * time.Second)
	b.sent = true
	return copy(p, "x"), nil
}

func (*slowBody) Close() error { return nil }

// TestSlowBodyIsNoSilence: a server that has answered is not one that is asked.
func TestSlowBodyIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://example.org/x", t.TempDir(), Catalogue{}, Options{
			Asking: func(address string) { t.Errorf("asking %s", address) },
			Transport: tripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, ContentLength: 1, Header: http.Header{}, Body: &slowBody{}}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		file, err := openWhole(t.Context(), c, "a.csv")
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}

package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestNameOfLoopback: a name that resolves to this machine is refused, in the
// stream and in a redirect, unless the user named it.
func TestNameOfLoopback(t *testing.T) {
	srv := oitest.New(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "http://"), ":")
	evil := "http://photos.example.com:" + port + "/x.jpg"
	for _, tt := range []struct {
		list, url string
		allow     []string
		reason    Reason
	}{
		{"flickr", evil, nil, Refused},
		{"flickr", srv.URL + "/moved.jpg", []string{"127.0.0.1"}, Refused},
		{"flickr", evil, []string{"photos.example.com"}, NotFound}, // as that server has no photo
		{evil, "", nil, NotFound},
	} {
		srv.Fault("moved.jpg", oitest.Redirect(evil))
		src, err := ParseSources(tt.list)
		if err != nil {
			t.Fatal(err)
		}
		f, err := New(Options{Sources: src, AllowHosts: tt.allow, Cache: func() (*cas.Cache, error) { return cas.Open(t.TempDir(), cas.Options{Now: time.Now}) }})
		if err != nil {
			t.Fatal(err)
		}
		f.resolver = oitest.NameServer(netip.MustParseAddr("127.0.0.1"))
		before := srv.Requests("x.jpg")
		_, err = f.Fetch(t.Context(), Request{ID: "x", Subset: "train", URL: tt.url})
		var fail *Failure
		if !errors.As(err, &fail) || fail.Reason != tt.reason {
			t.Errorf("%s %s %v: got %v, want %q", tt.list, tt.url, tt.allow, err, tt.reason)
		}
		if asked := srv.Requests("x.jpg") > before; tt.reason == Refused && asked {
			t.Errorf("%s %s: the request got through", tt.list, tt.url)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSilentNameServer: a name that nobody answers for in time is not one that
// does not exist.
func TestSilentNameServer(t *testing.T) {
	src, err := ParseSources("https://photos.example.com")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Options{Sources: src, Cache: func() (*cas.Cache, error) { return cas.Open(t.TempDir(), cas.Options{Now: time.Now}) }})
	if err != nil {
		t.Fatal(err)
	}
	f.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }}
	_, err = f.Fetch(t.Context(), Request{ID: "x", Subset: "train"})
	var fail *Failure
	if !errors.As(err, &fail) || fail.Reason != Timeout {
		t.Errorf("got %v, want %q", err, Timeout)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

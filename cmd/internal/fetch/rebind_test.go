package fetch

import (
	"context"
	"encoding/binary"
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

// nameServer resolves every name to addr. It answers over one connection, as
// the resolver of package net asks.
func nameServer(addr netip.Addr) *net.Resolver {
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				var size [2]byte // a pipe is no packet connection: TCP's framing
				if _, err := server.Read(size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := server.Read(query); err != nil {
					return
				}
				answer := nameAnswer(query, addr)
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}
	return &net.Resolver{PreferGo: true, Dial: dial}
}

// nameAnswer makes an answer of a query for one name (RFC 1035, section 4).
func nameAnswer(query []byte, addr netip.Addr) []byte {
	const headerSize, typeA = 12, 1
	end := headerSize
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root, type and class
	isA := binary.BigEndian.Uint16(query[end-4:]) == typeA
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[headerSize:end]...)
	if isA {
		answer[7] = 1
		answer = append(answer, 0xc0, headerSize, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4)
		answer = append(answer, addr.AsSlice()...)
	}
	return answer
}

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
		f.resolver = nameServer(netip.MustParseAddr("127.0.0.1"))
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

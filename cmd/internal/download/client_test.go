package download

import (
	"context"
	"crypto/md5" // what the server sends
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/leftover"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

const (
	csvPath = "v5/test-annotations-bbox.csv"
	csvText = "ImageID,LabelName\na,b\n"
)

func googHash(text string) string {
	sum := md5.Sum([]byte(text)) // as above
	return "md5=" + base64.StdEncoding.EncodeToString(sum[:])
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text)) // as above
	return hex.EncodeToString(sum[:])
}

// serve starts a server below /oi/.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/oi"
}

func newClient(t *testing.T, base string, known []File, o Options) (*Client, string) {
	t.Helper()
	cache := t.TempDir()
	o.Sleep = noSleep
	s, err := New(base, cache, Catalogue{Files: known, Publisher: publisher}, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, cache
}

const publisher = "https://storage.example.org/files/"

func noSleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// openWhole opens a file and waits until all of it is there.
func openWhole(ctx context.Context, s *Client, path string) (*os.File, error) {
	file, inFlight, err := s.Open(ctx, path)
	if err != nil || inFlight == nil {
		return file, err
	}
	if err := inFlight.Whole(); err != nil {
		return nil, errors.Join(err, inFlight.Abandon(), file.Close())
	}
	return file, nil
}

func readFile(t *testing.T, s *Client, path string) []byte {
	t.Helper()
	r, err := openWhole(t.Context(), s, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files lists the whole files in the cache.
func files(t *testing.T, cache string) []string {
	t.Helper()
	return slices.DeleteFunc(oitest.Files(t, cache), func(name string) bool { return strings.HasPrefix(name, ".") })
}

func TestDownload(t *testing.T) {
	var asked atomic.Int32
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/oi/"+csvPath || r.UserAgent() != "test/1" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked %s as %s, %v", r.URL, r.UserAgent(), r.Header)
		}
		w.Header().Add("X-Goog-Hash", googHash(csvText))
		io.WriteString(w, csvText) // the client will notice
	})
	var last string
	s, cache := newClient(t, base, nil, Options{UserAgent: "test/1", Progress: func(path string, done, total int64) {
		last = fmt.Sprint(path, " ", done, "/", total)
	}})
	for range 2 {
		if got := string(readFile(t, s, csvPath)); got != csvText {
			t.Errorf("got %q", got)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked the server %d times", asked.Load())
	}
	if want := fmt.Sprintf("%s %d/%[2]d", csvPath, len(csvText)); last != want {
		t.Errorf("progress ended with %q, want %q", last, want)
	}
	if got := files(t, cache); len(got) != 1 {
		t.Errorf("in the cache: %v", got)
	}
}

// TestDownloadFaults checks that a file is whole or absent, and what is said.
func TestDownloadFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
		missing bool
	}{
		{name: "gone", want: csvPath + ": not found in http://", missing: true,
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }},
		{name: "forbidden", want: "the server answers 403 Forbidden", missing: true,
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }},
		{name: "busy", want: "the server answers 503 Service Unavailable",
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{name: "damaged", want: "arrived damaged",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Goog-Hash", googHash("another"))
				io.WriteString(w, csvText) // the client will notice
			}},
		{name: "web page", want: "the server answers with a web page",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				io.WriteString(w, "<html>Log in</html>") // the client will notice
			}},
		{name: "cut", want: "unexpected EOF",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, csvText) // the client will notice
			}},
		{name: "silent", want: "the server has sent nothing for 50ms",
			handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, csvText) // the client will notice
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, cache := newClient(t, serve(t, tt.handler), nil, Options{Idle: 50 * time.Millisecond})
			_, err := openWhole(t.Context(), s, csvPath)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), csvPath) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			var missing *MissingError
			if errors.As(err, &missing) != tt.missing {
				t.Errorf("missing: %v", !tt.missing)
			}
			if got := files(t, cache); len(got) != 0 {
				t.Errorf("in the cache: %v", got)
			}
		})
	}
}

func TestDownloadInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, csvText) // the client will notice
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	s, cache := newClient(t, base, nil, Options{})
	if _, err := openWhole(ctx, s, csvPath); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := files(t, cache); len(got) != 0 {
		t.Errorf("in the cache: %v", got)
	}
}

// A killed download leaves its temporary file, which the next one removes once
// no process can be at work on it any more.
func TestDownloadSweeps(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, csvText) }) // the client will notice
	s, cache := newClient(t, base, nil, Options{})
	name := filepath.Join(s.dir, filepath.FromSlash(csvPath))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	for suffix, age := range map[string]time.Duration{"1": 0, "2": 2 * leftover.Age} {
		left := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+suffix)
		if err := os.WriteFile(left, []byte("ImageID"), 0o666); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(left, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(readFile(t, s, csvPath)); got != csvText {
		t.Errorf("got %q", got)
	}
	if got, want := files(t, cache), []string{filepath.Base(csvPath)}; !slices.Equal(got, want) {
		t.Errorf("in the cache: %v, want %v", got, want)
	}
	for suffix, want := range map[string]bool{"1": true, "2": false, ".part": false, ".part.json": false} {
		left := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+suffix)
		if _, err := os.Stat(left); (err == nil) != want {
			t.Errorf("%s is there: %v", left, err == nil)
		}
	}
}

func TestDownloadAnnounced(t *testing.T) {
	const size = announceFrom + 1
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size)) // and then nothing
	})
	announced := ""
	s, _ := newClient(t, base, nil, Options{Announce: func(path string, n int64) { announced = fmt.Sprint(path, " ", n) }})
	if _, err := openWhole(t.Context(), s, csvPath); err == nil {
		t.Error("an empty body was taken")
	}
	if want := fmt.Sprint(csvPath, " ", size); announced != want {
		t.Errorf("announced %q, want %q", announced, want)
	}
}

func TestDownloadAtOnce(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, csvText) }) // the client will notice
	cache := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := New(base, cache, Catalogue{}, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			r, err := openWhole(context.Background(), s, csvPath)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if data, err := io.ReadAll(r); err != nil || string(data) != csvText {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
	all.Wait()
}

// TestVerify checks what is compared with the catalogue, which speaks of the
// official server only.
func TestVerify(t *testing.T) {
	known := []File{{Path: csvPath, MD5: hexMD5("official")}}
	const example = "http://example.org/"
	for _, tt := range []struct {
		base, text    string
		md5, crc32c   string // of these texts the server sends the checksums
		err, replaced bool
	}{
		{publisher, "official", "", "", false, false},
		{publisher, "official", "official", "", false, false},
		{publisher, "official", "", "official", false, false},
		{publisher, "official", "official", "official", false, false},
		{publisher, "other", "", "", true, false},
		{publisher, "other", "other", "", false, true}, // replaced by its publisher
		{publisher, "other", "", "other", false, true},
		{publisher, "other", "other", "other", false, true},
		{publisher, "other", "official", "", true, false},
		{publisher, "other", "", "official", true, false},
		{publisher, "other", "official", "official", true, false},
		{example, "other", "", "", false, false},
		{example, "other", "other", "other", false, false},
		{example, "other", "official", "", true, false},
		{example, "other", "", "official", true, false},
		{example, "other", "official", "official", true, false},
	} {
		s, _ := newClient(t, tt.base, known, Options{})
		header := http.Header{}
		if tt.md5 != "" {
			header.Add("X-Goog-Hash", googHash(tt.md5))
		}
		if tt.crc32c != "" {
			crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(tt.crc32c), castagnoli))
			header.Add("X-Goog-Hash", "crc32c="+base64.StdEncoding.EncodeToString(crc))
		}
		sent := serverChecksums(header)
		got := newHasher(s.needsMD5(csvPath, sent))
		for _, part := range []string{tt.text[:2], tt.text[2:]} {
			if _, err := io.WriteString(got, part); err != nil {
				t.Fatal(err)
			}
		}
		replaced, err := s.compareChecksums(csvPath, int64(len(tt.text)), got.checksums(), sent)
		if (err != nil) != tt.err || (replaced != "") != tt.replaced {
			t.Errorf("%+v: got %v, replaced %q", tt, err, replaced)
		}
	}
}

func TestSecretsStayHidden(t *testing.T) {
	s, _ := newClient(t, "http://me:secret@127.0.0.1:1/x?token=secret", nil, Options{Idle: time.Second})
	_, err := openWhole(t.Context(), s, csvPath)
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(s.String(), "secret") || strings.Contains(s.dir, "secret") {
		t.Errorf("got %v, %s, %s", err, s, s.dir)
	}
	for _, base := range []string{"ftp://x/", "http://", "x", "http://me:secret@x\x7f/"} {
		if _, err := New(base, t.TempDir(), Catalogue{}, Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", base, err)
		}
	}
}

func TestPathsStayInside(t *testing.T) {
	s, _ := newClient(t, "http://127.0.0.1:1/", nil, Options{})
	if _, _, err := s.Open(t.Context(), "../x"); err == nil {
		t.Error("it opens ../x")
	}
}

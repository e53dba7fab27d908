package openimages

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// kindServer serves a sound file of each kind; its files are what a source of
// it knows.
func kindServer(t *testing.T) (server *oitest.Server, known []File) {
	t.Helper()
	tree := fstest.MapFS{}
	for kind, text := range sound {
		f := File{Path: []string{"", "classes.csv", "hierarchy.json", "boxes.csv", "labels.csv", "images.csv"}[kind], kind: kind}
		known = append(known, f)
		tree[f.Path] = &fstest.MapFile{Data: []byte(text)}
	}
	return oitest.New(t, tree), known
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDownloadRefused has a server send something else once. Nothing of it
// stays, and the next run has the file.
func TestDownloadRefused(t *testing.T) {
	const page = "<!DOCTYPE html>\n<html><title>Log in</title></html>\n"
	for _, tt := range []struct {
		name  string
		fault func(text string) oitest.Fault
		want  string
	}{
		{"a page", func(string) oitest.Fault { return oitest.Body("text/html; charset=utf-8", []byte(page)) }, "web page"},
		{"a page as text", func(string) oitest.Fault { return oitest.Body("text/csv", []byte(page)) }, "<!DOCTYPE html>"},
		{"a message", func(string) oitest.Fault { return oitest.Body("application/json", []byte(`{"error": "log in"}`)) }, ""},
		{"nothing", func(string) oitest.Fault { return oitest.Body("text/csv", nil) }, "empty"},
		{"compressed", func(text string) oitest.Fault { return oitest.Body("text/csv", zipped(t, text)) }, "gzip"},
		{"compressed on the way", func(text string) oitest.Fault {
			return oitest.Both(oitest.Header("Content-Encoding", "gzip"), oitest.Body("text/csv", zipped(t, text)))
		}, "gzip"},
		{"cut", func(text string) oitest.Fault {
			at := strings.LastIndexByte(strings.TrimSpace(text), ',')
			return oitest.Body("text/csv", []byte(text[:max(at, len(text)/2)]))
		}, ""},
		{"a portal", func(string) oitest.Fault { return oitest.Status(http.StatusNetworkAuthenticationRequired) }, "511"},
	} {
		server, known := kindServer(t)
		for _, f := range known {
			if tt.name == "cut" && f.kind == kindClasses {
				continue // TestDownloadAsksForMore
			}
			for _, streamed := range []bool{false, true} {
				if streamed && f.kind != kindBoxes {
					continue // is read when it is whole
				}
				cache := t.TempDir()
				server.Fault(f.Path, tt.fault(sound[f.kind]))
				s := newHTTPSource(t, server.URL, cache, known, download.Options{})
				var err error
				if streamed {
					g := &gathered{}
					err = readBoxes(t.Context(), s, f, g.visitor([]string{"/m/a"}))
				} else {
					_, err = s.Open(t.Context(), f.Path)
				}
				var refused *download.RefusedError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "download "+server.URL) {
					t.Errorf("%s, %s, streamed %v: %v, want %q", tt.name, f.Path, streamed, err, tt.want)
				}
				if got := oitest.Files(t, cache); len(got) > 0 {
					t.Errorf("%s, %s, streamed %v: in the cache: %q", tt.name, f.Path, streamed, got)
				}
				if got := string(readFile(t, s, f.Path)); got != sound[f.kind] {
					t.Errorf("%s, %s: then %q", tt.name, f.Path, got)
				}
			}
		}
	}
}

// TestDownloadAsksForMore has a file whose last line has no end: the server is
// asked whether that is all.
func TestDownloadAsksForMore(t *testing.T) {
	for kind, text := range sound {
		if kind == kindHierarchy {
			continue
		}
		bare := strings.TrimSuffix(text, "\n")
		for _, tt := range []struct {
			name   string
			fault  oitest.Fault // once
			serves string       // then
			warned bool
		}{
			{"it is all", nil, bare, true},
			{"it is all, of unknown length", oitest.Unsized(len(bare)), bare, true},
			{"cut once", oitest.Body("text/csv", []byte(text[:len(text)-2])), text, false},
			{"cut once, of unknown length", oitest.Unsized(len(bare) - 1), text, false},
			{"cut once, and no parts", oitest.Both(oitest.NoRange, oitest.Body("text/csv", []byte(text[:len(text)-2]))), text, false},
		} {
			for _, tag := range []string{"", `"1"`} {
				server := oitest.New(t, fstest.MapFS{csvPath: {Data: []byte(tt.serves)}})
				var fault oitest.Fault
				if tag != "" {
					fault = oitest.Header("ETag", tag)
				}
				if tt.fault != nil && fault != nil {
					server.Fault(csvPath, oitest.Both(fault, tt.fault))
				} else {
					server.Fault(csvPath, tt.fault)
				}
				server.Fault(csvPath, fault, fault, fault)
				var warnings []string
				s := newHTTPSource(t, server.URL, t.TempDir(), []File{{Path: csvPath, kind: kind}}, download.Options{
					Warn: func(message string) { warnings = append(warnings, message) },
				})
				for range 2 {
					if got := string(readFile(t, s, csvPath)); got != tt.serves {
						t.Errorf("kind %d, %s, tag %s: got %q", kind, tt.name, tag, got)
					}
				}
				if (len(warnings) == 1) != tt.warned || len(warnings) > 1 {
					t.Errorf("kind %d, %s, tag %s: warned %q", kind, tt.name, tag, warnings)
				}
				if n := server.Requests(csvPath); n > 5 {
					t.Errorf("kind %d, %s, tag %s: asked %d times", kind, tt.name, tag, n)
				}
			}
		}
	}
}

// TestCacheAsksAgain keeps a file whose last line has no end, and asks whether
// that is still all when it is used again: once in a run, and if it can.
func TestCacheAsksAgain(t *testing.T) {
	const half, all = "/m/0cdn1,Hamburger\n/m/011k07,Tort", "/m/0cdn1,Hamburger\n/m/011k07,Tortoise\n"
	for name, ranges := range map[string]oitest.Fault{"parts": nil, "no parts": oitest.NoRange} {
		tree := fstest.MapFS{csvPath: {Data: []byte(half)}}
		server := oitest.New(t, tree)
		cache := t.TempDir()
		var warnings []string
		known := []File{{Path: csvPath, kind: kindClasses}}
		o := download.Options{Warn: func(message string) { warnings = append(warnings, message) }}
		run := func(o download.Options, want string, requests int) {
			t.Helper()
			before := server.Requests(csvPath)
			s := newHTTPSource(t, server.URL, cache, known, o)
			for range 3 {
				if got := string(readFile(t, s, csvPath)); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
			if n := server.Requests(csvPath) - before; n != requests {
				t.Errorf("%s: asked %d times, want %d", name, n, requests)
			}
		}
		server.Fault(csvPath, ranges, ranges, ranges, ranges, ranges)
		run(o, half, 2) // to get it, and to ask whether it is all
		run(o, half, 1)
		offline := o
		offline.Offline = true
		tree[csvPath] = &fstest.MapFile{Data: []byte(all)}
		run(offline, half, 0)
		if len(warnings) != 1 || !strings.Contains(warnings[0], "its last row has no line end") {
			t.Errorf("%s: warned %q", name, warnings)
		}
		run(o, all, 2)
		run(o, all, 0)
		if len(warnings) != 2 || !strings.Contains(warnings[1], "the server has 38; downloading it again") {
			t.Errorf("%s: warned %q", name, warnings)
		}
		tree[csvPath] = &fstest.MapFile{Data: []byte(half)}
		if err := os.WriteFile(newHTTPSource(t, server.URL, cache, known, o).client.Name(csvPath), []byte(half), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, answer := range []oitest.Fault{ // of who does not know better
			oitest.Status(http.StatusBadGateway), oitest.Reset, oitest.Body("text/plain", []byte("Log in\n")),
			oitest.Body("text/html", bytes.Repeat([]byte("Log in\n"), 100)),
		} {
			server.Fault(csvPath, answer)
			run(o, half, 1)
		}
	}
}

// TestCacheDamaged finds a file in the cache that an earlier version has kept.
func TestCacheDamaged(t *testing.T) {
	server, known := kindServer(t)
	for _, f := range known {
		for what, left := range map[string]string{
			"a page": "<html>Log in</html>\n", "a cut file": sound[f.kind][:len(sound[f.kind])/2], "an empty file": "",
		} {
			cache := t.TempDir()
			var warnings []string
			o := download.Options{Warn: func(message string) { warnings = append(warnings, message) }}
			s := newHTTPSource(t, server.URL, cache, known, o)
			name := s.client.Name(f.Path)
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(left), 0o666); err != nil {
				t.Fatal(err)
			}
			if !ToBeDownloaded(t.Context(), s, f) {
				t.Errorf("%s as %s is taken for the file", what, f.Path)
			}
			o.Offline = true
			_, err := newHTTPSource(t, server.URL, cache, known, o).Open(t.Context(), f.Path)
			var damaged *download.DamagedError
			if !errors.As(err, &damaged) || damaged.Path != f.Path || damaged.Name != name {
				t.Errorf("%s as %s, offline: %v", what, f.Path, err)
			}
			if got := string(readFile(t, s, f.Path)); got != sound[f.kind] {
				t.Errorf("%s as %s: got %q", what, f.Path, got)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], f.Path+" in the cache is damaged") {
				t.Errorf("%s as %s: warned %q", what, f.Path, warnings)
			}
			if got := oitest.Files(t, cache); len(got) != 1 {
				t.Errorf("%s as %s: in the cache: %q", what, f.Path, got)
			}
		}
	}
}

// officialSource is a source whose requests to the publisher go to a server of
// the test, which has the files below openimages.
func officialSource(t *testing.T, server *oitest.Server, cache string, known []File, o download.Options) *HTTPSource {
	t.Helper()
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
		return http.DefaultTransport.RoundTrip(r)
	})
	return newHTTPSource(t, OfficialBase, cache, known, o)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOfficial holds official files against their size and sum, when they
// arrive and in the cache.
func TestOfficial(t *testing.T) {
	classes := sound[kindClasses]
	const rows = "/m/011k07,Tortoise\n" // as good as any, but not the official file
	for _, tt := range []struct {
		name     string
		official File
		serves   string
		sums     bool // does the server send them
		refused  string
		warned   string
	}{
		{name: "it is", official: File{Size: int64(len(classes)), MD5: hexMD5(classes)}, serves: classes},
		{name: "by its size", official: File{Size: int64(len(classes))}, serves: classes},
		{name: "another sum", official: File{Size: int64(len(rows)), MD5: hexMD5(classes)}, serves: rows, refused: "its MD5 is"},
		{name: "another size", official: File{Size: int64(len(classes))}, serves: rows, refused: "its size is 19, expected 47"},
		{name: "replaced", official: File{Size: int64(len(classes)), MD5: hexMD5(classes)}, serves: rows, sums: true, warned: "replaced by its publisher"},
		{name: "replaced, by its size", official: File{Size: int64(len(classes))}, serves: rows, sums: true, warned: "its size is 19, it was 47"},
		{name: "a page", official: File{Size: int64(len(classes)), MD5: hexMD5(classes)}, serves: "<html>\n", sums: true, refused: "web page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.official
			f.Path, f.kind = csvPath, kindClasses
			server := oitest.New(t, fstest.MapFS{"openimages/" + csvPath: {Data: []byte(tt.serves)}})
			if tt.sums {
				server.Fault("openimages/"+csvPath, oitest.Header("X-Goog-Hash", googHash(tt.serves)))
			}
			var warnings []string
			cache := t.TempDir()
			s := officialSource(t, server, cache, []File{f}, download.Options{Warn: func(message string) { warnings = append(warnings, message) }})
			for range 2 { // the second time from the cache
				r, err := s.Open(t.Context(), csvPath)
				var refused *download.RefusedError
				if errors.As(err, &refused) != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
					t.Fatalf("got %v, want %q", err, tt.refused)
				}
				if err != nil {
					if got := oitest.Files(t, cache); len(got) > 0 {
						t.Errorf("in the cache: %q", got)
					}
					return
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(warnings, "\n"); (got == "") != (tt.warned == "") || !strings.Contains(got, tt.warned) || len(warnings) > 1 {
				t.Errorf("warned %q, want %q", warnings, tt.warned)
			}
			if n := server.Requests("openimages/" + csvPath); n != 1 {
				t.Errorf("asked %d times", n)
			}
			if err := os.WriteFile(s.client.Name(csvPath), []byte(tt.serves+rows), 0o666); err != nil {
				t.Fatal(err)
			}
			var damaged *download.DamagedError
			if err := s.client.Check(t.Context(), csvPath); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "bytes, the official file has") {
				t.Errorf("with another size: %v", err)
			}
		})
	}
}

// TestCheckCache names and removes what is damaged, and nothing else.
func TestCheckCache(t *testing.T) {
	cache := t.TempDir()
	d, err := LookupDataset("v5")
	if err != nil {
		t.Fatal(err)
	}
	d.Classes.kind = kindClasses
	official := "storage.googleapis.com%2Fopenimages"
	box := sound[kindBoxes]
	put := func(server, path, text string) string {
		name := filepath.Join(cache, "metadata", server, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	put("mirror", d.Classes.Path, sound[kindClasses])
	put("mirror", d.boxes[0].Path, box)
	put("mirror", d.boxes[1].Path, strings.TrimSuffix(box, "\n"))
	put("mirror", "notes.csv", "no file of the data set")
	put("mirror", "v5/."+"test-annotations-bbox.csv.part", "Image")
	replaced := put(official, d.boxes[2].Path, box)
	sidecar := put(official, filepath.Join(filepath.Dir(d.boxes[2].Path), "."+filepath.Base(d.boxes[2].Path)+".replaced.json"),
		fmt.Sprintf(`{"size": %d, "crc32c": "%08x"}`, len(box), crc32.Checksum([]byte(box), crc32.MakeTable(crc32.Castagnoli))))
	check := func() (damaged []string, report download.Report) {
		report, err := CheckCache(t.Context(), cache, func(e *download.DamagedError) error {
			if _, err := os.Stat(e.Name); err != nil {
				t.Errorf("%s is told of too late: %v", e.Path, err)
			}
			damaged = append(damaged, e.Name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return damaged, report
	}
	whole := oitest.Files(t, cache)
	if damaged, report := check(); damaged != nil || report.Files != 4 || report.Damaged != 0 {
		t.Errorf("all is well, but %q, %+v", damaged, report)
	}
	if got := oitest.Files(t, cache); !slices.Equal(got, whole) {
		t.Errorf("all is well, but of %q there are %q", whole, got)
	}
	same := strings.Repeat("/m/a,b\n", int(d.Classes.Size/7)+1)[:d.Classes.Size-1] + "\n"
	want := []string{
		put("elsewhere", d.Hierarchy.Path, "<html>"),
		put("mirror", d.boxes[0].Path, box[:len(box)-5]),
		put("mirror", d.boxes[0].Path+csvscan.IndexEnding, "of that list"),
		put(official, d.images[1].Path, sound[kindImages]), // not the official size
		put(official, d.Classes.Path, same),                // not the official sum
		put(official, d.boxes[2].Path, strings.Replace(box, "/m/a", "/m/b", 1)),
	}
	index := want[2]
	want = slices.Delete(want, 2, 3)
	slices.Sort(want)
	damaged, report := check()
	if slices.Sort(damaged); !slices.Equal(damaged, want) || report.Damaged != len(want) || report.Files != 2 {
		t.Errorf("found %q, %+v, want %q", damaged, report, want)
	}
	for _, name := range append(want, index, sidecar, replaced) {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if damaged, report := check(); damaged != nil || report.Files != 2 {
		t.Errorf("once more: %q, %+v", damaged, report)
	}
	if _, err := CheckCache(t.Context(), t.TempDir(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no cache: %v", err)
	}
}

package openimages

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // what the server sends
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func randomBytes(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

// A mirrorServer serves one file, and says of it what it is told to say.
type mirrorServer struct {
	*oitest.Server

	mu     sync.Mutex
	tree   fstest.MapFS
	header []string
	ranges []string // asked for
}

// Open makes it the tree of its server, which may ask while a test writes.
func (m *mirrorServer) Open(name string) (fs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tree.Open(name)
}

// asked is what ranges were asked for.
func (m *mirrorServer) asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.ranges)
}

// newMirror serves the file csvPath.
func newMirror(t testing.TB, data []byte) *mirrorServer {
	t.Helper()
	m := &mirrorServer{tree: fstest.MapFS{}}
	m.has(data, `"1"`)
	m.Server = oitest.New(t, m)
	return m
}

// has replaces the file. An empty tag says nothing of it.
func (m *mirrorServer) has(data []byte, tag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tree[csvPath] = &fstest.MapFile{Data: data}
	m.header = nil
	if tag != "" {
		sum := md5.Sum(data) //nolint:gosec // as above
		crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, castagnoli))
		m.header = []string{"ETag", tag, "X-Goog-Hash", "crc32c=" + base64.StdEncoding.EncodeToString(crc),
			"X-Goog-Hash", "md5=" + base64.StdEncoding.EncodeToString(sum[:])}
	}
}

// answer queues faults for requests to come; nil is none.
func (m *mirrorServer) answer(faults ...oitest.Fault) {
	for _, fault := range faults {
		m.Fault(csvPath, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			m.mu.Lock()
			m.ranges = append(m.ranges, r.Header.Get("Range"))
			header := m.header
			m.mu.Unlock()
			serve2 := func(w http.ResponseWriter, r *http.Request) { oitest.Header(header...)(w, r, serve) }
			if fault == nil {
				serve2(w, r)
			} else {
				fault(w, r, serve2)
			}
		})
	}
}

// download asks for the file, with what has arrived in the cache before.
func (m *mirrorServer) download(t *testing.T, cache string, retries int) ([]byte, error) {
	t.Helper()
	s, err := NewHTTPSource(m.URL, cache, HTTPOptions{Retries: retries, Idle: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s.sleep = func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
	r, err := s.Open(t.Context(), csvPath)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(r)
	return b.Bytes(), errors.Join(err, r.Close())
}

// TestDownloadResumes cuts the connection at any byte, in all the ways there
// are. Each run may be the next process.
func TestDownloadResumes(t *testing.T) {
	data := randomBytes(1, 700_000)
	rng := rand.New(rand.NewPCG(2, 3))
	for round := range 30 {
		m := newMirror(t, data)
		if round%3 == 0 {
			m.has(data, "") // neither a tag nor sums
		}
		var faults []oitest.Fault
		for range 6 {
			n := rng.IntN(len(data)/4) + 1
			faults = append(faults, []oitest.Fault{
				oitest.Cut(n), oitest.Cut(n), oitest.Reset, oitest.Status(http.StatusServiceUnavailable),
				oitest.Both(oitest.Cut(n), oitest.NoRange),
			}[rng.IntN(5)])
		}
		m.answer(append(faults, nil, nil, nil)...)
		cache := t.TempDir()
		var got []byte
		var err error
		for range 10 {
			if got, err = m.download(t, cache, 1+rng.IntN(3)); err == nil {
				break
			}
		}
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("round %d: %v, the same: %v", round, err, bytes.Equal(got, data))
		}
		if left := filesAll(t, cache); len(left) != 1 {
			t.Fatalf("round %d: in the cache: %v", round, left)
		}
	}
}

// TestDownloadContinues asks only for what is missing.
func TestDownloadContinues(t *testing.T) {
	data := randomBytes(4, 1_000_000)
	m := newMirror(t, data)
	m.answer(oitest.Cut(100_000), oitest.Cut(500_000), nil)
	got, err := m.download(t, t.TempDir(), 2)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
	if want := []string{"", "bytes=100000-", "bytes=600000-"}; !gocmp.Equal(m.asked(), want) {
		t.Errorf("asked for %q, want %q", m.asked(), want)
	}
}

// TestDownloadNeverSplices replaces the file between two parts of a download.
func TestDownloadNeverSplices(t *testing.T) {
	old, fresh := randomBytes(5, 300_000), randomBytes(6, 300_000)
	half := append(bytes.Clone(old[:200_000]), fresh[200_000:]...) // begins like the old one
	for _, tt := range []struct {
		name     string
		old, new string // tags
		data     []byte
		fault    oitest.Fault
	}{
		{name: "another tag", old: `"1"`, new: `"2"`, data: fresh},
		{name: "no tags", data: fresh},
		{name: "no tags, the same beginning", data: half},
		{name: "shorter", old: `"1"`, new: `"2"`, data: fresh[:50_000]},
		{name: "shorter, no tags", data: fresh[:50_000]},
		{name: "shorter, the same beginning", data: old[:50_000]},
		{name: "the same tag", old: `"1"`, new: `"1"`, data: fresh},
		{name: "the condition is ignored", old: `"1"`, new: `"2"`, data: fresh,
			fault: func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				r.Header.Del("If-Range")
				serve(w, r)
			}},
		{name: "another part than asked for", old: `"1"`, new: `"1"`, data: old,
			fault: func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				r.Header.Set("Range", "bytes=5-")
				serve(w, r)
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMirror(t, old)
			m.has(old, tt.old)
			cache := t.TempDir()
			m.answer(oitest.Cut(100_000), oitest.Reset, oitest.Reset)
			if _, err := m.download(t, cache, 1); err == nil {
				t.Fatal("a cut download is whole")
			}
			m.has(tt.data, tt.new)
			m.answer(tt.fault, nil, nil, nil)
			got, err := m.download(t, cache, 3)
			if err != nil || !bytes.Equal(got, tt.data) {
				t.Errorf("%v, %d bytes, the new file: %v", err, len(got), bytes.Equal(got, tt.data))
			}
		})
	}
}

// TestDownloadOfAllThatArrived finds that nothing is missing.
func TestDownloadOfAllThatArrived(t *testing.T) {
	data := randomBytes(7, 100_000)
	for _, damaged := range []bool{false, true} {
		m := newMirror(t, data)
		cache := t.TempDir()
		m.answer(oitest.Cut(50_000), oitest.Reset, oitest.Reset)
		if _, err := m.download(t, cache, 1); err == nil {
			t.Fatal("a cut download is whole")
		}
		s, err := NewHTTPSource(m.URL, cache, HTTPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		all := bytes.Clone(data)
		if damaged {
			all[70_000] ^= 1
		}
		if err := os.WriteFile(partName(s.name(csvPath)), all, 0o666); err != nil {
			t.Fatal(err)
		}
		m.answer(nil, nil)
		if got, err := m.download(t, cache, 1); err != nil || !bytes.Equal(got, data) {
			t.Errorf("damaged %v: %v, the same: %v", damaged, err, bytes.Equal(got, data))
		}
	}
}

// TestDownloadInPieces has a server that sends less than it is asked for, and
// does not say how much there is.
func TestDownloadInPieces(t *testing.T) {
	data := randomBytes(10, 100_000)
	m := newMirror(t, data)
	m.has(data, "")
	m.header = []string{"ETag", `"1"`}
	piece := func(from, to int) oitest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", from, to-1))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[from:to])
		}
	}
	m.answer(oitest.Cut(40_000), piece(40_000, 70_000), piece(70_000, 100_000))
	if got, err := m.download(t, t.TempDir(), 1); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, %d bytes, the same: %v", err, len(got), bytes.Equal(got, data))
	}
}

// TestDownloadStalls takes up a download whose server fell silent.
func TestDownloadStalls(t *testing.T) {
	data := randomBytes(8, 50_000)
	m := newMirror(t, data)
	m.answer(oitest.Hang(20_000), oitest.Silence, nil)
	if got, err := m.download(t, t.TempDir(), 2); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, the same: %v", err, bytes.Equal(got, data))
	}
	if asked := m.asked(); len(asked) != 3 || asked[2] != "bytes=20000-" {
		t.Errorf("asked for %q", asked)
	}
}

// TestDownloadGivesUp ends when trying has come to nothing often enough.
func TestDownloadGivesUp(t *testing.T) {
	m := newMirror(t, randomBytes(9, 50_000))
	for range 20 {
		m.answer(oitest.Reset)
	}
	if _, err := m.download(t, t.TempDir(), 4); err == nil || len(m.asked()) != 5 {
		t.Errorf("%v after %d requests", err, len(m.asked()))
	}
}

// TestListArrives reads a list while it arrives: the first rows are there long
// before the last, and what is replaced meanwhile is an error.
func TestListArrives(t *testing.T) {
	data := boxList(rand.New(rand.NewPCG(53, 54)), 40_000, true)
	want := gatherPlain(t, data, "/m/a")
	other := boxList(rand.New(rand.NewPCG(55, 56)), 40_000, true)
	for _, tt := range []struct {
		name  string
		then  []byte // what the server has after the cut
		after int    // bytes sent before it
		err   error
	}{
		{"in one go", data, len(data), nil},
		{"in two parts", data, len(data) / 2, nil},
		{"replaced", other, len(data) / 2, errReplaced},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMirror(t, data)
			met := make(chan struct{})
			m.answer(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				oitest.Both(oitest.Cut(tt.after), func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
					serve(w, r)
				})(w, r, serve)
			})
			m.answer(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				<-met // a row has come out
				serve(w, r)
			}, nil)
			if tt.name == "replaced" {
				m.Fault(csvPath)
			}
			s, err := NewHTTPSource(m.URL, t.TempDir(), HTTPOptions{})
			if err != nil {
				t.Fatal(err)
			}
			s.sleep = func(context.Context, time.Duration) error {
				m.has(tt.then, fmt.Sprintf("%q", fmt.Sprint(len(tt.then))))
				if bytes.Equal(tt.then, data) {
					m.has(data, `"1"`)
				}
				return nil
			}
			g := &gathered{}
			v := g.visitor([]string{"/m/a"})
			row, first := v.row, true
			v.row = func(hit *boxHit) error {
				if first {
					first = false
					close(met)
				}
				return row(hit)
			}
			err = readBoxes(t.Context(), s, File{Path: csvPath}, v, g.again)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			for i := range g.Bad {
				g.Bad[i] = strings.Replace(g.Bad[i], csvPath, testList, 1)
			}
			if d := gocmp.Diff(want, g.end(nil)); d != "" {
				t.Error(d)
			}
			if list, err := Counts(t.Context(), s, File{Path: csvPath}); err != nil || len(list) != 7 {
				t.Errorf("%d classes, %v", len(list), err)
			}
			if _, err := os.Stat(s.name(csvPath) + indexEnding); (err == nil) != (len(data) >= indexFrom) {
				t.Errorf("index of %d bytes: %v", len(data), err)
			}
		})
	}
}

// BenchmarkDownload brings a file from loopback to disk, with the sums taken
// that are needed beside what the server says.
func BenchmarkDownload(b *testing.B) {
	data := randomBytes(11, 64<<20)
	for name, tag := range map[string]string{"MD5": "", "CRC-32C": `"1"`} {
		b.Run(name, func(b *testing.B) {
			m := newMirror(b, data)
			m.has(data, tag)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				m.answer(nil)
				s, err := NewHTTPSource(m.URL, b.TempDir(), HTTPOptions{})
				if err != nil {
					b.Fatal(err)
				}
				r, err := s.Open(b.Context(), csvPath)
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

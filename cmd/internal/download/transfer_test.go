package download

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// fetch asks for the file, with what has arrived in the cache before.
func fetch(t *testing.T, m *oitest.Mirror, cache string, retries int) ([]byte, error) {
	t.Helper()
	s, err := New(m.URL, cache, Catalogue{}, Options{Retries: retries, Idle: 100 * time.Millisecond, Sleep: noSleep})
	if err != nil {
		t.Fatal(err)
	}
	r, err := openWhole(t.Context(), s, csvPath)
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
	data := oitest.RandomBytes(1, 700_000)
	rng := rand.New(rand.NewPCG(2, 3))
	for round := range 30 {
		m := oitest.NewMirror(t, csvPath, data)
		if round%3 == 0 {
			m.Replace(data, "") // neither a tag nor checksums
		}
		var faults []oitest.Fault
		for range 6 {
			n := rng.IntN(len(data)/4) + 1
			faults = append(faults, []oitest.Fault{
				oitest.Cut(n), oitest.Cut(n), oitest.Reset, oitest.Status(http.StatusServiceUnavailable),
				oitest.Both(oitest.Cut(n), oitest.NoRange),
			}[rng.IntN(5)])
		}
		m.Answer(append(faults, nil, nil, nil)...)
		cache := t.TempDir()
		var got []byte
		var err error
		for range 10 {
			if got, err = fetch(t, m, cache, 1+rng.IntN(3)); err == nil {
				break
			}
		}
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("round %d: %v, the same: %v", round, err, bytes.Equal(got, data))
		}
		if left := oitest.Files(t, cache); len(left) != 1 {
			t.Fatalf("round %d: in the cache: %v", round, left)
		}
	}
}

// TestDownloadContinues asks only for what is missing.
func TestDownloadContinues(t *testing.T) {
	data := oitest.RandomBytes(4, 1_000_000)
	m := oitest.NewMirror(t, csvPath, data)
	m.Answer(oitest.Cut(100_000), oitest.Cut(500_000), nil)
	got, err := fetch(t, m, t.TempDir(), 2)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
	if want := []string{"", "bytes=100000-", "bytes=600000-"}; !gocmp.Equal(m.Asked(), want) {
		t.Errorf("asked for %q, want %q", m.Asked(), want)
	}
}

// TestDownloadNeverSplices replaces the file between two parts of a download.
func TestDownloadNeverSplices(t *testing.T) {
	old, fresh := oitest.RandomBytes(5, 300_000), oitest.RandomBytes(6, 300_000)
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
			m := oitest.NewMirror(t, csvPath, old)
			m.Replace(old, tt.old)
			cache := t.TempDir()
			m.Answer(oitest.Cut(100_000), oitest.Reset, oitest.Reset)
			if _, err := fetch(t, m, cache, 1); err == nil {
				t.Fatal("a cut download is whole")
			}
			m.Replace(tt.data, tt.new)
			m.Answer(tt.fault, nil, nil, nil)
			got, err := fetch(t, m, cache, 3)
			if err != nil || !bytes.Equal(got, tt.data) {
				t.Errorf("%v, %d bytes, the new file: %v", err, len(got), bytes.Equal(got, tt.data))
			}
		})
	}
}

// TestDownloadOfAllThatArrived finds that nothing is missing.
func TestDownloadOfAllThatArrived(t *testing.T) {
	data := oitest.RandomBytes(7, 100_000)
	for _, damaged := range []bool{false, true} {
		m := oitest.NewMirror(t, csvPath, data)
		cache := t.TempDir()
		m.Answer(oitest.Cut(50_000), oitest.Reset, oitest.Reset)
		if _, err := fetch(t, m, cache, 1); err == nil {
			t.Fatal("a cut download is whole")
		}
		s, err := New(m.URL, cache, Catalogue{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		all := bytes.Clone(data)
		if damaged {
			all[70_000] ^= 1
		}
		if err := os.WriteFile(partialName(s.name(csvPath)), all, 0o666); err != nil {
			t.Fatal(err)
		}
		m.Answer(nil, nil)
		if got, err := fetch(t, m, cache, 1); err != nil || !bytes.Equal(got, data) {
			t.Errorf("damaged %v: %v, the same: %v", damaged, err, bytes.Equal(got, data))
		}
	}
}

// TestDownloadInPieces has a server that sends less than it is asked for, and
// does not say how much there is.
func TestDownloadInPieces(t *testing.T) {
	data := oitest.RandomBytes(10, 100_000)
	m := oitest.NewMirror(t, csvPath, data)
	m.Replace(data, "")
	m.SetHeader("ETag", `"1"`)
	piece := func(from, to int) oitest.Fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/*", from, to-1))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[from:to])
		}
	}
	m.Answer(oitest.Cut(40_000), piece(40_000, 70_000), piece(70_000, 100_000))
	if got, err := fetch(t, m, t.TempDir(), 1); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, %d bytes, the same: %v", err, len(got), bytes.Equal(got, data))
	}
}

// TestDownloadStalls takes up a download whose server fell silent.
func TestDownloadStalls(t *testing.T) {
	data := oitest.RandomBytes(8, 50_000)
	m := oitest.NewMirror(t, csvPath, data)
	m.Answer(oitest.Hang(20_000), oitest.Silence, nil)
	if got, err := fetch(t, m, t.TempDir(), 2); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, the same: %v", err, bytes.Equal(got, data))
	}
	if asked := m.Asked(); len(asked) != 3 || asked[2] != "bytes=20000-" {
		t.Errorf("asked for %q", asked)
	}
}

// TestDownloadGivesUp ends when trying has come to nothing often enough.
func TestDownloadGivesUp(t *testing.T) {
	m := oitest.NewMirror(t, csvPath, oitest.RandomBytes(9, 50_000))
	for range 20 {
		m.Answer(oitest.Reset)
	}
	if _, err := fetch(t, m, t.TempDir(), 4); err == nil || len(m.Asked()) != 5 {
		t.Errorf("%v after %d requests", err, len(m.Asked()))
	}
}

// BenchmarkDownload brings a file from loopback to disk, with the checksums
// taken that are needed in addition to what the server says.
func BenchmarkDownload(b *testing.B) {
	data := oitest.RandomBytes(11, 64<<20)
	for name, tag := range map[string]string{"MD5": "", "CRC-32C": `"1"`} {
		b.Run(name, func(b *testing.B) {
			m := oitest.NewMirror(b, csvPath, data)
			m.Replace(data, tag)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				m.Answer(nil)
				s, err := New(m.URL, b.TempDir(), Catalogue{}, Options{})
				if err != nil {
					b.Fatal(err)
				}
				r, err := openWhole(b.Context(), s, csvPath)
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

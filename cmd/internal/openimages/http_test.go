package openimages

import (
	"bytes"
	"context"
	"crypto/md5" // what the server sends
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

const csvPath = "v5/test-annotations-bbox.csv"

func googHash(text string) string {
	sum := md5.Sum([]byte(text)) // as above
	return "md5=" + base64.StdEncoding.EncodeToString(sum[:])
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text)) // as above
	return hex.EncodeToString(sum[:])
}

// noSleep is for a source that does not wait between attempts.
func noSleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

func newHTTPSource(t testing.TB, base, cache string, known []File, o download.Options) *HTTPSource {
	t.Helper()
	if o.Sleep == nil {
		o.Sleep = noSleep
	}
	s, err := NewHTTPSource(base, cache, known, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPathsStayInside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("y"), 0o666); err != nil {
		t.Fatal(err)
	}
	h := newHTTPSource(t, "http://127.0.0.1:1/", t.TempDir(), nil, download.Options{})
	for _, s := range []Source{DirSource(filepath.Join(dir, "sub")), h} {
		if _, err := s.Open(t.Context(), "../x"); err == nil {
			t.Errorf("%T opens ../x", s)
		}
	}
	var missing *download.MissingError
	if _, err := DirSource(dir).Open(t.Context(), "v5/z.csv"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "v5/z.csv") {
		t.Errorf("got %v", err)
	}
}

// TestListArrives reads a list while it arrives: the first rows are there long
// before the last, and what is replaced meanwhile is an error.
func TestListArrives(t *testing.T) {
	data := oitest.BoxList(rand.New(rand.NewPCG(53, 54)), 40_000, true)
	want := gatherPlain(t, data, "/m/a")
	other := oitest.BoxList(rand.New(rand.NewPCG(55, 56)), 40_000, true)
	for _, tt := range []struct {
		name  string
		then  []byte // what the server has after the cut
		after int    // bytes sent before it
		err   error
	}{
		{"in one go", data, len(data), nil},
		{"in two parts", data, len(data) / 2, nil},
		{"replaced", other, len(data) / 2, download.ErrReplaced},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := oitest.NewMirror(t, csvPath, data)
			met := make(chan struct{})
			m.Answer(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				oitest.Both(oitest.Cut(tt.after), func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
					serve(w, r)
				})(w, r, serve)
			})
			m.Answer(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				<-met // a row has come out
				serve(w, r)
			}, nil)
			if tt.name == "replaced" {
				m.Fault(csvPath)
			}
			s := newHTTPSource(t, m.URL, t.TempDir(), nil, download.Options{Sleep: func(context.Context, time.Duration) error {
				m.Replace(tt.then, fmt.Sprintf("%q", fmt.Sprint(len(tt.then))))
				if bytes.Equal(tt.then, data) {
					m.Replace(data, `"1"`)
				}
				return nil
			}})
			g := &gathered{}
			v := g.visitor([]string{"/m/a"})
			row, first := v.Row, true
			v.Row = func(hit *PickedRow) error {
				if first {
					first = false
					close(met)
				}
				return row(hit)
			}
			err := readBoxes(t.Context(), s, File{Path: csvPath}, v)
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
			if _, err := os.Stat(s.client.Name(csvPath) + csvscan.IndexEnding); (err == nil) != (len(data) >= csvscan.IndexFrom) {
				t.Errorf("index of %d bytes: %v", len(data), err)
			}
		})
	}
}

package metadata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

func testEnv(stderr io.Writer) *cli.Env {
	return &cli.Env{Name: "oi-test", Version: "1", Stderr: stderr, Getenv: func(string) string { return "" }, Now: time.Now}
}

// TestPlaces reads the same file from a folder and from a server, and then
// from the cache alone.
func TestPlaces(t *testing.T) {
	const path, text = "v7/oidv7-class-descriptions-boxable.csv", "LabelName,DisplayName\n/m/0cdn1,Hamburger\n"
	dir, cache := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "v7"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	server := oitest.New(t, fstest.MapFS{path: {Data: []byte(text)}})
	for _, c := range []Choice{
		{Dataset: "v7", Place: dir},
		{Dataset: "V7", Place: server.URL, Cache: cache},
		{Dataset: "v7", Place: server.URL + "/", Cache: cache},
	} {
		var stderr bytes.Buffer
		d, src, err := c.Open(testEnv(&stderr))
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Open(t.Context(), d.Classes.Path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || string(data) != text || stderr.Len() > 0 {
			t.Errorf("%s: got %q, %v, %s", c.Place, data, err, &stderr)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := server.Requests(path); n != 1 {
		t.Errorf("asked the server %d times, want once", n)
	}
}

func TestExplain(t *testing.T) {
	server := oitest.New(t, fstest.MapFS{"mirror/v7/oidv7-class-descriptions-boxable.csv": &fstest.MapFile{Data: []byte("/m/0cdn1,Hamburger\n")}})
	noFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(noFolder, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		choice     Choice
		err, hints string
	}{
		{Choice{Dataset: "v7", Place: t.TempDir()}, fs.ErrNotExist.Error(), "official relative paths below the folder"},
		{Choice{Dataset: "v7", Place: server.URL, Cache: t.TempDir()}, "v7/oidv7-class-descriptions-boxable.csv: not found in http://", "layout may have changed"},
		{Choice{Dataset: "v7", Place: server.URL + "/mirror", Cache: noFolder}, "not a directory", "--cache DIR"},
	} {
		d, src, err := tt.choice.Open(testEnv(io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Open(t.Context(), d.Classes.Path)
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: got %v", tt.choice, err)
		}
		var hinted interface{ Hint() string }
		if !errors.As(tt.choice.Explain(err), &hinted) || !strings.Contains(hinted.Hint(), tt.hints) {
			t.Errorf("%+v: no hint with %q", tt.choice, tt.hints)
		}
	}
	damaged := &openimages.RowError{File: "a.csv", Line: 7, Err: io.ErrUnexpectedEOF}
	if (&Choice{Place: server.URL}).Explain(damaged) == error(damaged) {
		t.Error("no hint for a damaged download")
	}
	if (&Choice{Place: t.TempDir()}).Explain(damaged) != error(damaged) {
		t.Error("a hint at the cache for a file of the user's own")
	}
	unreachable := fmt.Errorf("a.csv: %w", &download.UnreachableError{Err: errors.New("no such host")})
	var hinted interface{ Hint() string }
	if !errors.As((&Choice{}).Explain(unreachable), &hinted) || !strings.Contains(hinted.Hint(), "--dataset sample") || !strings.Contains(hinted.Hint(), variable) || !strings.Contains(hinted.Hint(), "HTTPS_PROXY") {
		t.Error("no way named around a server that does not answer")
	}
	if err := io.ErrUnexpectedEOF; (&Choice{}).Explain(err) != err {
		t.Error("a hint for an error that is none of ours")
	}
}

func TestArgs(t *testing.T) {
	for _, tt := range []struct {
		choice Choice
		want   map[string]string
	}{
		{Choice{Dataset: "V7", Cache: "/home/me/cache"}, map[string]string{"dataset": "v7"}},
		{Choice{Dataset: "v4", Place: "/home/me/files"}, map[string]string{"dataset": "v4", "metadata": "folder"}},
		{Choice{Dataset: "v4", Place: "https://me:secret@example.org/oi?token=secret"},
			map[string]string{"dataset": "v4", "metadata": "https://example.org/oi"}},
	} {
		if got := tt.choice.Args(); !maps.Equal(got, tt.want) {
			t.Errorf("%+v: got %v", tt.choice, got)
		}
	}
}

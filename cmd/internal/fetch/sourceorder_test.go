package fetch_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestEarlier: the run that asked and the one that finds the photo in the cache
// say the same of the sources before the one that served.
func TestEarlier(t *testing.T) {
	srv, other := oitest.New(t, mirror(2)), oitest.New(t, mirror(3))
	srv.Fault("train/0001.jpg", repeat(oitest.Status(403), 3)...)
	empty, store := t.TempDir(), t.TempDir()
	describe := func(list string, offline bool, n int) string {
		t.Helper()
		f := newFetcher(t, list, func(o *fetch.Options) { o.Cache, o.Offline = cache(store), offline })
		p, _ := mustFetch(t, f, photo(n))
		var words []string
		for _, a := range p.Earlier {
			words = append(words, fmt.Sprintf("%s: %s %d", a.Source, a.Reason, a.Status))
		}
		return strings.Join(append(words, p.Source), "; ")
	}
	list := empty + ",thumbnail," + srv.URL + "," + other.URL
	for _, offline := range []bool{false, true} {
		if got, want := describe(list, offline, 1), "dir: not found 0; thumbnail: no url 0; url: forbidden 403; url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		if got, want := describe(list, offline, 2), "dir: not found 0; thumbnail: no url 0; url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		// What other sources said before is not what these do.
		if got, want := describe(other.URL, offline, 1), "url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		if got, want := describe(other.URL, offline, 3), "url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
		if got, want := describe(list, offline, 3), "dir: not found 0; thumbnail: no url 0; url: not asked 0; url"; got != want {
			t.Errorf("offline %v: %q, want %q", offline, got, want)
		}
	}
	if n := srv.Requests("train/0003.jpg"); n != 0 {
		t.Errorf("asked %d times for what is in the cache", n)
	}
}

func TestFallback(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	dir := t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{"train/0002.jpg": {Data: oitest.JPEG(2)}}); err != nil {
		t.Fatal(err)
	}
	srv.Fault("train/0003.jpg", oitest.Status(403))
	srv.Fault("gone.jpg", oitest.Status(410))
	f := newFetcher(t, srv.URL+","+dir+",flickr", func(o *fetch.Options) { o.AllowHosts = []string{"127.0.0.1"} })
	if p, _ := mustFetch(t, f, photo(1)); p.Source != "url" {
		t.Errorf("photo 1 from %s", p.Source)
	}
	if p, _ := mustFetch(t, f, photo(2)); p.Source != "dir" {
		t.Errorf("photo 2 from %s", p.Source)
	}
	r := photo(3)
	r.URL = srv.URL + "/train/0001.jpg"
	if p, _ := mustFetch(t, f, r); p.Source != "flickr" {
		t.Errorf("photo 3 from %s", p.Source)
	}
	r = photo(4)
	r.URL = srv.URL + "/gone.jpg"
	fail := failure(t, f, r)
	if fail.Reason != fetch.Gone || fail.Source != "flickr" || fail.Attempts != 3 || len(fail.BySource) != 3 {
		t.Errorf("got %+v", fail)
	}
	// Without an address Flickr is never asked: the reason is the one
	// before.
	if fail := failure(t, f, photo(5)); fail.Reason != fetch.NotFound || fail.Source != "dir" || len(fail.BySource) != 3 {
		t.Errorf("got %+v", fail)
	}
	want := "not found: " + srv.URL + "/train/0005.jpg: 404 Not Found; dir: no train/0005.jpg in the folder, nor under another usual name; flickr: no url: the item has no address for it"
	if fail := failure(t, f, photo(5)); !strings.Contains(fail.Error(), want) {
		t.Errorf("%q does not contain %q", fail.Error(), want)
	}
}

// TestFolderFirst: a folder before the network is looked at first, in every
// run.
func TestFolderFirst(t *testing.T) {
	srv := oitest.New(t, mirror(2))
	dir := t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{"train/0001.jpg": {Data: oitest.JPEG(1)}}); err != nil {
		t.Fatal(err)
	}
	store := t.TempDir()
	for range 2 {
		f := newFetcher(t, dir+","+srv.URL, func(o *fetch.Options) { o.Cache = cache(store) })
		if p, _ := mustFetch(t, f, photo(1)); p.Source != "dir" {
			t.Errorf("photo 1 from %s", p.Source)
		}
		if p, _ := mustFetch(t, f, photo(2)); p.Source != "url" {
			t.Errorf("photo 2 from %s", p.Source)
		}
	}
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestFolderBetween: a folder between two servers is no reason to ask the first
// again for what the second gave.
func TestFolderBetween(t *testing.T) {
	first, last := oitest.New(t, mirror(0)), oitest.New(t, mirror(2))
	dir, store := t.TempDir(), t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{"train/0001.jpg": {Data: oitest.JPEG(1)}}); err != nil {
		t.Fatal(err)
	}
	var said [][]fetch.Attempt
	for run := range 2 {
		f := newFetcher(t, first.URL+","+dir+","+last.URL, func(o *fetch.Options) { o.Cache = cache(store) })
		for range 3 {
			p, _ := mustFetch(t, f, photo(2))
			for i := range p.Earlier {
				p.Earlier[i] = fetch.Attempt{Source: p.Earlier[i].Source, Reason: p.Earlier[i].Reason, Status: p.Earlier[i].Status}
			}
			said = append(said, p.Earlier)
		}
		if n := first.Requests("train/0002.jpg"); n != 1 || last.Total() != 1 {
			t.Errorf("run %d: asked %d and %d times, want once each", run, n, last.Total())
		}
		// What the folder has comes from there, once the first has said
		// no, which it need not say for every box.
		for range 3 {
			p, _ := mustFetch(t, f, photo(1))
			if p.Source != "dir" || len(p.Earlier) != 1 || p.Earlier[0].Reason != fetch.NotFound || p.Earlier[0].Status != 404 {
				t.Errorf("photo 1 from %s after %+v", p.Source, p.Earlier)
			}
		}
		if n := first.Requests("train/0001.jpg"); n != run+1 {
			t.Errorf("run %d: asked %d times for what the folder has, want once a run", run, n)
		}
	}
	want := []fetch.Attempt{{Source: "url", Reason: fetch.NotFound, Status: 404}, {Source: "dir", Reason: fetch.NotFound}}
	for i, got := range said {
		if !slices.Equal(got, want) {
			t.Errorf("time %d: %+v, want %+v", i, got, want)
		}
	}
}

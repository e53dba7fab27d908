package fetch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestPlaceholderInAFolder(t *testing.T) {
	data, err := os.ReadFile(oitest.RealData(t, "flickr/photo_unavailable.png"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.jpg"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int64{0, 1} { // held, and too large to hold
		f := newFetcher(t, dir, func(o *fetch.Options) { o.Memory = memory })
		if fail := failure(t, f, fetch.Request{ID: "x", Subset: "train"}); fail.Reason != fetch.Placeholder {
			t.Errorf("got %+v", fail)
		}
	}
	// Under a plain address too: nothing but the bytes gives it away.
	srv := oitest.New(t, os.DirFS(dir))
	f := newFetcher(t, srv.URL+"/{id}.jpg", nil)
	if fail := failure(t, f, fetch.Request{ID: "x", Subset: "train"}); fail.Reason != fetch.Placeholder {
		t.Errorf("got %+v", fail)
	}
}

// TestGreyPhoto: one channel does not make a photo the placeholder.
func TestGreyPhoto(t *testing.T) {
	f := newFetcher(t, oitest.RealData(t, "openimages/images-1024px"), func(o *fetch.Options) { o.Check = fetch.CheckFull })
	mustFetch(t, f, fetch.Request{ID: "7408fef212a5d3bc", Subset: "train"})
}

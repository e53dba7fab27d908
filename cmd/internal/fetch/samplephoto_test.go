package fetch_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestSample(t *testing.T) {
	var rendered int
	f := newFetcher(t, "s3", func(o *fetch.Options) {
		o.Sample = func(subset, id string) ([]byte, error) {
			rendered++
			if id == "none" {
				return nil, fmt.Errorf("no such drawing: %w", fs.ErrNotExist)
			}
			return oitest.JPEG(len(subset)), nil
		}
	})
	r := fetch.Request{ID: "a1", Subset: "train", URL: "sample:train/a1.jpg"}
	for range 3 {
		p, data := mustFetch(t, f, r)
		if !bytes.Equal(data, oitest.JPEG(5)) || p.Source != "sample" || p.URL != r.URL || p.MediaType != "image/jpeg" {
			t.Errorf("got %+v", p)
		}
	}
	if rendered != 1 {
		t.Errorf("rendered %d times, want once", rendered)
	}
	for _, bad := range []fetch.Request{
		{ID: "none", Subset: "train", URL: "sample:train/none.jpg"},
		{ID: "a1", Subset: "train", URL: "sample:train/other.jpg"},
		{ID: "a1", Subset: "train", URL: "sample:../../etc/passwd"},
	} {
		if fail := failure(t, f, bad); fail.Reason != fetch.NotFound || fail.Source != "sample" {
			t.Errorf("got %+v", fail)
		}
	}
}

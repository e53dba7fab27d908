package fetch_test

import (
	"crypto/md5"
	"encoding/base64"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestOriginal(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	sum := md5.Sum(oitest.JPEG(1))
	right, size := base64.StdEncoding.EncodeToString(sum[:]), int64(len(oitest.JPEG(1)))
	wrong := base64.StdEncoding.EncodeToString(make([]byte, 16))
	for _, tt := range []struct {
		name, source, md5 string
		size              int64
		reason            fetch.Reason
	}{
		{"both right", "flickr", right, size, ""},
		{"unknown", "flickr", "", 0, ""},
		{"wrong md5", "flickr", wrong, size, fetch.MD5Mismatch},
		{"not an md5", "flickr", "oops", size, fetch.MD5Mismatch},
		{"wrong size", "flickr", "", size + 1, fetch.SizeMismatch},
		{"the mirror has no originals", srv.URL, wrong, size + 1, ""},
		{"nor are thumbnails", "thumbnail", wrong, size + 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFetcher(t, tt.source, func(o *fetch.Options) { o.AllowHosts = []string{"127.0.0.1"} })
			r := photo(1)
			r.URL = srv.URL + "/train/0001.jpg"
			r.ThumbnailURL, r.OriginalMD5, r.OriginalSize = r.URL, tt.md5, tt.size
			if tt.reason == "" {
				mustFetch(t, f, r)
			} else if fail := failure(t, f, r); fail.Reason != tt.reason || fail.Attempts != 1 {
				t.Errorf("got %+v, want %q", fail, tt.reason)
			}
		})
	}
}

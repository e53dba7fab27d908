package fetch_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestParseSources(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("s3", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("old{1}/{id}", 0o755); err != nil {
		t.Fatal(err)
	}
	for list, want := range map[string]string{
		"s3,flickr":                     "s3,flickr",
		" thumbnail , s3":               "thumbnail,s3",
		"./s3":                          "dir",
		dir + ",flickr":                 "dir,flickr",
		"http://h/x":                    "http://h/x/{subset}/{id}.jpg",
		"https://h:8/x/":                "https://h:8/x/{subset}/{id}.jpg",
		"https://h/{id}?size=big&key=s": "https://h/{id}",
		"HTTPS://h/a/{id}.png#f":        "HTTPS://h/a/{id}.png",
		"http://h/{class}/{id}.jpg":     "http://h/{class}/{id}.jpg",
		"old{1}":                        "dir", // a folder of that name
		"old{1}/{id}":                   "dir",
		"{subset}/{id}.jpg":             "dir:{subset}/{id}.jpg",
		"{subset}":                      "dir:{subset}/{id}",
		"./{subset}/data/":              "dir:{subset}/data/{id}",
		dir + "/{subset}/data/{id}.jpg": "dir:{subset}/data/{id}.jpg",
		"s3/x-{subset}/{class}/{id}":    "dir:x-{subset}/{class}/{id}",
		"/{id}.jpg,flickr":              "dir:{id}.jpg,flickr",
	} {
		s, err := fetch.ParseSources(list)
		if err != nil || fetch.Canonical(s) != want {
			t.Errorf("%s: %q, %v, want %q", list, fetch.Canonical(s), err, want)
		}
	}
	for list, want := range map[string]string{
		"":                        "expected s3, flickr",
		"s3,,flickr":              "expected s3, flickr",
		"S3":                      "not a folder",
		"/no/such":                "not a folder",
		"ftp://h/x":               "only http and https",
		"file:///x":               "only http and https",
		"http:///x":               "no host",
		"http://":                 "no host",
		"https://":                "no host",
		"http://{id}":             "placeholder in the host",
		"http://{id}.h/x":         "placeholder in the host",
		"https://{subset}.h/{id}": "placeholder in the host",
		"http://h/x?y":            "needs {id}",
		"http://h/{subset}/x.jpg": "needs {id}",
		"http://h/{class}":        "needs {id}",
		"http://h/{split}/{id}":   "{split} is no placeholder",
		"http://h/{id}?x={ID}":    "{ID} is no placeholder",
		"{Subset}/{id}.jpg":       "{Subset} is no placeholder",
		"s3/{id":                  "{id is no placeholder",
		"s3/}{id}":                "} is no placeholder",
		"old{2}":                  "{2} is no placeholder",
		"nosuch/{subset}/{id}":    "no folder nosuch/",
		"/no/such/x-{id}.jpg":     "no folder /no/such/",
		"http://u:secret@h/x":     "user name or password",
		"http://h:port/{id}":      "port",
	} {
		_, err := fetch.ParseSources(list)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", list, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// TestUntrustedAddress: an address from the stream does not reach loopback,
// whatever it is written like, and carries no password.
func TestUntrustedAddress(t *testing.T) {
	srv := oitest.New(t, mirror(1))
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	for _, raw := range []string{
		srv.URL + "/train/0001.jpg",
		"http://localhost" + port + "/train/0001.jpg",
		"http://LOCALHOST" + port + "/train/0001.jpg",
		"http://[::1]" + port + "/x.jpg",
		"http://[::ffff:127.0.0.1]" + port + "/x.jpg",
		"http://0.0.0.0" + port + "/x.jpg",
		"http://user:word@127.0.0.1" + port + "/x.jpg",
		"file:///etc/passwd",
		"data:image/png;base64,AAAA",
		"/etc/passwd",
		"http://%zz/",
		"http://example.com/" + strings.Repeat("a", 3000),
		"://",
	} {
		f := newFetcher(t, "flickr", nil)
		r := photo(1)
		r.URL = raw
		if fail := failure(t, f, r); fail.Reason != fetch.Refused {
			t.Errorf("%s: got %+v", raw, fail)
		}
	}
	if n := srv.Total(); n != 0 {
		t.Errorf("%d requests got through", n)
	}
	var seen http.Header
	srv.Fault("train/0001.jpg", func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		seen = r.Header.Clone()
		serve(w, r)
	})
	f := newFetcher(t, "flickr", func(o *fetch.Options) { o.AllowHosts = []string{"localhost"}; o.UserAgent = "oi-fetch/test" })
	r := photo(1)
	r.URL = "http://user:word@localhost" + port + "/train/0001.jpg"
	p, _ := mustFetch(t, f, r)
	if seen.Get("Authorization") != "" || strings.Contains(p.URL, "word") {
		t.Errorf("the password was sent (%v) or shown (%q)", seen, p.URL)
	}
	if seen.Get("User-Agent") != "oi-fetch/test" {
		t.Errorf("user agent %q", seen.Get("User-Agent"))
	}
}

package fetch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// photosAt makes a folder with a photo at each path, each another one.
func photosAt(t *testing.T, paths ...string) string {
	t.Helper()
	dir, tree := t.TempDir(), fstest.MapFS{}
	for i, path := range paths {
		tree[path] = &fstest.MapFile{Data: oitest.JPEG(i)}
	}
	if err := os.CopyFS(dir, tree); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLayouts: photos are found as other tools lay them out.
func TestLayouts(t *testing.T) {
	hotDog := fetch.Request{ID: "a1", Subset: "train", Class: "Hot dog"}
	for name, tt := range map[string]struct {
		source string // below the folder
		path   string
		url    string // "" for that of path
		r      fetch.Request
	}{
		"official":              {"", "train/a1.jpg", "", hotDog},
		"flat":                  {"", "a1.jpg", "file:train/a1.jpg", hotDog},
		"flat without subset":   {"", "a1.jpg", "", fetch.Request{ID: "a1"}},
		".jpeg":                 {"", "train/a1.jpeg", "", hotDog},
		".JPG":                  {"", "train/a1.JPG", "", hotDog},
		".JPEG":                 {"", "train/a1.JPEG", "", hotDog},
		".png":                  {"", "train/a1.png", "", hotDog},
		"flat .webp":            {"", "a1.webp", "file:train/a1.webp", hotDog},
		"FiftyOne":              {"{subset}/data/{id}.jpg", "train/data/a1.jpg", "", hotDog},
		"FiftyOne any ending":   {"{subset}/data/{id}", "train/data/a1.JPG", "", hotDog},
		"FiftyOne folder":       {"{subset}/data", "train/data/a1.jpeg", "", hotDog},
		"OIDv4_ToolKit":         {"{subset}/{class}/{id}.jpg", "train/Hot dog/a1.jpg", "file:train/Hot%20dog/a1.jpg", hotDog},
		"underscores":           {"{subset}/{class}/{id}.jpg", "train/Hot_dog/a1.jpg", "", hotDog},
		"oidv6":                 {"{subset}/{class}/{id}.jpg", "train/hot dog/a1.jpg", "file:train/hot%20dog/a1.jpg", hotDog},
		"lower case":            {"{subset}/{class}", "train/hot_dog/a1.png", "", hotDog},
		"a class of any letter": {"{class}/{id}.jpg", "Käse, 50%/a1.jpg", "file:K%C3%A4se%2C%2050%25/a1.jpg", fetch.Request{ID: "a1", Class: "Käse, 50%"}},
		"a class like fields":   {"{class}/{id}.jpg", "{id}{subset}/a1.jpg", "file:%7Bid%7D%7Bsubset%7D/a1.jpg", fetch.Request{ID: "a1", Subset: "train", Class: "{id}{subset}"}},
		"dots in a class":       {"{class}/{id}.jpg", "..x/a1.jpg", "", fetch.Request{ID: "a1", Class: "..x"}},
		"in a name":             {"images/{subset}-{id}.jpg", "images/train-a1.jpg", "file:train-a1.jpg", hotDog},
		"no subset is needed":   {"images/{id}.jpg", "images/a1.jpg", "file:a1.jpg", fetch.Request{ID: "a1"}},
		"no ending":             {"{subset}/{id}", "train/a1", "", hotDog},
	} {
		t.Run(name, func(t *testing.T) {
			dir := photosAt(t, "other/a1.jpg", tt.path)
			source := dir
			if tt.source != "" {
				source += "/" + tt.source
			}
			want := tt.url
			if want == "" {
				want = "file:" + tt.path
			}
			for _, memory := range []int64{0, 1} { // held, and too large to hold
				f := newFetcher(t, source, func(o *fetch.Options) { o.Memory = memory })
				p, data := mustFetch(t, f, tt.r)
				if !bytes.Equal(data, oitest.JPEG(1)) || p.URL != want || p.Source != "dir" {
					t.Errorf("got %+v, want %s", p, want)
				}
			}
			// One that is not there is not found, and the message
			// names it.
			tt.r.ID = "a2"
			fail := failure(t, newFetcher(t, source, nil), tt.r)
			if fail.Reason != fetch.NotFound || fail.Attempts != 1 || !strings.Contains(fail.Detail, "a2") {
				t.Errorf("got %+v", fail)
			}
		})
	}
}

// TestLayoutOrder: of several files that would do, always the same one serves,
// and a template with an ending takes no other.
func TestLayoutOrder(t *testing.T) {
	dir := photosAt(t, "train/a1.jpg", "train/a1.jpeg", "train/a1.JPG", "train/a1.JPEG", "train/a1.png", "train/a1.webp",
		"a1.jpg", "a1.jpeg", "a1.JPG", "a1.JPEG", "a1.png", "a1.webp")
	r := fetch.Request{ID: "a1", Subset: "train"}
	for i, path := range []string{"train/a1.jpg", "train/a1.jpeg", "train/a1.JPG", "train/a1.JPEG", "train/a1.png", "train/a1.webp", "a1.jpg", "a1.jpeg"} {
		if _, data := mustFetch(t, newFetcher(t, dir, nil), r); !bytes.Equal(data, oitest.JPEG(i)) {
			t.Errorf("%s was there, and another file served", path)
		}
		if err := os.Remove(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	if fail := failure(t, newFetcher(t, dir+"/{id}.jpg", nil), r); fail.Reason != fetch.NotFound {
		t.Errorf("got %+v", fail)
	}
	mustFetch(t, newFetcher(t, dir+"/{id}", nil), r)

	dir = photosAt(t, "Hot dog/a1.jpg", "Hot_dog/a1.jpg", "hot dog/a1.jpg", "hot_dog/a1.jpg")
	r.Class = "Hot dog"
	for i, class := range []string{"Hot dog", "Hot_dog", "hot dog", "hot_dog"} {
		if _, data := mustFetch(t, newFetcher(t, dir+"/{class}", nil), r); !bytes.Equal(data, oitest.JPEG(i)) {
			t.Errorf("%s was there, and another file served", class)
		}
		if err := os.Remove(filepath.Join(dir, class, "a1.jpg")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTemplateStaysInside: what comes from the stream is one level of a path,
// or no part of it at all.
func TestTemplateStaysInside(t *testing.T) {
	outside := photosAt(t, "a1.jpg", "in/x", "in/train/b1.jpg")
	dir := filepath.Join(outside, "in")
	srv := oitest.New(t, os.DirFS(outside))
	for _, tt := range []struct {
		r      fetch.Request
		reason fetch.Reason
	}{
		{fetch.Request{ID: "a1", Class: ".."}, fetch.Refused},
		{fetch.Request{ID: "a1", Class: "."}, fetch.Refused},
		{fetch.Request{ID: "a1", Class: "../../in/.."}, fetch.Refused},
		{fetch.Request{ID: "b1", Class: "train/../train"}, fetch.Refused},
		{fetch.Request{ID: "a1", Class: "/"}, fetch.Refused},
		{fetch.Request{ID: "b1", Class: "train\x00"}, fetch.Refused},
		{fetch.Request{ID: "b1", Class: ""}, fetch.NoURL},
		{fetch.Request{ID: "b1", Class: strings.Repeat("a", 5000)}, fetch.Unreadable},
	} {
		if fail := failure(t, newFetcher(t, dir+"/{class}/{id}.jpg", nil), tt.r); fail.Reason != tt.reason {
			t.Errorf("%.80q: got %+v", tt.r.Class, fail)
		}
		if tt.reason == fetch.Unreadable {
			tt.reason = fetch.Refused // too long for an address
		}
		if fail := failure(t, newFetcher(t, srv.URL+"/in/{class}/{id}.jpg", nil), tt.r); fail.Reason != tt.reason {
			t.Errorf("%.80q from a server: got %+v", tt.r.Class, fail)
		}
	}
	for _, subset := range []string{"", "..", "../..", "a/b"} {
		if fail := failure(t, newFetcher(t, dir+"/{subset}/{id}.jpg", nil), fetch.Request{ID: "a1", Subset: subset}); fail.Reason != fetch.NoURL {
			t.Errorf("subset %q: got %+v", subset, fail)
		}
	}
	if n := srv.Total(); n != 0 {
		t.Errorf("%d requests got through", n)
	}
}

// TestClassInAnAddress: a class is one level of an address too, or a value.
func TestClassInAnAddress(t *testing.T) {
	srv := oitest.New(t, os.DirFS(photosAt(t, "train/Hot dog/a1.jpg", "a b&c?/a1.jpg", "a1.jpg")))
	for _, tt := range []struct{ template, class, url string }{
		{"/{subset}/{class}/{id}.jpg", "Hot dog", "/train/Hot%20dog/a1.jpg"},
		{"/{class}/{id}.jpg", "a b&c?", "/a%20b&c%3F/a1.jpg"},
		{"/{id}.jpg?of={class}", "a b&c?", "/a1.jpg"},
	} {
		f := newFetcher(t, srv.URL+tt.template, nil)
		if p, _ := mustFetch(t, f, fetch.Request{ID: "a1", Subset: "train", Class: tt.class}); p.URL != srv.URL+tt.url {
			t.Errorf("%s: got %s, want %s", tt.template, p.URL, tt.url)
		}
	}
}

// TestLinks: in a folder that the user named links are followed, wherever they
// lead. One that leads nowhere says so.
func TestLinks(t *testing.T) {
	outside := photosAt(t, "big/x.jpg", "big/y.jpg", "objects/ab/cd")
	dir := photosAt(t, "objects/x", "train/nested.jpg", "flat.jpg")
	link := func(to, name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	link("../objects/x", "train/inside.jpg")
	link(filepath.Join(outside, "big/x.jpg"), "train/absolute.jpg")
	link("../../"+filepath.Base(outside)+"/big/x.jpg", "train/relative.jpg")
	link(filepath.Join(outside, "objects/ab/cd"), "train/renamed.jpg")
	link("absolute.jpg", "train/chain.jpg")
	link(filepath.Join(outside, "big"), "test")
	link("test", "validation")
	link("loop.jpg", "train/loop.jpg")
	link("circle", "circle")
	link(".", "self")
	link(outside+"/unmounted", "gone")
	link("../.git/annex/objects/x", "train/annex.jpg")
	link("/etc", "train/folder.jpg")
	link("/dev/zero", "train/device.jpg")
	oitest.MakeNamedPipe(t, filepath.Join(dir, "train", "pipe.jpg"))
	link("pipe.jpg", "train/piped.jpg")
	if err := os.WriteFile(filepath.Join(dir, "train", "empty.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(t.TempDir(), "photos") // a link as the folder itself
	if err := os.Symlink(dir, aside); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{dir, aside, dir + "/{subset}/{id}.jpg"} {
		f := newFetcher(t, source, nil)
		for _, tt := range []struct {
			subset, id string
			reason     fetch.Reason
			detail     string
		}{
			{subset: "train", id: "nested"},
			{subset: "train", id: "inside"},
			{subset: "train", id: "absolute"},
			{subset: "train", id: "relative"},
			{subset: "train", id: "renamed"},
			{subset: "train", id: "chain"},
			{subset: "test", id: "x"},
			{subset: "validation", id: "y"},
			{subset: "self", id: "flat"},
			{"train", "loop", fetch.Unreadable, "train/loop.jpg: too many levels of symbolic links"},
			{"circle", "x", fetch.Unreadable, "circle/x.jpg: too many levels of symbolic links"},
			{"train", "annex", fetch.Unreadable, "train/annex.jpg is a link to ../.git/annex/objects/x, where nothing is"},
			{"gone", "x", fetch.Unreadable, "gone is a link to " + outside + "/unmounted, where nothing is"},
			{"train", "folder", fetch.Unreadable, "train/folder.jpg is not a regular file"},
			{"train", "device", fetch.Unreadable, "train/device.jpg is not a regular file"},
			{"train", "pipe", fetch.Unreadable, "train/pipe.jpg is not a regular file"},
			{"train", "piped", fetch.Unreadable, "train/piped.jpg is not a regular file"},
			{"train", "empty", fetch.NotPicture, "no bytes at all"},
			{"train", "missing", fetch.NotFound, "no train/missing.jpg in the folder"},
			{"nosuch", "x", fetch.NotFound, "no nosuch/x.jpg in the folder"},
		} {
			r := fetch.Request{ID: tt.id, Subset: tt.subset}
			if tt.reason == "" {
				mustFetch(t, f, r)
			} else if fail := failure(t, f, r); fail.Reason != tt.reason || !strings.HasPrefix(fail.Detail, tt.detail) || fail.Attempts != 1 {
				t.Errorf("%s: %s/%s: got %+v, want %q: %q", source, tt.subset, tt.id, fail, tt.reason, tt.detail)
			}
		}
	}
}

// TestPermission: a photo that is there and may not be read is not "not found".
func TestPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := photosAt(t, "train/a1.jpg")
	if err := os.Chmod(filepath.Join(dir, "train/a1.jpg"), 0); err != nil {
		t.Fatal(err)
	}
	if fail := failure(t, newFetcher(t, dir, nil), fetch.Request{ID: "a1", Subset: "train"}); fail.Reason != fetch.Unreadable || fail.Detail != "train/a1.jpg: permission denied" {
		t.Errorf("got %+v", fail)
	}
}

// TestFolderTooLarge: the limit on bytes is one for photos from folders too.
func TestFolderTooLarge(t *testing.T) {
	dir := photosAt(t, "train/a1.jpg")
	f := newFetcher(t, dir, func(o *fetch.Options) { o.MaxBytes = int64(len(oitest.JPEG(0))) - 1 })
	if fail := failure(t, f, fetch.Request{ID: "a1", Subset: "train"}); fail.Reason != fetch.TooLarge {
		t.Errorf("got %+v", fail)
	}
}

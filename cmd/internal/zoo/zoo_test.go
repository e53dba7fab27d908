package zoo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// A place is a server with a network's file, and what was said of a download.
type place struct {
	*oitest.Server
	entry   Entry
	cache   string
	options Options
	said    []string
	warned  []string
}

func newPlace(t *testing.T, data []byte) *place {
	t.Helper()
	const path = "net/model/net-1.onnx"
	p := &place{Server: oitest.NewTLS(t, fstest.MapFS{"zoo/" + path: {Data: data}}), cache: t.TempDir()}
	p.entry = Entry{Name: "net", Base: p.URL + "/zoo", Path: path, Size: int64(len(data)), SHA256: sum(data), Normalize: "imagenet", Licence: "MIT; trained on nothing", Source: "a test"}
	p.options = Options{Cache: p.cache, Say: func(line string) { p.said = append(p.said, line) }, Download: download.Options{
		Transport: p.Client().Transport, Retries: 2, Sleep: func(context.Context, time.Duration) error { return nil },
		Warn: func(message string) { p.warned = append(p.warned, message) },
	}}
	return p
}

func (p *place) fetch(t *testing.T) (string, error) {
	t.Helper()
	return p.entry.Fetch(t.Context(), p.options)
}

// models are the files of models in the cache, whole or not.
func (p *place) models(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range oitest.Files(t, p.cache) {
		if strings.Contains(name, ".onnx") {
			names = append(names, name)
		}
	}
	return names
}

func TestFetch(t *testing.T) {
	data := oitest.RandomBytes(1, 300_000)
	p := newPlace(t, data)
	const request = "zoo/net/model/net-1.onnx"
	p.Fault(request, oitest.Header("ETag", `"1"`), oitest.Both(oitest.Header("ETag", `"1"`), oitest.Cut(200_000)), nil)
	p.options.Download.Offline = true
	var offline *download.OfflineError
	if _, err := p.fetch(t); !errors.As(err, &offline) || p.Total() != 0 || len(p.said) != 0 {
		t.Fatalf("offline: %v, %d requests, %q", err, p.Total(), p.said)
	}
	p.options.Download.Offline = false
	path, err := p.fetch(t)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || sum(got) != p.entry.SHA256 || !strings.HasPrefix(path, filepath.Join(p.cache, "backbones")) || filepath.Base(path) != "net-1.onnx" {
		t.Errorf("%s: %v", path, err)
	}
	if want := "downloading backbone net, once: net-1.onnx, 0.3 MB, from " + p.entry.Base + " (a test); licence MIT; trained on nothing"; len(p.said) != 1 || p.said[0] != want {
		t.Errorf("said %q, want %q", p.said, want)
	}
	requests := p.Total()
	p.options.Download.Offline = true
	if again, err := p.fetch(t); again != path || err != nil || p.Total() != requests || len(p.said) != 1 {
		t.Errorf("again: %q, %v, %d requests", again, err, p.Total()-requests)
	}

	// A file that has become another is found, removed, and comes again.
	damage := func() {
		t.Helper()
		other := append([]byte{}, data...)
		other[1000]++
		if err := os.WriteFile(path, other, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage()
	var damaged *download.DamagedError
	if _, err := p.fetch(t); !errors.As(err, &damaged) || !strings.Contains(err.Error(), p.entry.SHA256) || len(p.models(t)) != 0 {
		t.Errorf("damaged, offline: %v, left %v", err, p.models(t))
	}
	damage()
	p.options.Download.Offline = false
	if again, err := p.fetch(t); again != path || err != nil || len(p.warned) != 1 || !strings.HasSuffix(p.warned[0], "it has been removed") {
		t.Errorf("damaged: %v, %q", err, p.warned)
	}
}

// What was cut is gone on with, by another process as well.
func TestFetchResumes(t *testing.T) {
	data := oitest.RandomBytes(2, 300_000)
	p := newPlace(t, data)
	const request = "zoo/net/model/net-1.onnx"
	tagged := oitest.Header("ETag", `"1"`)
	cut := oitest.Both(tagged, oitest.Cut(100_000))
	p.Fault(request, cut, oitest.Reset, oitest.Reset, oitest.Reset)
	if _, err := p.fetch(t); err == nil {
		t.Fatal("no error")
	}
	ranges := ""
	p.Fault(request, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		ranges = r.Header.Get("Range")
		tagged(w, r, serve)
	})
	if _, err := p.fetch(t); err != nil || ranges != "bytes=100000-" {
		t.Errorf("%v, asked for %q", err, ranges)
	}
}

// Nothing is kept of what is not the file.
func TestFetchRefuses(t *testing.T) {
	data := oitest.RandomBytes(3, 50_000)
	other := oitest.RandomBytes(4, 50_000)
	const request = "zoo/net/model/net-1.onnx"
	for name, test := range map[string]struct {
		fault oitest.Fault
		want  string
	}{
		"another sum":        {oitest.Body("application/octet-stream", other), "its SHA-256 is " + sum(other) + ", expected " + sum(data)},
		"too short":          {oitest.Body("application/octet-stream", data[:40_000]), "it has 40000 bytes, expected 50000"},
		"too long":           {oitest.Body("application/octet-stream", append(append([]byte{}, data...), 0)), "the server sends 50001 bytes or more, and the file may have 50000"},
		"without an end":     {oitest.Endless, "and the file may have 50000"},
		"a page":             {oitest.Body("text/html", []byte("<html>")), "web page"},
		"a pointer":          {oitest.Body("text/plain", []byte("version https://git-lfs.github.com/spec/v1\n")), "expected 50000"},
		"not there":          {oitest.Status(http.StatusNotFound), "404"},
		"redirected to http": {oitest.Redirect("http://127.0.0.1:1/x?token=secret"), "leads elsewhere, to http://127.0.0.1:1/x, which is not https"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, data)
			p.Fault(request, test.fault, test.fault, test.fault, test.fault)
			_, err := p.fetch(t)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") || len(p.models(t)) > 0 || p.Requests(request) != 1 {
				t.Errorf("%v after %d requests, want %s; left %v", err, p.Requests(request), test.want, p.models(t))
			}
		})
	}
	p := newPlace(t, data)
	p.entry.Base = strings.Replace(p.entry.Base, "https:", "http:", 1)
	if _, err := p.fetch(t); err == nil || !strings.Contains(err.Error(), "no https address") || p.Total() != 0 {
		t.Errorf("over http: %v", err)
	}
}

func TestRedirectToHTTPS(t *testing.T) {
	data := oitest.RandomBytes(5, 50_000)
	p := newPlace(t, data)
	p.Fault("zoo/net/model/net-1.onnx", oitest.Redirect("/zoo/net/model/net-1.onnx"))
	if _, err := p.fetch(t); err != nil {
		t.Error(err)
	}
}

func TestTable(t *testing.T) {
	names, sums := map[string]bool{}, map[string]bool{}
	hexSum := regexp.MustCompile(`^[0-9a-f]{64}$`)
	table := Backbones()
	for _, e := range table {
		if names[e.Name] || sums[e.SHA256] || !hexSum.MatchString(e.SHA256) || e.Size < 1<<20 || !strings.HasPrefix(e.Base, "https://") || e.Licence == "" || e.Source == "" {
			t.Errorf("%+v", e)
		}
		names[e.Name], sums[e.SHA256] = true, true
		if n, err := e.Normalization(); err != nil || n.String() != e.Normalize+" (from what is known of "+e.File()+")" {
			t.Errorf("%s: %v, %v", e.Name, n, err)
		}
		for _, name := range []string{e.Name, strings.ToUpper(e.Name), e.File(), strings.TrimSuffix(e.File(), ".onnx")} {
			if found, ok := table.Find(name); !ok || found != e {
				t.Errorf("%s: %+v", name, found)
			}
		}
		if found, ok := table.BySum(strings.ToUpper(e.SHA256)); !ok || found != e {
			t.Errorf("%s: %+v", e.SHA256, found)
		}
	}
	if _, ok := table.Find(""); ok {
		t.Error("found nothing")
	}
	if _, ok := table.BySum(""); ok {
		t.Error("known without a sum")
	}
	for typed, want := range map[string]string{
		"mobilenet_v2": "mobilenetv2", "MobileNet-V2": "mobilenetv2", "ResNet_50": "resnet50", "resnet18_v2_7": "resnet18",
	} {
		if e, _ := table.Find(typed); e.Name != want {
			t.Errorf("%s: found %q", typed, e.Name)
		}
	}
	for typed, want := range map[string]string{
		"mobilnetv2": "mobilenetv2", "Mobile_Net2": "mobilenetv2", "resnet51": "resnet50", "resnet19": "resnet18", "resnet10": "resnet18 resnet50",
		"resnet50.onnx": "resnet50", "shuflenetv2-12.onnx": "shufflenetv2", "burger": "", "x": "", "": "", "photo.jpg": "",
	} {
		if got := strings.Join(table.Near(typed), " "); got != want {
			t.Errorf("%s: near to %q, want %q", typed, got, want)
		}
	}
}

// What lies beside a file is nearer to it than what is known by its sum.
func TestFacts(t *testing.T) {
	model := filepath.Join(t.TempDir(), "m.onnx")
	known := Backbones()[0]
	for _, test := range []struct{ beside, sum, want, licence string }{
		{"", "", "", ""},
		{"", known.SHA256, "imagenet (from what is known of mobilenetv2-12.onnx)", known.Licence},
		{`{"image_mean": 0.5, "image_std": 0.5}`, known.SHA256, "-1..1 (from preprocessor_config.json)", known.Licence},
		{`{"image_mean": 0.5, "image_std": 0.5}`, "", "-1..1 (from preprocessor_config.json)", ""},
		{`{}`, known.SHA256, "imagenet (from what is known of mobilenetv2-12.onnx)", known.Licence},
		{`{`, known.SHA256, "!", known.Licence},
	} {
		name := filepath.Join(filepath.Dir(model), "preprocessor_config.json")
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if test.beside != "" {
			if err := os.WriteFile(name, []byte(test.beside), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		n, licence, err := Backbones().Facts(model, test.sum)
		got := ""
		if n != nil {
			got = n.String()
		}
		if err != nil {
			got = "!"
		}
		if got != test.want || licence != test.licence {
			t.Errorf("%+v: %q, %q, %v", test, got, licence, err)
		}
	}
}

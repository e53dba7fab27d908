package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/sample"
	"github.com/opensandwich/oi/record"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"oi-fetch": main,
		"boxes":    func() { testTool(boxesTool) },
		"photo":    func() { testTool(photoTool) },

		"photoserver": func() { testTool(photoServerTool) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Condition: func(cond string) (bool, error) {
			if cond != "mount" { // a small disk can be made
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).Run() == nil, nil
		},
		Setup: func(e *testscript.Env) error {
			srv := oitest.New(e.T().(testing.TB), os.DirFS(e.WorkDir))
			e.Setenv("SERVER", srv.URL)
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			return nil
		},
	})
}

func testTool(f func(args []string) error) {
	if err := f(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// boxesTool writes a stream like oi-boxes' to standard output, a box for each
// argument SUBSET/ID or SUBSET/ID=URL.
func boxesTool(args []string) error {
	var items []*record.Item
	for i, a := range args {
		name, url, _ := strings.Cut(a, "=")
		subset, id, _ := strings.Cut(name, "/")
		items = append(items, box(subset, id, i, url))
	}
	return writeStream(os.Stdout, record.Binary, items)
}

// photoTool writes a picture to each file named.
func photoTool(args []string) error {
	for i, name := range args {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, oitest.JPEG(i), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func box(subset, id string, n int, url string) *record.Item {
	return &record.Item{ID: id, Key: fmt.Sprintf("%s-%08x", id, n), Subset: subset, Label: &record.Label{MID: "/m/1", Name: "One"},
		Box: &record.Box{XMax: 1, YMax: 1}, Image: &record.Image{URL: url}}
}

func writeStream(w io.Writer, e record.Encoding, items []*record.Item) error {
	out := record.NewWriter(w, e)
	n := int64(len(items))
	err := out.Write(&record.Header{Version: record.Version, Classes: []record.Class{{MID: "/m/1", Name: "One"}}, Stages: []record.Stage{{Tool: "oi-boxes", Version: "1"}}})
	for _, it := range items {
		err = errors.Join(err, out.Write(it))
	}
	return errors.Join(err, out.Write(&record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: n, Out: n}}}), out.Flush())
}

// oiFetch runs the command and returns what it wrote.
func oiFetch(t testing.TB, input []byte, wantCode int, args ...string) (stdout []byte, stderr string) {
	t.Helper()
	code, stdout, stderr := cmdtest.Run(t.Context(), command(), input, args...)
	if code != wantCode {
		t.Fatalf("oi-fetch %v: exit code %d, want %d:\n%s", args, code, wantCode, stderr)
	}
	return stdout, stderr
}

func binary(t testing.TB, items []*record.Item) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeStream(&b, record.Binary, items); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns the items of a complete stream and its end.
func read(t testing.TB, data []byte) (items []*record.Item, end *record.End) {
	t.Helper()
	_, items, end = cmdtest.Decode(t, data)
	return items, end
}

// someBoxes is 120 boxes of 40 photos in a jumble, and a tree with all but
// every seventh photo, one of which is a web page.
func someBoxes() ([]*record.Item, fstest.MapFS) {
	rng := rand.New(rand.NewPCG(3, 4))
	tree := fstest.MapFS{}
	var items []*record.Item
	for i := range 120 {
		n := rng.IntN(40)
		subset := []string{"train", "validation", "test"}[n%3]
		id := fmt.Sprintf("%016x", n)
		items = append(items, box(subset, id, i, ""))
		file := &fstest.MapFile{Data: oitest.JPEG(n)}
		switch {
		case n == 5:
			file.Data = []byte("<html>sign in</html>")
			fallthrough
		case n%7 != 0:
			tree[subset+"/"+id+".jpg"] = file
		}
	}
	return items, tree
}

// TestSameBytesAlways: neither -j nor what the cache holds shows in the output,
// and each photo is asked for once.
func TestSameBytesAlways(t *testing.T) {
	boxes, tree := someBoxes()
	input := binary(t, boxes)
	photos := map[string]bool{}
	for _, b := range boxes {
		photos[b.Subset+"/"+b.ID+".jpg"] = true
	}
	srv := oitest.New(t, tree)
	var want []byte
	for _, jobs := range []string{"1", "8", "32"} {
		cache := t.TempDir()
		for _, run := range []string{"cold", "warm", "offline"} {
			before := srv.Total()
			args := []string{"-j", jobs, "--images", srv.URL, "--cache", cache, "--max-skips", "100%", "-q"}
			if run == "offline" {
				args = append(args, "--offline")
			}
			got, _ := oiFetch(t, input, 0, args...)
			asked := srv.Total() - before
			switch run {
			case "cold":
				if asked != len(photos) {
					t.Errorf("-j %s: %d requests for %d photos", jobs, asked, len(photos))
				}
			case "warm": // only what failed is asked for again
				if missing := len(photos) - len(tree) + 1; asked != missing {
					t.Errorf("-j %s: %d requests with a warm cache, want the %d failures", jobs, asked, missing)
				}
			case "offline":
				if asked != 0 {
					t.Errorf("-j %s: %d requests though offline", jobs, asked)
				}
				got = forgetCounts(t, got)
				if !bytes.Equal(got, forgetCounts(t, want)) {
					t.Errorf("-j %s, offline: other bytes", jobs)
				}
				continue
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("-j %s, %s cache: other bytes", jobs, run)
			}
		}
	}
	items, end := read(t, want)
	checkAccount(t, boxes, items, end, tree)
}

// forgetCounts rewrites a stream with an empty end: offline, the reasons
// differ.
func forgetCounts(t *testing.T, data []byte) []byte {
	t.Helper()
	items, _ := read(t, data)
	return binary(t, items)
}

// checkAccount: every box is in the output, in order, or counted.
func checkAccount(t *testing.T, boxes, items []*record.Item, end *record.End, tree fstest.MapFS) {
	t.Helper()
	var want []string
	skipped, digests := map[string]int64{}, record.Digests{}
	for _, b := range boxes {
		digests.In = digests.In.Plus(record.DigestOf(b))
		switch file, ok := tree[b.Subset+"/"+b.ID+".jpg"]; {
		case !ok:
			skipped["not found"]++
		case file.Data[0] == '<':
			skipped["not a picture"]++
		default:
			want = append(want, b.Key)
			digests.Out = digests.Out.Plus(record.DigestOf(b))
			continue
		}
		digests.Skipped = digests.Skipped.Plus(record.DigestOf(b))
	}
	var got []string
	for _, it := range items {
		got = append(got, it.Key)
		if !bytes.Equal(it.Fetched.Bytes, tree[it.Subset+"/"+it.ID+".jpg"].Data) {
			t.Errorf("%s has another photo", it.Key)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d items, want %d, in the order of the input", len(got), len(want))
	}
	count := end.Stages[len(end.Stages)-1]
	expect := record.StageCounts{Tool: "oi-fetch", In: int64(len(boxes)), Out: int64(len(want)), Skipped: skipped, Digests: &digests}
	if d := cmp.Diff(expect, count); d != "" || !count.Balanced() {
		t.Errorf("account: %s", d)
	}
}

// TestRealPhotos: from a folder, over HTTP and from a warm cache the real
// photos make the same stream but for the place they came from.
func TestRealPhotos(t *testing.T) {
	bucket := oitest.RealData(t, "openimages/bucket")
	files, err := filepath.Glob(filepath.Join(bucket, "test", "*.jpg"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d photos, %v", len(files), err)
	}
	var boxes []*record.Item
	for i, name := range files {
		boxes = append(boxes, box("test", strings.TrimSuffix(filepath.Base(name), ".jpg"), i, ""))
	}
	input := binary(t, boxes)
	srv := oitest.New(t, os.DirFS(bucket))
	cache := t.TempDir()
	var want []byte
	for _, args := range [][]string{
		{"--images", bucket},
		{"--images", srv.URL, "--cache", cache},
		{"--images", srv.URL, "--cache", cache, "--offline", "--check", "full"},
	} {
		out, _ := oiFetch(t, input, 0, args...)
		items, _ := read(t, out)
		for _, it := range items {
			it.Fetched.URL, it.Fetched.Source = "", ""
		}
		got := binary(t, items)
		if want == nil {
			want = got
		}
		if len(items) != len(files) || !bytes.Equal(got, want) {
			t.Errorf("%v: %d items, or they differ", args, len(items))
		}
	}
	if srv.Total() != len(files) {
		t.Errorf("%d requests for %d photos", srv.Total(), len(files))
	}
}

// TestHeader: the header tells what was done, the same on every machine.
func TestHeader(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.jpg"), oitest.JPEG(1), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ := oiFetch(t, binary(t, []*record.Item{box("train", "a", 0, "")}), 0, "--images", dir+",s3,https://h/{id}?key=secret", "-j", "3", "--retries", "7", "--cache", t.TempDir())
	r := record.NewReader(bytes.NewReader(out))
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	stages := r.Header().Stages
	want := map[string]string{"images": "dir,s3,https://h/{id}", "check": "header"}
	if last := stages[len(stages)-1]; last.Tool != "oi-fetch" || cmp.Diff(want, last.Args) != "" {
		t.Errorf("got %+v", last)
	}
}

// TestSampleNeedsNothing: drawings come without network, folder, flag or cache.
func TestSampleNeedsNothing(t *testing.T) {
	items := sampleBoxes(t, 6)
	out, _ := oiFetch(t, binary(t, items), 0)
	got, _ := read(t, out)
	if len(got) != len(items) {
		t.Fatalf("%d of %d items", len(got), len(items))
	}
	for _, it := range got {
		if it.Fetched.Source != "sample" || it.Fetched.MediaType != "image/jpeg" {
			t.Errorf("got %+v", it.Fetched)
		}
		if _, err := jpeg.Decode(bytes.NewReader(it.Fetched.Bytes)); err != nil {
			t.Errorf("%s: %v", it.ID, err)
		}
	}
}

// sampleBoxes is n items of the built-in data set.
func sampleBoxes(t *testing.T, n int) []*record.Item {
	t.Helper()
	list, err := sample.New().Open(t.Context(), "2018_04/validation/validation-images-with-rotation.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	rows := csv.NewReader(list)
	if _, err := rows.Read(); err != nil {
		t.Fatal(err)
	}
	var items []*record.Item
	for i := range n {
		row, err := rows.Read()
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, box(row[1], row[0], i, row[2]))
	}
	return items
}

// FuzzItem: whatever an item says of its photo, it is skipped or fetched, and
// nothing but the folder is read.
func FuzzItem(f *testing.F) {
	outside := f.TempDir()
	dir := filepath.Join(outside, "photos", "in")
	inside := oitest.JPEG(1)
	for name, data := range map[string][]byte{"photos/in/ok.jpg": inside, "photos/in/One/ok.jpg": inside, "photos/ok.jpg": oitest.JPEG(2), "ok.jpg": oitest.JPEG(2)} {
		path := filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			f.Fatal(err)
		}
	}
	sources := dir + "," + dir + "/{class}/{id}.jpg," + dir + "/{subset}/{class}/{id},flickr,thumbnail"
	cache := f.TempDir()
	f.Add("ok", "train", "", "", "", "One")
	f.Add("ok", "in", "", "", "", "..")
	f.Add("no", "train", "http://127.0.0.1:1/x", "AAAA", "sample:train/ok.jpg", "../../photos")
	f.Add("no", "test", "sample:train/ok.jpg", "", "file:///etc/passwd", "One\x00")
	f.Add("../ok", "..", "://", "", "http://user:word@[::1%25eth0]:0/", "/")
	f.Fuzz(func(t *testing.T, id, subset, url, md5, thumbnail, class string) {
		it := box(subset, id, 0, url)
		it.Image.OriginalMD5, it.Image.ThumbnailURL, it.Label.Name = md5, thumbnail, class
		var input bytes.Buffer
		// The other one is there, so that not everything is skipped.
		if err := writeStream(&input, record.Binary, []*record.Item{it, box("train", "ok", 1, "")}); err != nil {
			t.Skip() // not an item that a stream can hold
		}
		code, out, _ := cmdtest.Run(t.Context(), command(), input.Bytes(), "--images", sources, "--offline", "--max-skips", "1", "--cache", cache)
		if code != 0 {
			return // refused as a whole
		}
		items, end := read(t, out)
		if c := end.Stages[len(end.Stages)-1]; !c.Balanced() || c.In != 2 || int(c.Out) != len(items) {
			t.Fatalf("account %+v with %d items", c, len(items))
		}
		for _, it := range items {
			if it.Fetched.Source == "dir" && !bytes.Equal(it.Fetched.Bytes, inside) {
				t.Errorf("%s is not in the folder", it.Fetched.URL)
			}
		}
	})
}

// BenchmarkWarm is the whole stage over a warm cache of 300 KB photos.
func BenchmarkWarm(b *testing.B) {
	tree := fstest.MapFS{}
	var items []*record.Item
	var size int64
	for i := range 200 {
		id := fmt.Sprintf("%016x", i)
		data := noise(b, uint64(i))
		tree["train/"+id+".jpg"] = &fstest.MapFile{Data: data}
		items = append(items, box("train", id, i, ""))
		size += int64(len(data))
	}
	srv := oitest.New(b, tree)
	input, cache := binary(b, items), b.TempDir()
	oiFetch(b, input, 0, "--images", srv.URL, "--cache", cache, "-q")
	b.SetBytes(size)
	for b.Loop() {
		oiFetch(b, input, 0, "--images", srv.URL, "--cache", cache, "-q", "--offline")
	}
}

// noise is a picture of about 300 KB.
func noise(t testing.TB, seed uint64) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	im := image.NewGray(image.Rect(0, 0, 640, 512))
	for i := range im.Pix {
		im.Pix[i] = byte(rng.Uint32())
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

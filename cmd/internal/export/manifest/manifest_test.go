package manifest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// odd is a package whose names and metadata need every rule of Python's JSON.
func odd() *Quilt {
	q := &Quilt{Meta: map[string]any{
		"version": "v0", "message": "Ä \"q\" \\ / \x7f \x00 \U0001f354 \u2028",
		"user_meta": map[string]any{"b": []any{int64(1), true, nil, "x"}, "a": map[string]any{"z": int64(-5), "é": "\t\n\r\b\f"}},
	}}
	for _, e := range []struct {
		key  string
		size int64
	}{{"a/b.png", 3}, {"a-b.png", 0}, {"é/ü.csv", 9007199254740993}} {
		sum := sha256.Sum256([]byte(e.key))
		q.Entries = append(q.Entries, QuiltEntry{
			LogicalKey: e.key, PhysicalKey: "s3://b/" + e.key, Size: e.size, SHA256: hex.EncodeToString(sum[:]), Meta: map[string]any{"m": e.key},
		})
	}
	return q
}

// The hash is the one that the lines of quilt3's _calculate_top_hash print for
// this package in Python, and that of what was written and read back.
func TestTopHash(t *testing.T) {
	const want = "56d77a7a8b8bd463a13291475ca992e2cdb96f947415228096d6052fdc1e2b85"
	q := odd()
	if got := q.TopHash(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var b bytes.Buffer
	if err := q.Write(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Reverse(lines[1 : len(lines)-1]) // as another program may order them
	text := strings.Join(lines, "") + "\n" + `{"logical_key": "a/", "meta": {"of": "a folder"}}`
	read, err := ReadQuilt(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(q, read); d != "" || read.TopHash() != want {
		t.Error(read.TopHash(), d)
	}
}

func TestReadQuiltRefuses(t *testing.T) {
	sum := strings.Repeat("0", 64)
	entry := func(key string) string {
		return `{"logical_key":"` + key + `","physical_keys":["s3://b/k"],"size":1,"hash":{"type":"SHA256","value":"` + sum + `"},"meta":{}}`
	}
	head := `{"version":"v0"}` + "\n"
	for text, want := range map[string]string{
		"":                                       "it is empty",
		"[]":                                     "line 1: ",
		`{"version":"v1"}`:                       `version v1, want "v0"`,
		`{"version":"v0","user_meta":{"a":1.5}}`: "line 1: ",
		head + entry("../x"):                     "no name below a folder",
		head + entry("/x"):                       "no name below a folder",
		head + entry("a//b"):                     "no name below a folder",
		head + entry(`a\\b`):                     "no name below a folder",
		head + entry(""):                         "no name below a folder",
		head + entry("a") + "\n" + entry("a"):    `"a" is there twice`,
		head + `{"logical_key":"a","physical_keys":["s3://b/k"],"hash":{"type":"SHA256","value":"` + sum + `"}}`: "want its size",
		head + strings.ReplaceAll(entry("a"), "SHA256", "sha2-256-chunked"):                                      "its hash as SHA256",
		head + strings.Repeat("x", maxQuiltLine):                                                                 "a line of more than",
	} {
		if _, err := ReadQuilt(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", text, err, want)
		}
	}
}

func FuzzReadQuilt(f *testing.F) {
	var b bytes.Buffer
	if err := odd().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := ReadQuilt(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := q.Write(&again); err != nil {
			t.Fatal(err)
		}
		second, err := ReadQuilt(&again)
		if err != nil || second.TopHash() != q.TopHash() {
			t.Errorf("read back: %v", err)
		}
	})
}

// The hash of the folder is the one that the lines of dvc-data's Tree.digest
// print for these files in Python.
func TestDVC(t *testing.T) {
	var files []File
	for i, name := range []string{"a/b.png", "a-b.png", "é/ü.csv"} {
		sum := md5.Sum([]byte(name))
		files = append(files, File{Path: name, Size: int64(i + 1), MD5: hex.EncodeToString(sum[:])})
	}
	var b bytes.Buffer
	if err := NewDVC("x: \"y\"", files).Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "outs:\n- md5: 5002d9521c4cd81d5811fba549c95b3e.dir\n  size: 6\n  nfiles: 3\n  hash: md5\n  path: \"x: \\\"y\\\"\"\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Whatever is other than the package says is named.
func TestVerify(t *testing.T) {
	fresh := func(t *testing.T) (string, *Quilt) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, fstest.MapFS{
			".oi.json": {Data: []byte("{}")}, "a/b.png": {Data: []byte("picture")}, "a-b.png": {Data: nil}, ".oi.lock": {Data: nil}, ".x.part": {Data: nil},
		}); err != nil {
			t.Fatal(err)
		}
		files, err := Files(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Path)
		}
		if d := cmp.Diff([]string{".oi.json", "a/b.png", "a-b.png"}, names); d != "" {
			t.Fatal(d)
		}
		return dir, NewQuilt("m", nil, files, &url.URL{Scheme: "file", Path: "/a b/ü"})
	}
	dir, q := fresh(t)
	if err := q.Verify(dir); err != nil {
		t.Error(err)
	}
	if got, want := q.Entries[1].PhysicalKey, "file:///a%20b/%C3%BC/a/b.png"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for want, change := range map[string]func(dir string) error{
		"other bytes":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "a/b.png"), []byte("Picture"), 0o600) },
		"has 3 bytes":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "a/b.png"), []byte("abc"), 0o600) },
		"does not exist": func(dir string) error { return os.Remove(filepath.Join(dir, "a-b.png")) },
		"more is not in": func(dir string) error { return os.WriteFile(filepath.Join(dir, "a/more"), nil, 0o600) },
		"neither a file": func(dir string) error { return os.Symlink("b.png", filepath.Join(dir, "a/link")) },
	} {
		dir, q := fresh(t)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		if err := q.Verify(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func about() *About {
	return &About{
		Name: "food: \"new\"\n# x", Dataset: "v7", Ending: "jpg", Classes: []string{"Hot dog", "<b>|*"}, Authors: 2, Stages: []string{"oi-boxes 1 min-side=`x`"},
		Sets:     []Set{{"train", "train", "train/metadata.csv", 1200}, {"val", "val", "val/metadata.csv", 3}, {"", "", "metadata.csv", 1}},
		Licences: []Licence{{"https://creativecommons.org/licenses/by/2.0/", 9}, {"https://creativecommons.org/licenses/by/3.0/de/", 2}, {"", 1}, {"https://own/x", 1}},
	}
}

// Names from outside are no YAML and no Markdown.
func TestCard(t *testing.T) {
	var b bytes.Buffer
	if err := about().WriteCard(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"---\npretty_name: \"food: \\\"new\\\"\\n# x\"\nlicense:\n- cc-by-2.0\n- other\n- unknown\n", "- 1K<n<10K\n",
		"  - split: validation\n    path: \"val/**\"\n  - split: all\n    path: \"**\"\n---\n\n# food: \"new\" \\# x\n", "Boxes of Hot dog and \\<b\\>\\|\\*, cut",
		"| licence unknown | 1 |\n", "1. oi-boxes 1 min-side=\\`x\\`\n", "but for what JPEG has changed",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// What Croissant 1.1 requires is there, each reference leads somewhere, and no
// two things have one name.
func TestCroissant(t *testing.T) {
	files := []File{{Path: "train/metadata.csv", Size: 7, SHA256: "aa"}, {Path: "val/metadata.csv", SHA256: "bb"}, {Path: "metadata.csv", SHA256: "cc"}}
	var b bytes.Buffer
	if err := about().WriteCroissant(&b, "", files); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished", "distribution", "recordSet"} {
		if got[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	if got["datePublished"] != "2022-10-25" || got["conformsTo"] != "http://mlcommons.org/croissant/1.1" {
		t.Errorf("%v, %v", got["datePublished"], got["conformsTo"])
	}
	defined, referred := map[string]int{}, []string{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if id, ok := v["@id"].(string); ok && len(v) == 1 {
				referred = append(referred, id)
			} else if ok {
				defined[id]++
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	delete(got, "@context")
	walk(got)
	for id, n := range defined {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	for _, id := range referred {
		if defined[id] == 0 {
			t.Errorf("nothing is called %s", id)
		}
	}
	if err := about().WriteCroissant(&b, "", files[:1]); err == nil {
		t.Error("a list is missing, and nobody says so")
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// segment is a segment of a stream.
type segment struct {
	classes []record.Class
	args    map[string]string // of oi-boxes; nil: there is no trail
	items   []*record.Item
}

func segments(t testing.TB, all ...segment) []byte {
	t.Helper()
	var b bytes.Buffer
	w := record.NewWriter(&b, record.Binary)
	var errs []error
	for _, s := range all {
		h := &record.Header{Version: record.Version, Classes: s.classes}
		if s.args != nil {
			h.Stages = []record.Stage{{Tool: "oi-boxes", Version: "1", Args: s.args}}
		}
		errs = append(errs, w.Write(h))
		for _, item := range s.items {
			errs = append(errs, w.Write(item))
		}
		n := int64(len(s.items))
		errs = append(errs, w.Write(&record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: n, Out: n}}}))
	}
	if err := errors.Join(append(errs, w.Flush())...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// boxed is a box of a photo of 48x32 pixels, in these.
func boxed(id, set, class string, x0, y0, x1, y1 float64) *record.Item {
	return &record.Item{
		ID: id, Key: fmt.Sprintf("%s-%s-%v-%v", id, strings.ToLower(class[:1]), int(x0), int(y0)), Subset: "train", Set: set, Label: &record.Label{Name: class},
		Box:   &record.Box{XMin: x0 / 48, YMin: y0 / 32, XMax: x1 / 48, YMax: y1 / 32},
		Image: &record.Image{URL: "https://example.org/" + id, License: "https://creativecommons.org/licenses/by/2.0/", Author: "A & B"},
	}
}

// withPhotos returns a folder with the photos of items.
func withPhotos(t testing.TB, ids ...string) string {
	t.Helper()
	folder := t.TempDir()
	for i, id := range ids {
		if err := os.WriteFile(filepath.Join(folder, id+".jpg"), oitest.JPEG(i), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// tree returns the files of a folder, without the lock.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".oi.lock" {
			return err
		}
		data, err := os.ReadFile(path)
		name, relErr := filepath.Rel(dir, path)
		files[name] = string(data)
		return errors.Join(err, relErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// names are the files of a tree that are for others, in order.
func names(files map[string]string) []string {
	var list []string
	for name := range files {
		if !strings.HasPrefix(name, ".") && name != "README.md" && name != "credits.csv" {
			list = append(list, filepath.ToSlash(name))
		}
	}
	slices.Sort(list)
	return list
}

// manyBoxes is a stream of photos with some boxes each, and the photos.
func manyBoxes(t testing.TB, photos int) (items []*record.Item, folder string) {
	rng := rand.New(rand.NewPCG(1, 2))
	var ids []string
	for i := range photos {
		id := fmt.Sprintf("%04x", rng.IntN(1<<12)<<4|i&15)
		if slices.Contains(ids, id) {
			continue
		}
		ids = append(ids, id)
		for range 1 + rng.IntN(4) {
			x, y := float64(rng.IntN(30)), float64(rng.IntN(20))
			item := boxed(id, []string{"train", "train", "val", "test"}[i%4], []string{"One", "Two", "Three"}[rng.IntN(3)], x, y, x+1+float64(rng.IntN(17)), y+1+float64(rng.IntN(11)))
			item.Key += fmt.Sprint("-", len(items))
			item.Box.GroupOf, item.Box.Occluded, item.Box.Truncated = rng.IntN(2), rng.IntN(3)-1, rng.IntN(3)-1
			item.Avoid = []record.Rect{{XMin: 0.25, XMax: 0.5, YMin: 0.25, YMax: float64(3+rng.IntN(2)) / 8}}
			if i%7 == 0 {
				item.Image.Rotation = new(float64)
				*item.Image.Rotation = 90
			}
			items = append(items, item)
		}
	}
	return items, withPhotos(t, ids...)
}

// TestExportOrder: an export is the same at any -j and for any order of the
// stream.
func TestExportOrder(t *testing.T) {
	items, folder := manyBoxes(t, 60)
	args := map[string]string{"classes": "x"}
	shuffled := slices.Clone(items)
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	classes := []record.Class{{Name: "One"}, {Name: "Three"}}
	for _, form := range []string{"coco", "yolo", "voc"} {
		var want map[string]string
		for i, input := range [][]byte{
			segments(t, segment{classes, args, items}),
			segments(t, segment{classes, args, items}),
			segments(t, segment{classes, args, shuffled}),
			segments(t, segment{classes[:1], args, shuffled[:40]}, segment{classes[1:], args, shuffled[40:]}),
		} {
			dir := filepath.Join(t.TempDir(), "export")
			oiFetch(t, input, 0, "--images", folder, "--photos", dir, "--annotations", form, "-j", []string{"1", "8", "8", "3"}[i])
			got := tree(t, dir)
			if want == nil {
				want = got
				continue
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s, run %d: %.2000s", form, i, d)
			}
		}
	}
}

// TestExportKilled: what a killed run leaves, the same line completes.
func TestExportKilled(t *testing.T) {
	items, folder := manyBoxes(t, 300)
	input := segments(t, segment{nil, map[string]string{}, items})
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for _, form := range []string{"coco", "yolo", "voc"} {
		parent := t.TempDir()
		args := func(dir string) []string {
			return []string{"--images", folder, "--cache", filepath.Join(parent, "cache"), "--photos", filepath.Join(parent, dir), "--annotations", form, "-q", "-j", "4"}
		}
		begin := time.Now()
		if out, err := asProcess(t, input, args("whole")...).CombinedOutput(); err != nil && !bytes.Contains(out, []byte("oi-rec1")) {
			t.Fatalf("%v: %s", err, out)
		}
		took := time.Since(begin)
		killed := 0
		for range 10 {
			cmd := asProcess(t, input, args("killed")...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(rng.Int64N(int64(took))), func() { _ = cmd.Process.Kill() }) // it may have ended
			if cmd.Wait() != nil {
				killed++
			}
			timer.Stop()
		}
		if out, err := asProcess(t, input, args("killed")...).Output(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if d := cmp.Diff(tree(t, filepath.Join(parent, "whole")), tree(t, filepath.Join(parent, "killed"))); d != "" {
			t.Errorf("%s: after %d kills: %.2000s", form, killed, d)
		}
		t.Logf("%s: %d of 10 killed", form, killed)
	}
}

// TestExportLeavesOut: what is no box, and what is not to be one, is counted and
// not written; the stream has it all the same.
func TestExportLeavesOut(t *testing.T) {
	good := boxed("a", "train", "Cat", 1, 2, 20, 30)
	group := boxed("b", "train", "Cat", 5, 6, 20, 30)
	group.Box.GroupOf = 1
	outside := boxed("a", "train", "Cat", 3, 2, 60, 30)
	nothing := boxed("a", "train", "Cat", 4, 2, 4, 30)
	thin := boxed("a", "train", "Cat", 7, 2, 7.0001, 30)
	again := boxed("a", "train", "Cat", 1, 2, 20, 30)
	again.Key = "again"
	good.Avoid = []record.Rect{{XMin: 0.5, XMax: 1, YMin: 0.5, YMax: 1}, {XMin: 3. / 48, XMax: 1, YMin: 2. / 32, YMax: 30. / 32}}
	moved := boxed("c", "val", "Dog", 1, 1, 9, 9)
	trained := boxed("c", "train", "Dog", 11, 11, 19, 19)
	unset := boxed("d", "", "Dog", 1, 1, 9, 9)
	items := []*record.Item{good, group, outside, nothing, thin, again, trained, moved, unset}
	folder := withPhotos(t, "a", "b", "c", "d")
	for form, want := range map[string]struct {
		files []string
		words []string
	}{
		"yolo": {
			[]string{"data.yaml", "images/all/d.jpg", "images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg", "labels/all/d.txt", "labels/train/a.txt", "labels/train/b.txt", "labels/val/c.txt"},
			[]string{"4 photos (all 1, train 2, val 1), 4 boxes of 2 classes", "boxes around groups: 1, ", "without a box: 1", "1 photo had no box but around groups"},
		},
		"coco": {
			[]string{"annotations/instances_all.json", "annotations/instances_train.json", "annotations/instances_val.json", "images/all/d.jpg", "images/train/a.jpg", "images/train/b.jpg", "images/val/c.jpg"},
			[]string{"4 photos (all 1, train 2, val 1), 5 boxes of 2 classes"},
		},
		"voc": {
			[]string{
				"Annotations/a.xml", "Annotations/b.xml", "Annotations/c.xml", "Annotations/d.xml", "ImageSets/Main/all.txt", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt",
				"JPEGImages/a.jpg", "JPEGImages/b.jpg", "JPEGImages/c.jpg", "JPEGImages/d.jpg", "classes.txt",
			},
			[]string{"4 photos (all 1, train 2, val 1), 5 boxes of 2 classes"},
		},
	} {
		dir := filepath.Join(t.TempDir(), "export")
		out, words := oiFetch(t, segments(t, segment{nil, map[string]string{}, items}), 0, "--images", folder, "--photos", dir, "--annotations", form)
		if got, _ := read(t, out); len(got) != len(items) {
			t.Errorf("%s: the stream has %d items", form, len(got))
		}
		files := tree(t, dir)
		if d := cmp.Diff(want.files, names(files)); d != "" {
			t.Errorf("%s: %s", form, d)
		}
		if strings.Contains(words, "earlier run") {
			t.Errorf("%s: %s", form, words)
		}
		for _, w := range append(want.words, "boxes outside the photo: 1, boxes without area: 2, boxes that came twice: 1", "in several sets, moved to the one held out: 1",
			"the stream is without 1 other box of the request in 1 photo", "some records name no set") {
			if !strings.Contains(words, w) {
				t.Errorf("%s: no %q in %s", form, w, words)
			}
		}
		if !strings.Contains(files["README.md"], "is no negative") {
			t.Errorf("%s: README.md: %s", form, files["README.md"])
		}
		if lines := strings.Count(files["credits.csv"], "\n"); lines != 5 || !strings.Contains(files["credits.csv"], "A & B") {
			t.Errorf("%s: credits.csv: %s", form, files["credits.csv"])
		}
		switch form {
		case "yolo":
			if got := files["labels/train/b.txt"]; got != "" {
				t.Errorf("a group that is dropped: %q", got)
			}
			if got, want := files["labels/train/a.txt"], "0 0.21875000 0.50000000 0.39583333 0.87500000\n"; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if strings.Contains(files["data.yaml"], "images/all") || !strings.Contains(files["data.yaml"], "val: images/val\n") {
				t.Errorf("data.yaml: %s", files["data.yaml"])
			}
		case "coco":
			var data struct {
				Images      []map[string]any
				Annotations []map[string]any
			}
			if err := json.Unmarshal([]byte(files["annotations/instances_train.json"]), &data); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"id": 2., "image_id": 2., "category_id": 1., "bbox": []any{5., 6., 15., 24.}, "area": 360., "iscrowd": 1., "segmentation": []any{},
				"attributes": map[string]any{"occluded": 0., "truncated": 0., "depiction": 0., "inside": 0.}}
			if d := cmp.Diff(want, data.Annotations[1]); d != "" {
				t.Error(d)
			}
		case "voc":
			if got := files["Annotations/b.xml"]; !strings.Contains(got, "<difficult>1</difficult>") || !strings.Contains(got, "<xmin>6</xmin>") || !strings.Contains(got, "<xmax>20</xmax>") {
				t.Errorf("b.xml: %s", got)
			}
		}
		keep := map[bool]string{true: "keep", false: "drop"}[form == "yolo"]
		_, words = oiFetch(t, segments(t, segment{nil, map[string]string{}, items}), 0, "--images", folder, "--photos", filepath.Join(t.TempDir(), "x"), "--annotations", form, "--group-of", keep)
		if dropped := strings.Contains(words, "boxes around groups: 1"); dropped == (keep == "keep") {
			t.Errorf("%s --group-of %s: %s", form, keep, words)
		}
	}
}

// TestExportWholePhotos: a label of a whole photo is no box, and a photo is no
// negative unless somebody has verified it.
func TestExportWholePhotos(t *testing.T) {
	whole := func(id, label string) *record.Item {
		item := boxed(id, "train", label, 0, 0, 48, 32)
		item.Box.Occluded, item.Box.Truncated, item.Box.GroupOf, item.Box.Depiction, item.Box.Inside = -1, -1, -1, -1, -1
		return item
	}
	folder := withPhotos(t, "a", "b", "c")
	labels := segment{
		[]record.Class{{MID: "/m/1", Name: "Cat"}, {Name: "not Cat"}}, map[string]string{"image-labels": "true", "negatives": "1", "classes": "/m/1"},
		[]*record.Item{whole("a", "Cat"), whole("b", "not Cat")},
	}
	export := func(code int, input []byte, form string) (map[string]string, string) {
		dir := filepath.Join(t.TempDir(), "export")
		_, words := oiFetch(t, input, code, "--images", folder, "--photos", dir, "--annotations", form)
		return tree(t, dir), words
	}
	files, words := export(0, segments(t, labels, segment{nil, map[string]string{}, []*record.Item{boxed("c", "val", "Cat", 1, 1, 9, 9)}}), "yolo")
	if d := cmp.Diff([]string{"data.yaml", "images/train/b.jpg", "images/val/c.jpg", "labels/train/b.txt", "labels/val/c.txt"}, names(files)); d != "" {
		t.Error(d)
	}
	if files["labels/train/b.txt"] != "" || !strings.Contains(files["data.yaml"], "nc: 1\n") {
		t.Errorf("the negative has %q; data.yaml: %s", files["labels/train/b.txt"], files["data.yaml"])
	}
	for _, w := range []string{"labels of whole photos: 1", "verified to be without the classes: 1", "1 label say that a photo shows a class"} {
		if !strings.Contains(words, w) {
			t.Errorf("no %q in %s", w, words)
		}
	}
	// Where a name that was asked for looks like it, it is none.
	named := labels
	named.args = map[string]string{"image-labels": "true", "negatives": "1", "classes": "/m/1,not Cat=/m/2+/m/3"}
	if _, words := export(1, segments(t, named), "voc"); !strings.Contains(words, "no photo is left to export: the 2 labels are of whole photos") {
		t.Error(words)
	}
	// JSON without a header says nothing of where it comes from.
	var plain bytes.Buffer
	w := record.NewWriter(&plain, record.JSON)
	if err := w.Write(&record.Header{Version: record.Version}); err != nil {
		t.Fatal(err)
	}
	for _, item := range []*record.Item{whole("a", "Cat"), boxed("c", "val", "Cat", 0, 0, 48, 32)} {
		if err := w.Write(item); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if files, _ := export(0, plain.Bytes(), "coco"); files["images/val/c.jpg"] == "" || files["images/train/a.jpg"] != "" {
		t.Errorf("of JSON: %v", names(files))
	}
}

// TestExportRefuses: a folder has the export of one run.
func TestExportRefuses(t *testing.T) {
	folder := withPhotos(t, "a", "b", "aa")
	one := func(args map[string]string, items ...*record.Item) []byte {
		return segments(t, segment{nil, args, items})
	}
	a, b := boxed("a", "train", "Cat", 1, 1, 9, 9), boxed("b", "train", "Cat", 1, 1, 9, 9)
	dir := filepath.Join(t.TempDir(), "export")
	run := func(code int, input []byte, want string, more ...string) map[string]string {
		t.Helper()
		_, words := oiFetch(t, input, code, append([]string{"--images", folder, "--photos", dir, "--annotations", "yolo"}, more...)...)
		if !strings.Contains(words, want) {
			t.Errorf("no %q in %s", want, words)
		}
		return tree(t, dir)
	}
	first := one(map[string]string{"limit": "2"}, a, b)
	whole := run(0, first, "read it with: yolo detect train data="+filepath.ToSlash(filepath.Join(dir, "data.yaml")))
	if d := cmp.Diff(whole, run(0, first, "2 photos")); d != "" {
		t.Errorf("the same again: %s", d)
	}
	run(1, one(map[string]string{"limit": "1"}, a), "it holds the export of another run: oi-boxes has limit=2 there, limit=1 here")
	run(1, one(map[string]string{"limit": "2", "shard": "1/2"}, a), "give all shards to one oi-fetch")
	run(1, first, "oi-fetch has annotations=yolo there, annotations=voc here", "--annotations", "voc")
	run(1, slices.Concat(first, one(map[string]string{"limit": "3"}, a)), "it holds the export of another run")
	run(2, first, "the files of annotations need all items", "--part")
	if d := cmp.Diff(whole, tree(t, dir)); d != "" {
		t.Errorf("a run that is refused changed something: %s", d)
	}
	lock, err := filelock.Try(filepath.Join(dir, ".oi.lock"))
	if err != nil {
		t.Fatal(err)
	}
	run(1, first, "another run is writing to")
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	// A photo that this time could not be had is no photo without boxes.
	if err := os.Remove(filepath.Join(folder, "b.jpg")); err != nil {
		t.Fatal(err)
	}
	got := run(0, first, "files of an earlier run that were removed: 2", "--max-skips", "1")
	if d := cmp.Diff([]string{"data.yaml", "images/train/a.jpg", "labels/train/a.txt"}, names(got)); d != "" {
		t.Error(d)
	}
	// Taken over, nothing of the other run remains.
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	got = run(0, one(map[string]string{"limit": "1"}, a), "read it with: fiftyone", "--annotations", "voc", "--force")
	if d := cmp.Diff([]string{"Annotations/a.xml", "ImageSets/Main/train.txt", "JPEGImages/a.jpg", "classes.txt", "mine.txt"}, names(got)); d != "" {
		t.Error(d)
	}
	// What somebody else has put there is never touched.
	for name, text := range map[string]string{"photo.jpg": "x", ".oi.json": `{"version":1,"trail":[{"tool":"oi-crop"}]}`} {
		dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if files := run(1, first, "hint: name a new folder", "--force"); len(files) != 1 {
			t.Errorf("%s: %v", name, files)
		}
	}
	for want, items := range map[string][]*record.Item{
		"photos AA and aa would be one file": {boxed("AA", "train", "Cat", 1, 1, 9, 9), boxed("aa", "train", "Cat", 1, 1, 9, 9)},
		"has a box without a label":          {{ID: "a", Key: "k", Label: nil, Box: a.Box}},
	} {
		dir = filepath.Join(t.TempDir(), "export")
		if err := os.WriteFile(filepath.Join(folder, "AA.jpg"), oitest.JPEG(7), 0o666); err != nil {
			t.Fatal(err)
		}
		run(1, one(map[string]string{}, items...), want)
	}
	for _, tt := range []struct {
		want string
		args []string
	}{
		{"--photos needs the form of the boxes", []string{"--photos", "x"}},
		{`"json" is no form of annotations`, []string{"--photos", "x", "--annotations", "json"}},
		{"--group-of no: want drop or keep", []string{"--photos", "x", "--annotations", "coco", "--group-of", "no"}},
		{"--force is for --photos", []string{"--force"}},
		{"--annotations is for --photos", []string{"--annotations", "coco"}},
	} {
		if _, words := oiFetch(t, nil, 2, tt.args...); !strings.Contains(words, tt.want) {
			t.Errorf("%v: no %q in %s", tt.args, tt.want, words)
		}
	}
}

// TestExportCut: of a stream that was cut there are no annotations, and a reader
// that leaves is no hindrance.
func TestExportCut(t *testing.T) {
	folder := withPhotos(t, "a", "b")
	input := segments(t, segment{nil, map[string]string{}, []*record.Item{boxed("a", "train", "Cat", 1, 1, 9, 9), boxed("b", "val", "Cat", 1, 1, 9, 9)}})
	dir := filepath.Join(t.TempDir(), "export")
	args := []string{"--images", folder, "--photos", dir, "--annotations", "yolo"}
	oiFetch(t, input[:len(input)-20], 1, args...)
	if files := tree(t, dir); files["data.yaml"] != "" || !strings.Contains(files[".oi.json"], `"complete": false`) {
		t.Errorf("after a cut: %v", names(files))
	}
	var words bytes.Buffer
	env := cmdtest.Env(bytes.NewReader(input), cmdtest.FailAfter(0, io.ErrClosedPipe), &words)
	if code := command().Execute(t.Context(), env, args); code == 0 {
		t.Errorf("a full disk: exit code 0: %s", words.String())
	}
	cmd := asProcess(t, input, args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil { // before anything is written
		t.Fatal(err)
	}
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("without a reader: %v", err)
	}
	if files := tree(t, dir); files["data.yaml"] == "" || files["labels/val/b.txt"] == "" || !strings.Contains(files[".oi.json"], `"complete": true`) {
		t.Errorf("without a reader: %v", names(files))
	}
}

// TestExportNames: the names of classes and photos come back as they are from
// YAML, XML and JSON, whatever is in them, and no photo's name is one that
// Windows keeps.
func TestExportNames(t *testing.T) {
	python := oitest.Python(t, "cv2", "yaml")
	classes := []string{
		"a: b", "#c", `d "e" 'f'`, "g & <h>", "Käse 🧀", "no", "7", "- i", "{j}", "%k", "l\\n", "~", "null", "m\u2028n\u0085o", "trailing ", "@p", "q, r", "[s]", "!t", "*u", "\ttab", "ﬁ",
	}
	var items []*record.Item
	ids := []string{"con", "-x", "A_b", "com1"}
	for i, class := range classes {
		item := boxed(ids[i%len(ids)], "train", class, 1, float64(i), 9, float64(i)+8)
		item.Key = fmt.Sprint("k", i)
		items = append(items, item)
	}
	items = append(items, boxed("val", "val", "no", 1, 1, 9, 9))
	folder := withPhotos(t, append(ids, "val")...)
	slices.Sort(classes)
	for _, form := range []string{"coco", "yolo", "voc"} {
		dir := filepath.Join(t.TempDir(), "export")
		oiFetch(t, segments(t, segment{nil, map[string]string{}, items}), 0, "--images", folder, "--photos", dir, "--annotations", form)
		out, err := exec.Command(python, "testdata/python/detection.py", form, dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", form, err, out)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(line, "\t")
			var name string
			if err := json.Unmarshal([]byte(fields[2]), &name); err != nil {
				t.Fatal(err)
			}
			got = append(got, name)
			stem, _, _ := strings.Cut(fields[1], ".")
			if stem == "con" || stem == "com1" || strings.HasPrefix(stem, "-") {
				t.Errorf("%s: a photo is called %s", form, fields[1])
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(classes, slices.Compact(got)); d != "" {
			t.Errorf("%s: %s", form, d)
		}
	}
}

// TestExportBroken: a photo that is to be rotated and does not decode is left
// out of the export, and stays in the stream; the next run removes what there is
// of it.
func TestExportBroken(t *testing.T) {
	folder := withPhotos(t, "a", "b")
	data := oitest.JPEG(1)
	copy(data[len(data)-300:], make([]byte, 200))
	if err := os.WriteFile(filepath.Join(folder, "b.jpg"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	turned := boxed("b", "train", "Cat", 1, 1, 9, 9)
	turned.Image.Rotation = new(float64)
	*turned.Image.Rotation = 180
	dir := filepath.Join(t.TempDir(), "export")
	out, words := oiFetch(t, segments(t, segment{nil, map[string]string{}, []*record.Item{boxed("a", "train", "Cat", 1, 1, 9, 9), turned}}), 0,
		"--images", folder, "--photos", dir, "--annotations", "yolo")
	if got, _ := read(t, out); len(got) != 2 || !strings.Contains(words, "photos that do not decode: 1") {
		t.Errorf("%d items: %s", len(got), words)
	}
	if d := cmp.Diff([]string{"data.yaml", "images/train/a.jpg", "labels/train/a.txt"}, names(tree(t, dir))); d != "" {
		t.Error(d)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/record"
)

// modelOf returns the weights of the model that a run wrote, and which photos
// it remembers.
func modelOf(t *testing.T, got outcome) (weights string, known dataset.Known) {
	t.Helper()
	network, meta, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
	if err != nil {
		t.Fatalf("exit %d: %v\n%s", got.code, err, got.stderr)
	}
	if known, err = dataset.DecodeKnown(meta["trained_on_ids"], meta["trained_on"]); err != nil {
		t.Fatal(err)
	}
	return network.WeightsHash(), known
}

// removed returns what the report counts as left out.
func removed(t *testing.T, got outcome) map[string]int {
	t.Helper()
	var r struct{ Removed map[string]int }
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatalf("%v\n%s", err, got.stderr)
	}
	return r.Removed
}

// Train items of a held-out photo are left out, be it the same by its id, by
// its bytes, or by way of another item; with oi-augment in between, too.
func TestHeldOutPhotos(t *testing.T) {
	items := twoClasses()
	items[0].ID = items[40].ID           // of test, at another size
	items[1].ID = "another"              // the photo of item 2,
	items[1].Fetched = items[2].Fetched  // by its bytes,
	items[2].ID = items[32].ID           // which is one of val
	items[3].Fetched = items[41].Fetched // of test
	want := map[string]int{dataset.Duplicate: 4}
	classes := []string{"red", "green"}
	got := runTrain(t, t.Context(), encode(t, classes, items...), "--epochs", "1")
	if !maps.Equal(removed(t, got), want) {
		t.Errorf("removed %v, want %v", removed(t, got), want)
	}

	// Of variants, item 2 has to come before item 1: by it item 1 is known.
	streamed := variants(t, items, 1)
	swap := func(first, second string) {
		at := func(key string) int {
			return slices.IndexFunc(streamed, func(i *record.Item) bool { return i.Key == key })
		}
		if i, k := at(first), at(second); i > k {
			streamed[i], streamed[k] = streamed[k], streamed[i]
		}
	}
	swap(items[2].Key, items[1].Key)
	got = runTrain(t, t.Context(), encode(t, classes, streamed...))
	if !maps.Equal(removed(t, got), want) {
		t.Errorf("streamed: removed %v, want %v", removed(t, got), want)
	}
	swap(items[1].Key, items[2].Key)
	got = runTrain(t, t.Context(), encode(t, classes, streamed...))
	if got.code != 1 || !strings.Contains(got.stderr, "item "+items[2].Key+" shows that a photo that was trained on is that of a held-out item") || !strings.Contains(got.stderr, "hint: oi-augment") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// A model remembers the ids and the bytes of the photos it was trained on, as
// far as they are known, and no others.
func TestRemembers(t *testing.T) {
	without := func(change func(*record.Item)) []*record.Item {
		items := twoClasses()
		for _, item := range items {
			change(item)
		}
		return items
	}
	classes := []string{"red", "green"}
	stream := func(items []*record.Item) []byte { return encode(t, classes, items...) }
	named := func(items []*record.Item) []*record.Item { // as oi-augment does it
		for _, item := range items {
			if item.Augment != nil {
				item.Augment.Of = dataset.PixelsOf(&record.Item{Tensor: item.Tensor}).String()
			}
		}
		return items
	}
	bare := without(func(i *record.Item) { i.Fetched = nil })
	for name, tc := range map[string]struct {
		input    []byte
		pictures int
		byPixels bool
		note     string
	}{
		"fetched":                     {stream(twoClasses()), 32, false, ""},
		"fetched variants":            {stream(variants(t, twoClasses(), 1)), 32, false, ""},
		"never fetched":               {stream(bare), 32, true, ""},
		"variants of what was not":    {stream(named(variants(t, bare, 1))), 32, true, ""},
		"variants that do not say it": {stream(variants(t, bare, 1)), 0, false, "Of 32 train items the photo's bytes are not known"},
		"variants of a mixture":       {stream(variants(t, append(twoClasses()[:30], bare[30:]...), 1)), 30, false, "Of 2 train items the photo's bytes are not known"},
	} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), tc.input, "--epochs", "1")
			_, known := modelOf(t, got)
			if ids, pictures := known.Len(); ids != 32 || pictures != tc.pictures {
				t.Errorf("%d ids and %d pictures, want 32 and %d", ids, pictures, tc.pictures)
			}
			for n, want := range map[int]bool{3: true, 100: false, 200: false} {
				item := picture(n, map[bool]string{true: "red", false: "green"}[n%2 == 0], "")
				if tc.byPixels {
					item.Fetched = nil
				}
				if known.Has(item.ID, dataset.Picture{}) != want || known.Has("", dataset.PictureOf(item)) != (want && tc.pictures > 0) {
					t.Errorf("picture %d: %v", n, !want)
				}
			}
			if page := string(got.files["m.json"]); strings.Contains(page, "bytes are not known") != (tc.note != "") || !strings.Contains(page, tc.note) {
				t.Errorf("want the note %q", tc.note)
			}
		})
	}
}

// The other boxes of a photo, and what other stages removed, name it too: each
// id and all bytes that are known of a photo are remembered.
func TestRemembersAllNamesOfAPhoto(t *testing.T) {
	items := twoClasses()
	items[1].Fetched.SHA256 = picture(300, "", "").Fetched.SHA256
	items[1].ID = items[0].ID
	window := picture(301, "background", "train") // which is no class here
	window.Fetched.SHA256 = items[0].Fetched.SHA256
	_, known := modelOf(t, runTrain(t, t.Context(), encode(t, []string{"red", "green"}, append(items, window)...), "--epochs", "1"))
	for _, n := range []int{0, 300} {
		if !known.Has("", dataset.PictureOf(picture(n, "red", ""))) {
			t.Errorf("the bytes of %d are forgotten", n)
		}
	}
	if !known.Has("0301", dataset.Picture{}) || known.Has("0300", dataset.Picture{}) {
		t.Error("the id of a window is forgotten, or one is made up")
	}
}

// Repeats are an error, and if they are dropped the order of the streams makes
// no difference.
func TestRepeats(t *testing.T) {
	dir := t.TempDir()
	classes := []string{"red", "green"}
	file := func(name string, items ...*record.Item) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, encode(t, classes, items...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	larger := twoClasses()
	for i, item := range larger[:6] { // the same boxes from a photo at another size
		item.Fetched.SHA256 = picture(500+i, "", "").Fetched.SHA256
		item.Tensor.Data[0] ^= 1
	}
	a, b := file("a.oi", twoClasses()...), file("b.oi", larger[:6]...)
	for _, files := range [][]string{{a, b}, {b, a}, {b, b}} {
		got := runTrain(t, t.Context(), nil, files...)
		want := fmt.Sprintf("comes in %s and again in %s", files[0], files[1])
		if got.code != 1 || !strings.Contains(got.stderr, "item 000") || !strings.Contains(got.stderr, want) ||
			!strings.Contains(got.stderr, "hint: ") || !strings.Contains(got.stderr, "--repeats drop") || len(got.files) > 0 {
			t.Errorf("%v: exit %d: %s", files, got.code, got.stderr)
		}
	}
	// As one stream.
	whole := encode(t, classes, twoClasses()...)
	got := runTrain(t, t.Context(), slices.Concat(whole, whole))
	if got.code != 1 || !strings.Contains(got.stderr, "comes in segment 1 and again in segment 2 of standard input") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	weights := map[string]bool{}
	for _, files := range [][]string{{a, b}, {b, a}, {b, a, a, b}} {
		got := runTrain(t, t.Context(), nil, append([]string{"--epochs", "1", "--repeats", "drop"}, files...)...)
		hash, known := modelOf(t, got)
		weights[hash] = true
		if n := removed(t, got)[dataset.Repeated]; n != 6 && n != 6+48+6 {
			t.Errorf("%v: %d repeats were dropped", files, n)
		}
		// A photo that was dropped is the same photo as the one that
		// was not.
		if ids, pictures := known.Len(); ids != 32 || pictures != 38 {
			t.Errorf("%v: %d ids and %d pictures, want 32 and 38", files, ids, pictures)
		}
		if !bytes.Contains(got.files["m.json"], []byte(`"repeats": "drop"`)) {
			t.Error("the report does not say that repeats were dropped")
		}
	}
	if len(weights) != 1 {
		t.Error("the order of the files makes another model")
	}
}

// Within an epoch a variant comes once, too.
func TestRepeatedVariants(t *testing.T) {
	classes := []string{"red", "green"}
	streamed := variants(t, twoClasses(), 2)
	twice := slices.Insert(slices.Clone(streamed), 20, streamed[18])
	if got := runTrain(t, t.Context(), encode(t, classes, twice...)); got.code != 1 || !strings.Contains(got.stderr, "item "+streamed[18].Key+" comes twice in standard input") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	want, _ := modelOf(t, runTrain(t, t.Context(), encode(t, classes, streamed...)))
	got := runTrain(t, t.Context(), encode(t, classes, twice...), "--repeats", "drop")
	if hash, _ := modelOf(t, got); hash != want || removed(t, got)[dataset.Repeated] != 1 {
		t.Errorf("other weights, or %v", removed(t, got))
	}
	// Variants of several items that have no key, as older versions wrote
	// them.
	nameless := variants(t, twoClasses(), 1)
	for _, item := range nameless {
		item.ID, item.Key, item.Fetched = "photo"+item.Set, "", nil
	}
	if got := runTrain(t, t.Context(), encode(t, classes, nameless...)); got.code != 1 || !strings.Contains(got.stderr, "item phototrain-") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// Items without keys are as many as there are, in any order.
func TestKeyless(t *testing.T) {
	items := twoClasses()
	for i, item := range items {
		item.ID, item.Key, item.Fetched = fmt.Sprint(item.Set, i/4), "", nil // four boxes a photo
	}
	want := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, items...), "--epochs", "1")
	if len(removed(t, want)) > 0 || !strings.Contains(want.stderr, "train 32 (green 16, red 16)") {
		t.Errorf("removed %v: %s", removed(t, want), want.stderr)
	}
	for range 2 {
		slices.Reverse(items)
		got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, items...), "--epochs", "1")
		if !bytes.Equal(got.files["m.onnx"], want.files["m.onnx"]) {
			t.Error("the order of the items makes another model")
		}
	}
}

// The authors of a photo are those that any of its items names.
func TestSharedAuthorsOfAnyBox(t *testing.T) {
	items := twoClasses()
	for i, item := range items {
		item.Image = nil
		if i%2 == 1 { // the other box of the photo
			item.ID, item.Fetched = items[i-1].ID, items[i-1].Fetched
		}
	}
	items[0].Image, items[41].Image = &record.Image{Author: "the same"}, &record.Image{Author: "the same"}
	got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, items...), "--epochs", "1")
	if want := "2 of 8 test items are by authors of whom train has photos too"; got.code != 0 || !strings.Contains(got.stdout, want) {
		t.Errorf("exit %d: no %q in %s%s", got.code, want, got.stdout, got.stderr)
	}
}

// Sets that say little are said, here and in the report.
func TestOddSets(t *testing.T) {
	classes := []string{"red", "green"}
	onlyRed := slices.DeleteFunc(twoClasses(), func(i *record.Item) bool { return i.Set == dataset.Test && i.Label.Name == "green" })
	same := twoClasses()[:40]
	for _, item := range pictures(100, 8, "test", "red", "green") {
		item.Key += "-again"
		same = append(same, item)
	}
	for want, items := range map[string][]*record.Item{
		"the set test has one class only, red":               onlyRed,
		"the sets val and test show the same photos, all 8 ": same,
	} {
		for _, stream := range [][]*record.Item{items, variants(t, items, 1)} {
			got := runTrain(t, t.Context(), encode(t, classes, stream...), "--epochs", "1")
			if got.code != 0 || !strings.Contains(got.stderr, want) || !bytes.Contains(got.files["m.json"], []byte(want[1:])) || !bytes.Contains(got.files["m.html"], []byte(want[1:])) {
				t.Errorf("no %q in %s, or not in the report", want, got.stderr)
			}
		}
	}
}

// Items that lost their sets are divided as their own oi-boxes divided them.
func TestHonoursTheTrail(t *testing.T) {
	items := pictures(0, 120, "", "red", "green")
	for i, item := range items {
		item.Subset = []string{"train", "train", "validation", "test"}[i/2%4]
	}
	for name, tc := range map[string]struct {
		args  map[string]string
		flags []string
		of    func(*record.Item) string
		want  string
	}{
		"hash": {map[string]string{"split": "hash", "val": "0.3", "test": "0.2", "set-seed": "5"}, nil,
			func(i *record.Item) string { return dataset.Split{Val: 0.3, Test: 0.2, Seed: 5}.Of(dataset.GroupOf(i)) },
			"120 items carried no set and were divided by author: val 0.3, test 0.2"},
		"official": {map[string]string{"split": "official"}, nil,
			func(i *record.Item) string {
				return map[string]string{"train": "train", "validation": "val", "test": "test"}[i.Subset]
			},
			"120 items carried no set and keep the subset of Open Images they are of"},
		"official, and --val": {map[string]string{"split": "official"}, []string{"--val", "0.5"},
			func(i *record.Item) string {
				return map[string]string{"train": "train", "validation": "val", "test": "test"}[i.Subset]
			},
			"--val and --test changed nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			records := []record.Record{&record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-boxes", Version: "1", Args: tc.args}}}}
			want := map[string]int{}
			for _, item := range items {
				records = append(records, item)
				want[tc.of(item)]++
			}
			got := runTrain(t, t.Context(), cmdtest.Encode(t, record.Binary, append(records, &record.End{})...), append(tc.flags, "--epochs", "1")...)
			checkSets(t, got, want)
			if !strings.Contains(got.stderr, tc.want) {
				t.Errorf("no %q in %s", tc.want, got.stderr)
			}
		})
	}
}

// That every train item was left out is not blamed on a set that nobody asked
// for, whether its items came from oi-augment or not.
func TestAllDuplicates(t *testing.T) {
	classes := []string{"red", "green"}
	twins := func(label string) []*record.Item {
		items := twoClasses()
		for _, item := range items {
			if item.Set == dataset.Train && (label == "" || item.Label.Name == label) {
				item.Fetched.SHA256 = picture(100, "", "").Fetched.SHA256 // of val
			}
		}
		return items
	}
	held := slices.DeleteFunc(twins(""), func(item *record.Item) bool { return item.Set == dataset.Train })
	none := []record.Record{&record.Header{Version: 1}}
	for _, item := range held {
		none = append(none, item)
	}
	none = append(none, &record.End{Stages: []record.StageCounts{{Tool: "oi-augment", In: 48, Out: 16, Removed: map[string]int64{dataset.Duplicate: 32}}}})
	const all = "no items to train on: all items of the set train were left out, 32 as duplicate of a held-out picture"
	const green = "no green to train on: all items of green in the set train were left out, 16 as duplicate of a held-out picture"
	for name, tc := range map[string]struct {
		stdin []byte
		want  string
	}{
		"all":                     {encode(t, classes, twins("")...), all},
		"all variants":            {encode(t, classes, variants(t, twins(""), 2)...), all},
		"all, by oi-augment":      {cmdtest.Encode(t, record.Binary, none...), all},
		"all of a class":          {encode(t, classes, twins("green")...), green},
		"all variants of a class": {encode(t, classes, variants(t, twins("green"), 2)...), green},
	} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), tc.stdin)
			if got.code != 1 || !strings.Contains(got.stderr, tc.want) || !strings.Contains(got.stderr, "hint: their photos are held out too") {
				t.Errorf("exit %d, stderr %q; want %q", got.code, got.stderr, tc.want)
			}
		})
	}
}

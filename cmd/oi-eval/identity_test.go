package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// memory is what a model remembers of photos 0 and 1.
func memory() dataset.Known {
	var photos dataset.Photos
	for n := range 2 {
		item := picture(n, "red", "red", "")
		photos.Mark(photos.Add(item.ID, dataset.PictureOf(item)), dataset.Trained)
	}
	return photos.Known(dataset.Trained)
}

// shows returns an item that shows another's photo: by its id, or by its bytes.
func shows(n int, of *record.Item, byID bool) *record.Item {
	item := picture(n, "red", "red", of.Set)
	if byID {
		item.ID = of.ID
	} else {
		item.Fetched = of.Fetched
	}
	return item
}

// seenItems are four test items of photo 0, of which the second is the same by
// its id, the third by the second's bytes and the fourth by the third's id.
func seenItems() []*record.Item {
	first := picture(0, "red", "red", "test")
	second := shows(60, first, true)
	third := shows(61, second, false)
	return []*record.Item{first, second, third, shows(62, third, true)}
}

// A photo is seen by its id, its bytes, or by way of other items, in any order,
// and left out.
func TestLeavesOutSeenPhotos(t *testing.T) {
	m := writeModel(t)
	seen := seenItems()
	linked := picture(0, "red", "red", "train") // not asked about, yet it links
	linked.ID, linked.Key = "0063", "0063-0"
	for name, tc := range map[string]struct {
		items []*record.Item
		want  string
	}{
		"by id":              {[]*record.Item{seen[1]}, "left out 1 items"},
		"by bytes":           {[]*record.Item{shows(60, seen[0], false)}, "left out 1 items"},
		"by way of others":   {seen, "left out 4 items"},
		"of another set":     {[]*record.Item{picture(63, "red", "red", "test"), linked}, "left out 1 items"},
		"a stranger is none": {[]*record.Item{picture(64, "red", "red", "test")}, ""},
		"other strangers'":   {[]*record.Item{picture(64, "red", "red", "test"), shows(65, picture(64, "red", "red", "test"), true)}, ""},
	} {
		for range 2 {
			code, stdout, stderr := eval(t, encode(t, append(held(), tc.items...)...), m)
			unseen := 5
			if tc.want == "" {
				unseen += len(tc.items)
			}
			if code != 0 || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "left out") != (tc.want != "") || !strings.Contains(stdout, supportOf(unseen)) {
				t.Errorf("%s: exit %d, %s\n%s", name, code, stderr, stdout)
			}
			slices.Reverse(tc.items)
		}
	}
	if code, stdout, stderr := eval(t, encode(t, append(held(), seen...)...), "--set", "train,test", m); code != 0 || !strings.Contains(stdout, supportOf(9)) || strings.Contains(stderr, "left out") {
		t.Errorf("with train: exit %d, %s\n%s", code, stderr, stdout)
	}
}

// supportOf is the end of a report about n items.
func supportOf(n int) string { return fmt.Sprintf("%10d\n", n) }

// Where the model does not remember, no such thing is claimed.
func TestSaysWhatTheModelForgets(t *testing.T) {
	known := memory()
	bare := picture(70, "red", "red", "test")
	bare.Fetched = nil
	unset := picture(71, "red", "red", "")
	for name, tc := range map[string]struct {
		memory map[string]string
		items  []*record.Item
		args   []string
		want   []string
		never  []string
	}{
		"all of it": {map[string]string{"trained_on": known.Pictures(), "trained_on_ids": known.IDs()}, held(), nil,
			nil, []string{"remember", "counts as not seen"}},
		"nothing": {nil, held(), nil,
			[]string{"the model does not remember which photos it was trained on: any of these may be among them"}, []string{"left out"}},
		"nothing, as older models through oi-augment": {map[string]string{"trained_on": ""}, held(), nil,
			[]string{"the model does not remember which photos it was trained on"}, nil},
		"nothing, and no sets": {nil, []*record.Item{unset}, nil,
			[]string{"no item says of which set it is: all are used\n", "does not remember"}, []string{"but those"}},
		"bytes alone": {map[string]string{"trained_on": known.Pictures()}, append(held(), seenItems()...), nil,
			[]string{"remembers the photos it was trained on by their bytes alone", "left out 4 items"}, []string{"compared by their pixels"}},
		"bytes alone, of items without": {map[string]string{"trained_on": known.Pictures()}, append(held(), bare), nil,
			[]string{"by their bytes alone", "1 items here do not say what their photo's bytes are, and are compared by their pixels"}, nil},
		"ids alone": {map[string]string{"trained_on": "", "trained_on_ids": known.IDs()}, append(held(), seenItems()...), nil,
			[]string{"by their ids alone", "left out 4 items"}, nil},
		"nothing, and all are asked for": {nil, held(), []string{"--set", "train,test"}, nil, []string{"remember"}},
		"nothing, and --emit":            {nil, held(), []string{"--emit"}, []string{"does not remember"}, []string{"marked"}},
	} {
		t.Run(name, func(t *testing.T) {
			page := filepath.Join(t.TempDir(), "r.json")
			m := writeModelOf(t, tc.memory)
			code, _, stderr := eval(t, encode(t, tc.items...), append(tc.args, "--report", page, m)...)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in %s", want, stderr)
				}
			}
			for _, never := range tc.never {
				if strings.Contains(stderr, never) {
					t.Errorf("%q in %s", never, stderr)
				}
			}
			data, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			said := func(text string) bool {
				return strings.Contains(text, "he model remembers") || strings.Contains(text, "he model does not remember")
			}
			if says := said(string(data)); says != said(stderr) {
				t.Errorf("the report says it: %v", says)
			}
		})
	}
	for want, memory := range map[string]map[string]string{
		"2 photos known by their ids, 2 by their bytes\n": {"trained_on": known.Pictures(), "trained_on_ids": known.IDs()},
		"0 photos known by their ids, 2 by their bytes\n             the model remembers the photos it was trained on by their bytes alone": {"trained_on": known.Pictures()},
		"0 photos known by their ids, 0 by their bytes\n             the model does not remember":                                           nil,
	} {
		if _, stdout, _ := eval(t, nil, "--info", writeModelOf(t, memory)); !strings.Contains(stdout, want) {
			t.Errorf("--info lacks %q:\n%s", want, stdout)
		}
	}
	for _, bad := range []map[string]string{{"trained_on": "!"}, {"trained_on_ids": "AAAA"}} {
		if code, _, stderr := eval(t, encode(t, held()...), writeModelOf(t, bad)); code != 1 || !strings.Contains(stderr, "m.onnx: list of") {
			t.Errorf("exit %d: %s", code, stderr)
		}
	}
}

// --emit writes what was seen too, and marks it; figures do not count it.
func TestEmitMarksSeenPhotos(t *testing.T) {
	m := writeModel(t)
	items := append(held(), seenItems()...)
	slices.Reverse(items)
	marked := func(stdout string) (seen, unseen int) {
		t.Helper()
		for reader := record.NewReader(strings.NewReader(stdout)); ; {
			next, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return seen, unseen
			}
			if err != nil {
				t.Fatal(err)
			}
			switch v := next.(type) {
			case *record.Item:
				if v.Prediction.Seen {
					seen++
				} else {
					unseen++
				}
				if want := v.Key == "0000-00000000" || v.Key[:3] == "006"; v.Prediction.Seen != want {
					t.Errorf("%s is seen: %v", v.Key, v.Prediction.Seen)
				}
			case *record.End:
				if c := v.Stages[1]; c.In != 12 || c.Out != 12 {
					t.Errorf("account %+v", c)
				}
			}
		}
	}
	code, stdout, stderr := eval(t, encode(t, items...), "--emit", m)
	if seen, unseen := marked(stdout); code != 0 || seen != 4 || unseen != 8 || !strings.Contains(stderr, "4 items whose photo the model was trained on are marked with prediction.seen") {
		t.Errorf("exit %d, %d seen, %d not: %s", code, seen, unseen, stderr)
	}
	page := filepath.Join(t.TempDir(), "r.json")
	_, again, _ := eval(t, encode(t, items...), "--emit", "-j1", "--batch=1", "--spool-memory=0", "--report", page, "--require", "accuracy>=0.8", m)
	if again != stdout {
		t.Error("--batch, --spool-memory or --report makes a difference to what is emitted")
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Evaluation struct{ Items, Accuracy float64 }
		Sets       map[string]map[string]int
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Evaluation.Items != 5 || r.Evaluation.Accuracy != 0.8 || r.Sets["test"]["red"] != 2 {
		t.Errorf("%v: %+v", err, r)
	}
	_, stdout, _ = eval(t, encode(t, items...), "--emit", "--json", m)
	if strings.Count(stdout, `"seen":true`) != 4 || strings.Contains(stdout, `"seen":false`) {
		t.Errorf("as JSON: %s", stdout)
	}
}

func TestRepeats(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	file := func(name string, items ...*record.Item) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, encode(t, items...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wrong := picture(10, "green", "red", "test") // otherwise picture 10 is right
	train := picture(50, "red", "red", "train")
	a, b := file("a.oi", append(held(), train)...), file("b.oi", wrong, train)
	for _, args := range [][]string{{a, b}, {b, a}, {a, a}} {
		code, stdout, stderr := eval(t, nil, append([]string{m}, args...)...)
		if want := "item 0010-00000000 comes in " + args[0] + " and again in " + args[1]; code != 1 || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "hint: ") || !strings.Contains(stderr, "--repeats drop") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
	// Only what figures are made of has to be there once.
	if code, _, stderr := eval(t, nil, m, file("c.oi", append(held(), train)...), file("d.oi", train)); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, stdout, stderr := eval(t, nil, "--emit", "--json", m, a, b); code != 0 || strings.Count(stdout, "0010-00000000") != 2 {
		t.Errorf("--emit: exit %d: %s", code, stderr)
	}
	if code, _, stderr := eval(t, nil, "--emit", "--require", "accuracy>=0", m, a, b); code != 1 || !strings.Contains(stderr, "0010-00000000 comes in") {
		t.Errorf("--emit --require: exit %d: %s", code, stderr)
	}
	// Which one stays is not a matter of order.
	_, one, stderr := eval(t, nil, "--repeats", "drop", m, a, b)
	_, two, _ := eval(t, nil, "--repeats", "drop", m, b, a)
	if one != two || one == "" || !strings.Contains(stderr, "repeated: 1") {
		t.Errorf("%s\n%s\n%s", one, two, stderr)
	}
	// Variants of an item are items, but not twice the same one.
	variant := func(epoch int) *record.Item {
		item := picture(10, "red", "red", "val")
		item.Augment = &record.Augment{Epoch: epoch}
		return item
	}
	if code, _, stderr := eval(t, encode(t, variant(1), variant(2)), m); code != 0 {
		t.Errorf("variants: exit %d: %s", code, stderr)
	}
	if code, _, stderr := eval(t, encode(t, variant(1), variant(1)), m); code != 1 || !strings.Contains(stderr, "comes twice in standard input") {
		t.Errorf("a variant twice: exit %d: %s", code, stderr)
	}
	// Items without keys are identified by more than their id.
	keyless := func(id string, shows string) *record.Item {
		item := picture(80, shows, shows, "test")
		item.ID, item.Key = id, ""
		return item
	}
	if code, _, stderr := eval(t, encode(t, keyless("x", "red"), keyless("x", "green"), keyless("y", "red")), m); code != 0 {
		t.Errorf("without keys: exit %d: %s", code, stderr)
	}
	if code, _, stderr := eval(t, encode(t, keyless("x", "red"), keyless("x", "red")), m); code != 1 || !strings.Contains(stderr, "item x-") {
		t.Errorf("twice without keys: exit %d: %s", code, stderr)
	}
}

func TestSaysThatASetHasOneClass(t *testing.T) {
	m := writeModel(t)
	for name, tc := range map[string]struct {
		items []*record.Item
		args  []string
		want  string
	}{
		"test":       {[]*record.Item{picture(10, "red", "red", "test"), picture(20, "green", "green", "val")}, nil, "the set test has one class only, red"},
		"test,val":   {[]*record.Item{picture(10, "red", "red", "test"), picture(20, "red", "red", "val")}, []string{"--set", "val,test"}, "the set test,val has one class only, red"},
		"both sets":  {[]*record.Item{picture(10, "red", "red", "test"), picture(20, "green", "green", "val")}, []string{"--set", "val,test"}, ""},
		"both":       {held(), nil, ""},
		"no set":     {[]*record.Item{picture(10, "red", "red", "")}, nil, "the set all has one class only, red"},
		"seen twice": {append(seenItems(), picture(12, "green", "green", "test")), nil, "the set test has one class only, green"},
	} {
		code, _, stderr := eval(t, encode(t, tc.items...), append(tc.args, m)...)
		if code != 0 || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "one class only") != (tc.want != "") {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
}

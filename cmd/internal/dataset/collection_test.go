package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

func collect(t *testing.T, items ...*record.Item) *Collection {
	t.Helper()
	c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{})
	for _, item := range items {
		if err := c.Add(item); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func keys(entries Entries) string {
	var all []string
	for _, e := range entries.All() {
		all = append(all, strings.TrimLeft(e.Key[:4], "0"))
	}
	return strings.Join(all, " ")
}

func TestCollectionOrder(t *testing.T) {
	other := picture(1, "b", Train)
	other.Key = "0001-11111111" // another box of the photo
	c := collect(t, picture(3, "a", Train), picture(1, "b", Val), picture(2, "a", Train), picture(9, "a", Test), other)
	for set, want := range map[string]string{Train: "1 2 3", Val: "1", Test: "9"} {
		if got := keys(c.Of(set)); got != want {
			t.Errorf("%s: %q, want %q", set, got, want)
		}
	}
	if got := c.Counts().String(); got != "train 3 (a 2, b 1)\nval 1 (b 1)\ntest 1 (a 1)" {
		t.Errorf("counts: %q", got)
	}
	many := Counts{Val: {}}
	for i := range 31 {
		many[Val][fmt.Sprint(i)] = i + 1
	}
	if got := many.String(); got != "train 0\nval 496 (31 classes of 1 to 31)\ntest 0" {
		t.Errorf("counts of many classes: %q", got)
	}
	if c.Size() != (Size{2, 2}) {
		t.Errorf("size %v", c.Size())
	}
}

func TestRemoveDuplicates(t *testing.T) {
	twin := picture(3, "a", Train)
	twin.Fetched.SHA256 = picture(7, "a", "").Fetched.SHA256 // another id, the same bytes
	smaller := picture(8, "a", Train)                        // the same id, other bytes
	smaller.Key, smaller.Fetched.SHA256 = "0008-11111111", picture(88, "a", "").Fetched.SHA256
	c := collect(t, picture(1, "a", Train), twin, picture(2, "a", Train), picture(7, "b", Val), picture(8, "b", Test), smaller)
	c.Divide(DefaultSplit())
	if n := c.RemoveDuplicates(); n != 2 {
		t.Errorf("%d removed, want 2", n)
	}
	if got := keys(c.Of(Train)); got != "1 2" {
		t.Errorf("train: %q", got)
	}
	if got := keys(c.Of(Val)) + "|" + keys(c.Of(Test)); got != "7|8" {
		t.Errorf("held out: %q", got)
	}
}

// Pictures that were never fetched are distinguished by their pixels; variants
// are not.
func TestPictureOf(t *testing.T) {
	a, b := picture(1, "a", Train), picture(2, "a", Train)
	b.Fetched = nil
	if PictureOf(a) == (Picture{}) || PictureOf(b) == (Picture{}) || PictureOf(a) == PictureOf(b) {
		t.Error("pictures are not told apart")
	}
	b.Augment = &record.Augment{Epoch: 1}
	if PictureOf(b) != (Picture{}) {
		t.Error("a variant counts as a picture")
	}
	// Unless they say what they were drawn from.
	b.Augment.Of = PixelsOf(picture(2, "a", Train)).String()
	original := picture(2, "a", Train)
	original.Fetched = nil
	if PictureOf(b) != PictureOf(original) || PictureOf(b) == (Picture{}) {
		t.Error("a variant's picture is not its original's")
	}
	// A file that came without its hash has one all the same.
	sum := sha256.Sum256([]byte("JPEG"))
	a.Fetched = &record.Fetched{Bytes: []byte("JPEG")}
	if PictureOf(a) != sum {
		t.Error("the bytes at hand are not the picture")
	}
}

func TestAddRefuses(t *testing.T) {
	change := func(f func(*record.Item)) *record.Item {
		item := picture(2, "a", Train)
		f(item)
		return item
	}
	for name, tc := range map[string]struct {
		item *record.Item
		want string
	}{
		"no tensor":      {change(func(i *record.Item) { i.Tensor = nil }), "item 0002-00000000 has no tensor"},
		"no label":       {change(func(i *record.Item) { i.Label = nil }), "has no label"},
		"another size":   {change(func(i *record.Item) { i.Tensor.Shape = []int{4, 1, 3} }), "is 1x4 pixels, those before it are 2x2"},
		"too few bytes":  {change(func(i *record.Item) { i.Tensor.Data = i.Tensor.Data[1:] }), "with 11 bytes"},
		"overflow":       {change(func(i *record.Item) { i.Tensor.Shape = []int{1 << 62, 4, 3} }), "with 12 bytes"},
		"negative":       {change(func(i *record.Item) { i.Tensor.Shape = []int{-2, -2, 3} }), "with 12 bytes"},
		"grey":           {change(func(i *record.Item) { i.Tensor.Shape = []int{2, 2, 1} }), "want [height width 3]"},
		"floats":         {change(func(i *record.Item) { i.Tensor.DType = "float32" }), "want [height width 3] and uint8"},
		"an unknown set": {change(func(i *record.Item) { i.Set = "valid" }), `set "valid", want train, val or test`},
	} {
		t.Run(name, func(t *testing.T) {
			c := collect(t, picture(1, "a", Train))
			if err := c.Add(tc.item); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Add = %v, want %q", err, tc.want)
			}
			if c.Entries().Len() != 1 {
				t.Errorf("%d entries after a refusal", c.Entries().Len())
			}
		})
	}
}

func TestCounts(t *testing.T) {
	counts := func(sets string) Counts { // "train:a2,b1 val:a1"
		c := Counts{}
		for _, set := range strings.Fields(sets) {
			name, labels, _ := strings.Cut(set, ":")
			for _, label := range strings.Split(labels, ",") {
				for range int(label[1] - '0') {
					c.Add(name, label[:1])
				}
			}
		}
		return c
	}
	for _, tc := range []struct{ sets, want, hint string }{
		{"train:a2,b1 val:a1,b1", "", ""},
		{"train:a2,b1 val:a1,b1 test:a1", "", ""},
		{"", "no items", "stage before"},
		{"train:a2 val:a1 test:a1", "one class only, a", "oi-boxes --negatives"},
		{"train:a2 val:a1 test:a1", "one class only, a", "--background always"},
		{"train:a2,b2 test:a1,b1", "the set val is empty", "--split hash"},
		{"train:a2,b2 val:a1", "the set val has one class only, a", "--split hash"},
		{"val:a2,b2", "the set train is empty", "--subset"},
		{"train:a2 val:a2,b2", "no b to train on", "more boxes"},
	} {
		c := counts(tc.sets)
		err := c.Check(c.Labels(), nil)
		if tc.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tc.sets, err)
			}
			continue
		}
		var problem *Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Text, tc.want) || !strings.Contains(problem.Next, tc.hint) {
			t.Errorf("%s: %#v, want %q and the hint %q", tc.sets, err, tc.want, tc.hint)
		}
	}
	if got := fmt.Sprint(counts("all:a1 test:a1 train:b2").Names()); got != "[train test all]" {
		t.Errorf("sets %s", got)
	}
	if got := counts("train:a6,b2 val:c1").Imbalance(); got != 3 {
		t.Errorf("imbalance %g, want 3", got)
	}
	if got := (Counts{}).Imbalance(); got != 0 {
		t.Errorf("imbalance of nothing %g", got)
	}
}

func TestKeepBackground(t *testing.T) {
	always := []record.Stage{{Tool: "oi-boxes"}, {Tool: "oi-crop", Args: map[string]string{"background": "always"}}}
	auto := []record.Stage{{Tool: "oi-crop", Args: map[string]string{"background": "auto"}}}
	for _, tc := range []struct {
		labels string
		trail  []record.Stage
		want   bool
	}{
		{"Hamburger background", nil, true},
		{"Hamburger background", auto, true},
		{"Hamburger Sandwich background", auto, false},
		{"Hamburger Sandwich background", always, true},
		{"background", nil, true},
	} {
		if got := KeepBackground(strings.Fields(tc.labels), tc.trail); got != tc.want {
			t.Errorf("KeepBackground(%q) = %v", tc.labels, got)
		}
	}
}

// An item without a key is distinguished from all others by id, label, box and
// pixels.
func TestKeyOf(t *testing.T) {
	keyless := func(change func(*record.Item)) *record.Item {
		item := picture(1, "a", Train)
		item.Key, item.Box = "", &record.Box{XMax: 0.5, YMax: 0.5}
		change(item)
		return item
	}
	base := keyless(func(*record.Item) {})
	name := KeyOf(base)
	if !regexp.MustCompile(`^0001-[0-9a-f]{12}$`).MatchString(name) {
		t.Errorf("key %q", name)
	}
	for what, other := range map[string]*record.Item{
		"id":     keyless(func(i *record.Item) { i.ID = "0002" }),
		"label":  keyless(func(i *record.Item) { i.Label = &record.Label{MID: "/m/b", Name: "b"} }),
		"box":    keyless(func(i *record.Item) { i.Box.XMin = 0.25 }),
		"no box": keyless(func(i *record.Item) { i.Box = nil }),
		"pixels": keyless(func(i *record.Item) { i.Tensor.Data[3]++ }),
	} {
		if KeyOf(other) == name {
			t.Errorf("another %s makes no difference", what)
		}
	}
	for what, other := range map[string]*record.Item{
		"set":     keyless(func(i *record.Item) { i.Set = Test }),
		"flags":   keyless(func(i *record.Item) { i.Box.Occluded = 1 }),
		"fetched": keyless(func(i *record.Item) { i.Fetched = nil }),
		"variant": keyless(func(i *record.Item) {
			i.Augment = &record.Augment{Epoch: 3, Of: PixelsOf(i).String()}
			i.Tensor.Data[0]++
		}),
	} {
		if KeyOf(other) != name {
			t.Errorf("%s makes a difference", what)
		}
	}
	if got := KeyOf(picture(1, "a", Train)); got != "0001-00000000" {
		t.Errorf("an item with a key has the key %q", got)
	}
	long := keyless(func(i *record.Item) { i.ID = strings.Repeat("x", 64) })
	if n := len(KeyOf(long)); n > 77 {
		t.Errorf("a key of %d bytes leaves no room for -bg", n)
	}
	if got := KeyOf(keyless(func(i *record.Item) { i.ID = "" })); !strings.HasPrefix(got, "pixels-") {
		t.Errorf("without an id: %q", got)
	}
	if KeyOf(&record.Item{}) != "" {
		t.Error("an empty item has a key")
	}
}

// Variants that come once the items are divided, in segments of their own, are
// known by their items, which are not kept.
func TestRemember(t *testing.T) {
	c := collect(t, picture(2, "a", Val), picture(1, "a", Test))
	c.Divide(DefaultSplit())
	c.Sort()
	for _, n := range []int{7, 5} {
		if err := c.Begin(&record.Header{}, "variants", n); err != nil {
			t.Fatal(err)
		}
		item := picture(n, "b", Train)
		item.Image = &record.Image{Author: "somebody"}
		item.Augment = &record.Augment{Epoch: 1, Of: PixelsOf(picture(n, "b", Train)).String()}
		e, err := c.Check(item)
		if err != nil || e.Number >= 0 || e.Set != Train {
			t.Fatalf("%+v, %v", e, err)
		}
		if got := c.Of(Train).Len(); n == 7 && got != 0 {
			t.Errorf("%d train items before one is remembered", got)
		}
		if err := c.Remember(e, item); err != nil {
			t.Fatal(err)
		}
		last := c.Of(Train).At(c.Of(Train).Len() - 1)
		picture, pixels, err := c.Hashes(last)
		if err != nil || picture != FileOf(item) || pixels != PixelsOf(item) || last.Key != item.Key || last.Number >= 0 {
			t.Errorf("%+v of %v and %v, %v", last, picture, pixels, err)
		}
		if _, err := c.Spool.Item(int(last.row)); err == nil {
			t.Error("the item was kept")
		}
	}
	if all, val := keys(c.Entries()), keys(c.Of(Val)); all != "1 2 7 5" || val != "2" {
		t.Errorf("all are %q, those of val %q", all, val)
	}
	train := c.Of(Train)
	if group := c.Groups(); group(train.At(0)) != group(train.At(1)) || group(train.At(0)) == group(c.Of(Val).At(0)) {
		t.Error("the author of variants makes no group of them")
	}
}

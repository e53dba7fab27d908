package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// digestOf is the digest of all entries.
func digestOf(c *Collection, variants *Variants, trail []record.Stage) Digest {
	return digestOfSome(c, c.Entries(), variants, trail)
}

func digestOfSome(c *Collection, entries Entries, variants *Variants, trail []record.Stage) Digest {
	d, err := c.Digest(entries, variants, trail)
	if err != nil {
		panic(err)
	}
	return d
}

// TestDigestOrder: the lines are in the order of their bytes.
func TestDigestOrder(t *testing.T) {
	keys := []string{"b", "a", "a-", "a_", "a0", "aa", "A", "a-b", "-", "_", "Z9"}
	var items []*record.Item
	var lines []string
	for i, key := range keys {
		item := picture(i, "l", Train)
		item.Key = key
		items = append(items, item)
		lines = append(lines, fmt.Sprintf("item %q %q %x %x\n", key, "l", PictureOf(item), PixelsOf(item)))
	}
	slices.Sort(lines)
	want := sha256.Sum256([]byte(strings.Join(lines, "")))
	if got := digestOf(collect(t, items...), nil, nil).Sets[Train]; got != hex.EncodeToString(want[:]) {
		t.Errorf("%s, want %x", got, want)
	}
}

func TestDigest(t *testing.T) {
	trail := []record.Stage{{Tool: "oi-boxes", Args: map[string]string{"classes": "a", "limit": "3"}}, {Tool: "oi-crop"}}
	collected := func(change func([]*record.Item)) *Collection {
		items := []*record.Item{picture(1, "a", Train), picture(2, "b", Val), picture(3, "b", Test), picture(4, "a", Train)}
		change(items)
		return collect(t, items...)
	}
	base := digestOf(collected(func([]*record.Item) {}), nil, trail)
	if len(base.Data) != 64 || len(base.Sets) != 3 || len(base.Sets[Train]) != 64 {
		t.Fatalf("digest %v", base)
	}
	same := func(d Digest) string { // the parts that are
		var parts []string
		for _, set := range []string{Train, Val, Test} {
			if d.Sets[set] == base.Sets[set] {
				parts = append(parts, set)
			}
		}
		if d.Data == base.Data {
			parts = append(parts, "data")
		}
		return strings.Join(parts, " ")
	}
	for name, tc := range map[string]struct {
		change func([]*record.Item)
		want   string
	}{
		"order":             {func(items []*record.Item) { slices.Reverse(items) }, "train val test data"},
		"key":               {func(items []*record.Item) { items[0].Key = "x" }, "val test"},
		"label":             {func(items []*record.Item) { items[1].Label.Name = "x" }, "train test"},
		"set":               {func(items []*record.Item) { items[0].Set = Val }, "test"},
		"photo":             {func(items []*record.Item) { items[0].Fetched.SHA256 = items[1].Fetched.SHA256 }, "val test"},
		"number":            {func(items []*record.Item) { *items[3] = *picture(9, "a", Train) }, "val test"},
		"inverted pixels":   {func(items []*record.Item) { invert(items...) }, ""},
		"one test picture":  {func(items []*record.Item) { invert(items[2]) }, "train val"},
		"one train picture": {func(items []*record.Item) { invert(items[0]) }, "val test"},
		// Pixels that change places with another item's are other data.
		"exchanged": {func(items []*record.Item) {
			items[0].Tensor, items[3].Tensor = items[3].Tensor, items[0].Tensor
		}, "val test"},
	} {
		if got := same(digestOf(collected(tc.change), nil, trail)); got != tc.want {
			t.Errorf("%s: %q stay, want %q", name, got, tc.want)
		}
	}
	entries := collected(func([]*record.Item) {})
	if got := same(digestOf(entries, NewVariants(), append(slices.Clone(trail), record.Stage{Tool: "oi-augment"}))); got != "train val test data" {
		t.Errorf("after a stage that chooses nothing %q stay", got)
	}
	if got := same(digestOf(entries, nil, nil)); got != "train val test" {
		t.Errorf("of another query %q stay", got)
	}
	if got := same(digestOfSome(entries, entries.Entries().Part(1, entries.Entries().Len()), nil, trail)); got != "val test" {
		t.Errorf("without an item %q stay", got)
	}
}

// invert makes a negative of pictures.
func invert(items ...*record.Item) {
	for _, item := range items {
		for i := range item.Tensor.Data {
			item.Tensor.Data[i] ^= 0xff
		}
	}
}

// Variants are what is trained on.
// Streams that were joined in another order are the same data.
func TestDigestQueryOrder(t *testing.T) {
	entries := collect(t, picture(1, "a", Train))
	a := record.Stage{Tool: "oi-boxes", Args: map[string]string{"classes": "a"}}
	b := record.Stage{Tool: "oi-boxes", Args: map[string]string{"classes": "b"}}
	one := digestOf(entries, nil, []record.Stage{a, b}).Data
	if other := digestOf(entries, nil, []record.Stage{b, a}).Data; other != one {
		t.Error("the order of two queries makes a difference")
	}
	if other := digestOf(entries, nil, []record.Stage{a, a}).Data; other == one {
		t.Error("another query makes no difference")
	}
}

func TestDigestVariants(t *testing.T) {
	entries := collect(t, picture(2, "b", Val))
	digest := func(change func([]*record.Item)) Digest {
		var items []*record.Item
		for n := range 3 {
			item := picture(n, "a", Train)
			item.Augment = &record.Augment{Epoch: 1}
			items = append(items, item)
		}
		change(items)
		variants := NewVariants()
		for _, item := range items {
			variants.Add(item)
		}
		return digestOf(entries, variants, nil)
	}
	base := digest(func([]*record.Item) {})
	if d := digestOf(entries, nil, nil); d.Data == base.Data || d.Sets[Train] == base.Sets[Train] || d.Sets[Val] != base.Sets[Val] {
		t.Error("variants make no difference")
	}
	if d := digest(func([]*record.Item) {}); d.Data != base.Data {
		t.Error("the same variants give another digest")
	}
	for name, change := range map[string]func([]*record.Item){
		"pixels": func(items []*record.Item) { invert(items[1]) },
		"key":    func(items []*record.Item) { items[1].Key = "x" },
		"label":  func(items []*record.Item) { items[1].Label.Name = "b" },
		"epoch":  func(items []*record.Item) { items[1].Augment.Epoch = 2 },
		"copy":   func(items []*record.Item) { items[1].Augment.Copy = 1 },
		"order":  func(items []*record.Item) { slices.Reverse(items) },
	} {
		if d := digest(change); d.Data == base.Data || d.Sets[Train] == base.Sets[Train] || d.Sets[Val] != base.Sets[Val] {
			t.Errorf("%s makes no difference, or one to other sets", name)
		}
	}
}

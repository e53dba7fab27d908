package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// twoViews is a train item with a second view of the size, whose pixels are the
// first view's where the sizes are one.
func twoViews(n, h, w int) *record.Item {
	item := picture(n, "a", "train")
	data := make([]byte, h*w*3)
	for i := range data {
		data[i] = item.Tensor.Data[i%len(item.Tensor.Data)]
	}
	item.Context = &record.Tensor{Shape: []int{h, w, 3}, DType: "uint8", Data: data}
	return item
}

// TestVariantsOfTwoViews: what is done to one view is done to the other, in
// proportion to its size, the same on any number of threads and on replay.
func TestVariantsOfTwoViews(t *testing.T) {
	all := []string{"--epochs", "3", "--preset", "strong", "--cutout", "0.3", "--blur", "1"}
	_, items, _ := mustAugment(t, encode(t, twoViews(1, 12, 16)), all...)
	for _, item := range items {
		if !bytes.Equal(item.Tensor.Data, item.Context.Data) {
			t.Errorf("%+v: two views that are the same come out different", item.Augment)
		}
	}
	original := twoViews(2, 36, 32)
	input := encode(t, original, twoViews(3, 36, 32))
	_, items, _ = mustAugment(t, input, all...)
	changed := 0
	for _, item := range items {
		if item.Key != original.Key {
			continue
		}
		v, err := variantOf(item.Augment)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, len(original.Context.Data))
		if err := new(pix.Maker).Apply(v.At(12, 16, 36, 32), want, original.Context.Data, 36, 32); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(item.Context.Data, want) {
			t.Errorf("the second view is not what %+v makes", item.Augment)
		}
		if !bytes.Equal(want, original.Context.Data) {
			changed++
		}
	}
	if changed != 3 {
		t.Errorf("%d of 3 second views were changed", changed)
	}
	_, one, _ := augment(t, input, append(all, "-j1")...)
	_, many, _ := augment(t, input, append(all, "-j5")...)
	if !bytes.Equal(one, many) {
		t.Error("other bytes on other threads")
	}
	file := filepath.Join(t.TempDir(), "variants.oi")
	if err := os.WriteFile(file, one, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, again, stderr := augment(t, input, "--replay", file); !bytes.Equal(again, one) {
		t.Errorf("--replay makes other bytes\n%s", stderr)
	}
}

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// embed returns the items with their embeddings, and without pixels.
func embed(t *testing.T, path string, items []*record.Item) []*record.Item {
	t.Helper()
	b, err := transfer.Open(path, transfer.Options{Side: side, Normalization: parsed(t, "imagenet")})
	if err != nil {
		t.Fatal(err)
	}
	x, err := b.Extractor(3, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var out []*record.Item
	for _, item := range items {
		features, err := x.Features([][]byte{item.Tensor.Data})
		if err != nil {
			t.Fatal(err)
		}
		v := *item
		v.Embedding, v.Tensor = b.Embedding(features, dataset.TensorOf(item)), nil
		out = append(out, &v)
	}
	return out
}

// TestEmbedded: items that bring their features make the same model, byte for
// byte, as those whose features are computed here.
func TestEmbedded(t *testing.T) {
	backbone, items := small(t), twoClasses()
	for name, items := range map[string][]*record.Item{"items": items, "variants": variants(t, items, 2), "train alone": pictures(0, 30, "train", "red", "green")} {
		want := fitted(t, backbone, encode(t, nil, items...))
		got := fitted(t, backbone, encode(t, nil, embed(t, backbone, items)...))
		if !bytes.Equal(got.files["m.onnx"], want.files["m.onnx"]) {
			t.Errorf("%s: another model", name)
		}
		if strings.Contains(got.stderr, "computed the features") || !strings.Contains(got.stdout+string(got.files["m.html"]), "came as embeddings") {
			t.Errorf("%s: %s%s", name, got.stdout, got.stderr)
		}
	}
}

func TestEmbeddedRefuses(t *testing.T) {
	backbone, items := small(t), twoClasses()
	embedded := embed(t, backbone, items)
	other := embed(t, cmdtest.Backbone{Seed: 2, Side: side}.Write(t), items)
	for name, c := range map[string]struct {
		items []*record.Item
		want  string
	}{
		"another backbone":   {other, "small an embedding by"},
		"two backbones":      {slices.Concat(embedded[:5], other[5:]), "has an embedding by"},
		"some without":       {slices.Concat(embedded[:5], items[5:]), "has no embedding"},
		"some without first": {slices.Concat(items[:5], embedded[5:]), "items before it have none"},
	} {
		got := fitHead(t, t.Context(), t.TempDir(), backbone, encode(t, nil, c.items...))
		if got.code != 1 || !strings.Contains(got.stderr, c.want) || !strings.Contains(got.stderr, "hint") && !strings.Contains(got.stderr, "embed") {
			t.Errorf("%s: exit %d\n%s", name, got.code, got.stderr)
		}
	}
}

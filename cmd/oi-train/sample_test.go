package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/cmd/internal/zoo/named"
	"github.com/opensandwich/oi/record"
)

// vectors returns n items of a set and of the classes in turn, whose embeddings
// are around the centre of their class: no backbone need look at a picture.
func vectors(t *testing.T, backbone, set string, first, n, classes int) []*record.Item {
	t.Helper()
	b, err := transfer.Open(backbone, transfer.Options{Side: side, Normalization: parsed(t, "imagenet")})
	if err != nil {
		t.Fatal(err)
	}
	items := make([]*record.Item, n)
	for i := range items {
		class := i % classes
		centre, noise := rand.New(rand.NewPCG(uint64(class), 3)), rand.New(rand.NewPCG(uint64(first+i), 4))
		features := make([]float32, b.Dim)
		for j := range features {
			features[j] = float32(centre.NormFloat64() + 1.5*noise.NormFloat64())
		}
		float16.Round(features)
		item := cmdtest.Crop(first+i, fmt.Sprintf("class %03d", class), set, side, side, nil)
		var pixels [32]byte
		pixels[0], pixels[1], pixels[2], pixels[3] = byte(first+i), byte((first+i)>>8), byte((first+i)>>16), 1
		item.Tensor, item.Embedding = nil, b.Embedding(features, pixels)
		item.Image = &record.Image{Author: fmt.Sprint("author ", (first+i)/3)}
		items[i] = item
	}
	return items
}

// TestSample: where the strength is chosen on a sample, the weights are those of
// a fit to all items, to the last bit the same at any -j, in memory and in a
// file.
func TestSample(t *testing.T) {
	backbone := small(t)
	items := slices.Concat(vectors(t, backbone, "train", 0, 3000, 4), vectors(t, backbone, "val", 5000, 400, 4), vectors(t, backbone, "test", 6000, 400, 4))
	input := encode(t, nil, items...)
	head := func(got outcome) (h report.Head) {
		t.Helper()
		var r struct{ Head *report.Head }
		r.Head = &h
		if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
			t.Fatal(err, got.stderr)
		}
		return h
	}
	fit := func(sample int, args ...string) outcome {
		t.Helper()
		got := fitHeadBy(t, t.Context(), commandOf(named.Models{}, sample), t.TempDir(), backbone, input, args...)
		if got.code != 0 {
			t.Fatalf("exit %d\n%s", got.code, got.stderr)
		}
		return got
	}
	all := head(fit(3000))
	if all.Last != nil || all.SampleRows != 0 {
		t.Errorf("as many items as the sample may have: %+v", all)
	}
	sampled := fit(500)
	h := head(sampled)
	switch {
	case h.Last == nil || h.SampleRows != 500 || h.Rows != 3000 || !h.Last.Converged || h.Last.C != h.C || h.Last.Passes < 2:
		t.Fatalf("%+v %+v", h, h.Last)
	case !strings.Contains(sampled.stdout, "on a sample of 500 of the 3000 rows") || !strings.Contains(string(sampled.files["m.html"]), "on a sample of 500 of the 3000 rows"):
		t.Errorf("the report does not speak of the sample:\n%s", sampled.stdout)
	}
	for _, f := range all.Table { // of all items
		if f.C == h.C && math.Abs(f.TrainLoss-h.Last.TrainLoss) > 1e-6 {
			t.Errorf("a train loss of %v, from zeros %v", h.Last.TrainLoss, f.TrainLoss)
		}
	}
	for _, args := range [][]string{{"-j1"}, {"-j3", "--spool-memory", "0"}} {
		if got := fit(500, args...); !bytes.Equal(got.files["m.onnx"], sampled.files["m.onnx"]) {
			t.Errorf("%v: another model", args)
		}
	}
}

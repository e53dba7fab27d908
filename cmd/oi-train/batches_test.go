package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// An error over numbers that ran away names the item where it was seen first.
func TestCulprit(t *testing.T) {
	b := newBatch(4)
	b.add("old", nil, 0)
	b.clear()
	b.add("0001-aa", []byte{1}, 0)
	b.add("0002-bb", []byte{2}, 1)
	for i, want := range map[int]string{-1: "", 0: ", first seen at item 0001-aa", 1: ", first seen at item 0002-bb", 2: ""} {
		if got := b.offendingItem(i); got != want {
			t.Errorf("picture %d: %q, want %q", i, got, want)
		}
	}
}

// Epochs that come through the pipe give the weights that the same epochs
// from the spool give.
func TestStreamed(t *testing.T) {
	items := twoClasses()
	classes := []string{"red", "green"}
	weights := func(got outcome) string {
		t.Helper()
		network, _, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
		if err != nil {
			t.Fatalf("exit %d: %v\n%s", got.code, err, got.stderr)
		}
		return network.WeightsHash()
	}
	want := runTrain(t, t.Context(), encode(t, classes, items...), "--epochs", "3")
	got := runTrain(t, t.Context(), encode(t, classes, variants(t, items, 3)...))
	if weights(got) != weights(want) {
		t.Error("other weights than from the spool")
	}
	if !strings.Contains(got.stderr, "stopped: the input ended after epoch 3") {
		t.Errorf("stderr: %s", got.stderr)
	}
	// What is held out is the same; what is trained on are variants, even
	// if they look like the items.
	var a, b struct {
		Sets       map[string]map[string]int
		Provenance struct {
			Version int               `json:"data_version"`
			Sets    map[string]string `json:"data_sets"`
		}
	}
	for _, x := range []struct {
		from outcome
		to   any
	}{{want, &a}, {got, &b}} {
		if err := json.Unmarshal(x.from.files["m.json"], x.to); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(a.Sets) != fmt.Sprint(b.Sets) || a.Provenance.Version != 2 || b.Provenance.Version != 2 || len(a.Provenance.Sets) != 3 {
		t.Errorf("streamed %v, spooled %v", b, a)
	}
	for set, sum := range a.Provenance.Sets {
		if (b.Provenance.Sets[set] == sum) != (set != dataset.Train) {
			t.Errorf("%s: spooled %s, streamed %s", set, sum, b.Provenance.Sets[set])
		}
	}
}

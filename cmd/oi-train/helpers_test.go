package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

const side = 24

// picture returns item n: noise with a bright patch whose colour tells the
// label, which is "red", "green" or "background".
func picture(n int, label, set string) *record.Item {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	data := make([]byte, side*side*3)
	for i := range data {
		data[i] = byte(rng.IntN(120))
	}
	channel := map[string]int{"red": 0, "green": 1, "background": 2}[label]
	top, left := rng.IntN(side/2), rng.IntN(side/2)
	for y := top; y < top+side/2; y++ {
		for x := left; x < left+side/2; x++ {
			data[(y*side+x)*3+channel] = byte(170 + rng.IntN(80))
		}
	}
	item := cmdtest.Crop(n, label, set, side, side, data)
	item.Subset = "train"
	item.Image = &record.Image{License: "https://example.org/by/2.0", Author: fmt.Sprint("author ", n), Title: "<script>alert(1)</script>"}
	return item
}

// pictures returns n items of a set, of the labels in turn.
func pictures(first, n int, set string, labels ...string) []*record.Item {
	var items []*record.Item
	for i := range n {
		items = append(items, picture(first+i, labels[i%len(labels)], set))
	}
	return items
}

// twoClasses is a data set that can be learnt.
func twoClasses() []*record.Item {
	return slices.Concat(pictures(0, 32, "train", "red", "green"), pictures(100, 8, "val", "red", "green"), pictures(200, 8, "test", "red", "green"))
}

// encode returns a stream of the items whose header names classes.
func encode(t testing.TB, classes []string, items ...*record.Item) []byte {
	t.Helper()
	header := &record.Header{Version: 1, Stages: []record.Stage{
		{Tool: "oi-boxes", Version: "1", Args: map[string]string{"classes": fmt.Sprint(classes)}},
		{Tool: "oi-crop", Version: "1", Args: map[string]string{"background": "auto"}},
	}}
	for _, class := range classes {
		header.Classes = append(header.Classes, record.Class{MID: "/m/" + class, Name: class})
	}
	n := int64(len(items))
	end := &record.End{Stages: []record.StageCounts{{Tool: "oi-crop", In: n + 1, Out: n, Skipped: map[string]int64{"decode": 1}}}}
	return cmdtest.Encode(t, record.Binary, slices.Concat([]record.Record{header}, cmdtest.Records(items), []record.Record{end})...)
}

// An outcome is what a run of the command came to, with what it left in the
// folder of its own that it was given, by file name.
type outcome struct {
	code           int
	stdout, stderr string
	files          map[string][]byte
}

// quick are the options of a run in dir. The article's network is trained
// unless later options say otherwise: it takes a fraction of the time, and most
// tests are not about the network.
func quick(dir string) []string {
	return []string{"-o", filepath.Join(dir, "m"), "--arch", "reference"}
}

func runTrain(t *testing.T, ctx context.Context, stdin []byte, args ...string) outcome {
	t.Helper()
	dir := t.TempDir()
	code, stdout, stderr := cmdtest.Run(ctx, command(), stdin, append(quick(dir), args...)...)
	result := outcome{code, string(stdout), stderr, map[string][]byte{}}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if result.files[name.Name()], err = os.ReadFile(filepath.Join(dir, name.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return result
}

// variants returns the items as oi-augment would send them, unchanged, in the
// order oi-train gives them itself.
func variants(t *testing.T, items []*record.Item, epochs int) []*record.Item {
	t.Helper()
	var held, train []*record.Item
	for _, item := range items {
		if item.Set == dataset.Train {
			train = append(train, item)
		} else {
			held = append(held, item)
		}
	}
	slices.SortFunc(train, func(a, b *record.Item) int { return strings.Compare(a.Key, b.Key) })
	for epoch := 1; epoch <= epochs; epoch++ {
		for _, k := range dataset.Permutation(1, epoch, len(train)) {
			v := *train[k]
			v.Augment = &record.Augment{Epoch: epoch, Seed: 1, ZX: 1, ZY: 1}
			held = append(held, &v)
		}
	}
	return held
}

// checkSets compares the sizes of the sets in a run's report.
func checkSets(t *testing.T, got outcome, want map[string]int) {
	t.Helper()
	var r struct{ Sets map[string]map[string]int }
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err, got.stderr)
	}
	for set, n := range want {
		if sum := r.Sets[set]["red"] + r.Sets[set]["green"]; sum != n {
			t.Errorf("%s has %d items, want %d", set, sum, n)
		}
	}
}

// collected returns a collection of items.
func collected(t *testing.T, items []*record.Item) *dataset.Collection {
	t.Helper()
	spool := dataset.NewSpool(1<<20, t.TempDir())
	t.Cleanup(func() {
		if err := spool.Close(); err != nil {
			t.Error(err)
		}
	})
	c := dataset.NewCollection(spool, dataset.RepeatPolicy{})
	for _, item := range items {
		if err := c.Add(item); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

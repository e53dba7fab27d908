package main

import (
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// TestBytesOfItems: what a run that fits a head keeps of each item, all of it
// but the records, hashes and features, which are in files here. There are more
// photos than credits are kept of.
func TestBytesOfItems(t *testing.T) {
	const (
		most = 150 // bytes an item
		n    = 60_000
	)
	c, backbone := newCrowd(t, n, 12, 20)
	o := &options{name: filepath.Join(t.TempDir(), "m"), split: dataset.DefaultSplit(), weights: "none", given: func(string) bool { return false }}
	o.backbone.file, o.backbone.dtype, o.backbone.normalize = backbone, "float16", "imagenet"
	o.backbone.sample = n / 20
	read, write := io.Pipe()
	go func() { _ = write.CloseWithError(c.write(write)) }() // the reader says what went wrong
	env := cmdtest.Env(read, io.Discard, io.Discard)
	network, err := o.loadBackbone(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	in, err := stream.Open(env, &o.stream, nil)
	if err != nil {
		t.Fatal(err)
	}
	spool := dataset.NewSpool(0, t.TempDir())
	heap := func() float64 {
		runtime.GC()
		runtime.GC() // what pools keep goes with the second one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	check := func(when string) {
		t.Helper()
		each := (heap() - before) / n
		t.Logf("%.0f bytes an item %s", each, when)
		if each > most {
			t.Errorf("%.0f bytes an item %s, want at most %d", each, when, most)
		}
	}
	d := newData(o, env, in, spool)
	d.embedded, d.items.Embeddings = &embedded{}, true
	d.status = stream.StartStatus(env, "records")
	defer d.status.Stop()
	if err := d.collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("when all have come")
	if err := d.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("when they are divided")
	b, err := o.suitBackbone(env, d, network)
	if err != nil {
		t.Fatal(err)
	}
	h := &head{backbone: b}
	if h.store, err = openFeatures(o, env, b, nil, true); err != nil {
		t.Fatal(err)
	}
	if h.sets, err = extract(t.Context(), o, env, d, b, nil, h.store); err != nil {
		t.Fatal(err)
	}
	check("when the features are kept")
	fitted, err := h.fit(t.Context(), o, env, d)
	if err != nil || fitted.SampleRows != o.backbone.sample || !fitted.Last.Converged {
		t.Fatalf("%+v, %v", fitted, err)
	}
	check("when the head is fitted")
	runtime.KeepAlive([]any{d, h})
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := spool.Close(); err != nil {
		t.Error(err)
	}
}

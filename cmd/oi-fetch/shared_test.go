package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// sharedPhotos is n photos, two boxes of each, and the tree that has them.
func sharedPhotos(n int) ([]*record.Item, fstest.MapFS) {
	tree := fstest.MapFS{}
	var items []*record.Item
	for i := range n {
		id := fmt.Sprintf("%04x", i)
		items = append(items, box("train", id, 2*i, ""), box("train", id, 2*i+1, ""))
		tree["train/"+id+".jpg"] = &fstest.MapFile{Data: append(oitest.JPEG(i), make([]byte, 300*(i%100))...)}
	}
	return items, tree
}

// TestSharedCache: processes that share a cold cache ask for each photo once,
// in whatever order they want them, and write what one alone writes.
func TestSharedCache(t *testing.T) {
	const photos = 120
	items, tree := sharedPhotos(photos)
	backwards := slices.Clone(items)
	slices.Reverse(backwards)
	srv := oitest.New(t, tree)
	inputs := [][]byte{binary(t, items), binary(t, items), binary(t, backwards), binary(t, items[photos/2:])}
	var want [][]byte
	args := []string{"--images", srv.URL, "-j", "8", "-q", "--cache"}
	alone := t.TempDir()
	for _, input := range inputs {
		out, err := asProcess(t, input, append(args, alone)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, out)
	}
	if n := srv.Total(); n != photos {
		t.Fatalf("%d requests of runs one after the other", n)
	}

	cache := t.TempDir()
	var all sync.WaitGroup
	for i, input := range inputs {
		cmd := asProcess(t, input, append(args, cache)...)
		all.Go(func() {
			out, err := cmd.Output()
			if err != nil || !bytes.Equal(out, want[i]) {
				t.Errorf("run %d: %v, or other bytes than alone", i, err)
			}
		})
	}
	all.Wait()
	if n := srv.Total() - photos; n != photos {
		t.Errorf("%d requests of %d runs at once, want %d", n, len(inputs), photos)
	}
}

// TestKilledInATransfer: a process that is killed while it asks for a photo
// keeps no other from it.
func TestKilledInATransfer(t *testing.T) {
	items, tree := sharedPhotos(8)
	srv := oitest.New(t, tree)
	var killed atomic.Bool
	begun := make(chan struct{})
	srv.Fault("train/0003.jpg", func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		close(begun)
		oitest.Stall(100)(w, r, serve)
	}, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if !killed.Load() {
			t.Error("the second asked while the first did")
		}
		serve(w, r)
	})
	args := []string{"--images", srv.URL, "--cache", t.TempDir(), "-j", "4", "-q"}
	first := asProcess(t, binary(t, items[:len(items)-2]), args...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-begun
	second := asProcess(t, binary(t, items), args...)
	var out bytes.Buffer
	second.Stdout = &out
	// The second has got to the photo when it asks for the last one, which
	// the first does not want.
	reached := make(chan struct{})
	srv.Fault("train/0007.jpg", func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		close(reached)
		serve(w, r)
	})
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	killed.Store(true)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	if err := second.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, out.Bytes()); len(got) != len(items) {
		t.Errorf("%d items", len(got))
	}
	if n := srv.Requests("train/0003.jpg"); n != 2 {
		t.Errorf("%d requests for the photo, want 2", n)
	}
}

// TestSharedRates: processes that name one folder keep to one rate. None can
// have been asked before the time by which all before it were sent.
func TestSharedRates(t *testing.T) {
	const processes, photos, perSecond = 3, 10, 20
	items, tree := sharedPhotos(photos)
	srv := oitest.New(t, tree)
	rates := t.TempDir()
	start := time.Now()
	var all sync.WaitGroup
	for range processes {
		cmd := asProcess(t, binary(t, items), "--images", srv.URL, "-q", "--cache", t.TempDir(), "--rate", strconv.Itoa(perSecond), "--shared-rates", rates)
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("oi-fetch: %v", err)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	n := srv.Total()
	if least := time.Duration(n-1) * time.Second / perSecond; n != processes*photos || took < least {
		t.Errorf("%d requests in %s, want %d in no less than %s", n, took, processes*photos, least)
	}

	out, err := asProcess(t, binary(t, items), "--images", srv.URL, "--cache", t.TempDir(), "--shared-rates", "/dev/null/x").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("--shared-rates: mkdir /dev/null")) {
		t.Errorf("a folder that cannot be: %v, %s", err, out)
	}
}

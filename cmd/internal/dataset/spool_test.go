package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/record"
)

func TestSpool(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit int64
		spill bool
	}{
		{"in memory", 1 << 20, false},
		{"half in a file", 3000, true},
		{"in a file", 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := NewSpool(tc.limit, dir)
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			var want []*record.Item
			for i := range 40 {
				item := picture(i, "Hamburger", Train)
				if i == 5 {
					item.Tensor = nil
					item.Image = &record.Image{Title: "no pixels", License: "CC"}
				}
				if i%3 == 0 {
					item.Embedding = vector(i)
				}
				if i%4 == 1 && i != 5 {
					item.Context = &record.Tensor{Shape: []int{1, 1 + i, 3}, DType: "uint8", Data: bytes.Repeat([]byte{byte(i), 'c', 2}, 1+i)}
				}
				n, err := s.Add(item)
				if err != nil || n != i {
					t.Fatalf("Add = %d, %v", n, err)
				}
				want = append(want, item)
			}
			if got := s.Spilled() > 0; got != tc.spill {
				t.Errorf("%d bytes in the file, want some: %v", s.Spilled(), tc.spill)
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) > 0 && runtime.GOOS != "windows" {
				t.Errorf("the folder has %v (%v), want a file without a name", names, err)
			}
			var group sync.WaitGroup
			for w := range 4 {
				group.Go(func() {
					var buf []byte
					for k := range want {
						i := (k*7 + w) % len(want)
						got, err := s.Item(i)
						if err != nil {
							t.Error(err)
							return
						}
						if diff := cmp.Diff(want[i], got); diff != "" {
							t.Errorf("item %d: %s", i, diff)
						}
						if e := want[i].Embedding; e != nil {
							buf, err = s.Embedding(i, buf)
							if err != nil || !bytes.Equal(buf, e.Data) {
								t.Errorf("Embedding(%d) = %v, %v", i, buf, err)
							}
						} else if buf, err = s.Embedding(i, buf); err != nil || len(buf) > 0 {
							t.Errorf("Embedding(%d) = %v, %v, there is none", i, buf, err)
						}
						if want[i].Tensor == nil {
							continue
						}
						buf, err = s.Pixels(i, buf)
						if err != nil || !bytes.Equal(buf, want[i].Tensor.Data) {
							t.Errorf("Pixels(%d) = %v, %v", i, buf, err)
						}
						buf, err = s.Views(i, buf)
						if err != nil || !bytes.Equal(buf, Views(want[i])) {
							t.Errorf("Views(%d) = %v, %v", i, buf, err)
						}
					}
				})
			}
			group.Wait()
		})
	}
}

// vector returns an embedding that says that it was made from other pixels.
func vector(i int) *record.Embedding {
	return &record.Embedding{
		Of: strings.Repeat("ab", 32), DType: record.Float16, Side: 128, Pixels: fmt.Sprintf("%064x", i),
		Data: []byte{byte(i), 0x3c, byte(i), 0x01, 0x02, 0x03},
	}
}

// The second view is a part of an item's pixels, and no part of its name.
func TestSecondView(t *testing.T) {
	one := picture(7, "Hamburger", "")
	one.Key, one.Fetched, one.Image = "", nil, nil
	two := *one
	two.Context = &record.Tensor{Shape: []int{1, 2, 3}, DType: "uint8", Data: []byte("second")}
	other := two
	other.Context = &record.Tensor{Shape: []int{1, 2, 3}, DType: "uint8", Data: []byte("Second")}
	if KeyOf(one) != KeyOf(&two) {
		t.Error("with a second view the item has another name")
	}
	if TensorOf(one) == TensorOf(&two) || TensorOf(&two) == TensorOf(&other) || contentOf(&two) == contentOf(&other) {
		t.Error("another second view makes no difference")
	}
	if got := Views(&two); !bytes.Equal(got, append(bytes.Clone(one.Tensor.Data), "second"...)) || !bytes.Equal(Views(one), one.Tensor.Data) {
		t.Errorf("views %q", got)
	}
	if size, err := ContextOf(&two); err != nil || size != (Size{1, 2}) {
		t.Errorf("%v, %v", size, err)
	}
	two.Context.Data = two.Context.Data[1:]
	if _, err := ContextOf(&two); err == nil {
		t.Error("a second view that lacks a byte")
	}
}

// All items of a collection have a second view of one size, or none.
func TestCollectionOfViews(t *testing.T) {
	with := func(n, side int) *record.Item {
		item := picture(n, "a", Train)
		if side > 0 {
			item.Context = &record.Tensor{Shape: []int{side, side, 3}, DType: "uint8", Data: make([]byte, 3*side*side)}
		}
		return item
	}
	for _, c := range []struct {
		first, second int
		want          string
	}{
		{0, 3, "has two views, those before it have one"},
		{3, 0, "has one view, those before it have two"},
		{3, 4, "has a context of 4x4 pixels, those before it have one of 3x3"},
		{3, 3, ""},
	} {
		spool := NewSpool(1<<20, "")
		all := NewCollection(spool, RepeatPolicy{})
		if err := all.Add(with(1, c.first)); err != nil || all.Context() != (Size{c.first, c.first}) {
			t.Errorf("%v, %v", err, all.Context())
		}
		err := all.Add(with(2, c.second))
		var problem *Problem
		switch {
		case c.want == "" && err != nil:
			t.Error(err)
		case c.want != "" && (!errors.As(err, &problem) || !strings.Contains(problem.Text, c.want) || !strings.Contains(problem.Next, "--two-views")):
			t.Errorf("%v, want %s", err, c.want)
		}
		if err := spool.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An embedding stands for the pixels that were dropped: for the names of items
// and of photos, and for what counts as the same.
func TestEmbeddingInPlaceOfTensor(t *testing.T) {
	full := picture(7, "Hamburger", "")
	full.Key, full.Fetched, full.Image = "", nil, nil
	bare := *full
	sum := TensorOf(full)
	bare.Tensor, bare.Embedding = nil, vector(0)
	bare.Embedding.Pixels = sum.String()
	if KeyOf(&bare) != KeyOf(full) || PictureOf(&bare) != PictureOf(full) || PixelsOf(&bare) != sum {
		t.Error("without its tensor the item is another one")
	}
	spool := NewSpool(1<<20, "")
	c := NewCollection(spool, RepeatPolicy{})
	var problem *Problem
	if err := c.Add(&bare); !errors.As(err, &problem) || !strings.Contains(problem.Next, "--keep-tensor") {
		t.Errorf("a trainer that wants pixels says %v", err)
	}
	c = NewCollection(spool, RepeatPolicy{})
	c.Embeddings = true
	if err := c.Add(&bare); err != nil || c.Size() != (Size{128, 128}) {
		t.Errorf("%v, %v, %d", err, c.Size(), c.Entries().Len())
	}
	if _, pixels, err := c.Hashes(c.Entries().At(0)); pixels != sum || err != nil {
		t.Errorf("pixels %v, want %v", pixels, sum)
	}
	if err := spool.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolNoFolder(t *testing.T) {
	s := NewSpool(0, t.TempDir()+"/missing")
	if _, err := s.Add(picture(1, "a", Train)); err == nil {
		t.Error("an item was kept in a folder that does not exist")
	}
}

// What is added is a copy.
func TestSpoolOwnsItsItems(t *testing.T) {
	s := NewSpool(1<<20, "")
	item := picture(1, "a", Train)
	if _, err := s.Add(item); err != nil {
		t.Fatal(err)
	}
	item.Tensor.Data[0] ^= 0xff
	got, err := s.Item(0)
	if err != nil {
		t.Fatal(err)
	}
	if got.Tensor.Data[0] == item.Tensor.Data[0] {
		t.Error("the spool shares its pixels with the caller")
	}
}

func BenchmarkSpoolPixels(b *testing.B) {
	for name, limit := range map[string]int64{"memory": 1 << 30, "file": 0} {
		b.Run(name, func(b *testing.B) {
			s := NewSpool(limit, b.TempDir())
			defer func() {
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			}()
			for i := range 64 {
				item := picture(i, "a", Train)
				item.Tensor.Shape, item.Tensor.Data = []int{128, 128, 3}, make([]byte, 128*128*3)
				if _, err := s.Add(item); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(128 * 128 * 3)
			var buf []byte
			i := 0
			for b.Loop() {
				var err error
				if buf, err = s.Pixels(i%64, buf); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// The limit is of all memory that items take: the collector sees none of it,
// and garbage does not pile up in proportion.
func TestSpoolOutsideOfTheHeap(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("the spool is in the heap here")
	}
	const n, side = 64, 1 << 18
	s := NewSpool(n*side*2, "")
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	item := picture(1, "Hamburger", Train)
	item.Tensor.Shape, item.Tensor.Data = []int{1, side / 3, 3}, make([]byte, side/3*3)
	before := heap()
	for range n {
		if _, err := s.Add(item); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > n*side/8 || s.Spilled() > 0 {
		t.Errorf("the heap grew by %d bytes for %d bytes of items, %d in the file", grown, n*side, s.Spilled())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Item(0); err == nil {
		t.Error("an item of a closed spool")
	}
	if _, err := s.Pixels(0, nil); err == nil {
		t.Error("pixels of a closed spool")
	}
	if _, _, err := s.pair(0); err == nil {
		t.Error("hashes of a closed spool")
	}
	if err := s.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed again: %v", err)
	}
}

// Items of many sizes, some larger than what is left of a block, stay whole.
func TestArena(t *testing.T) {
	var a arena
	var kept [][]byte
	left := int64(0)
	sizes := []int{1, blockSize/2 + 1, blockSize / 2, 7, blockSize - 8, 3, blockSize + 5, 2}
	for _, n := range sizes {
		left += int64(n)
	}
	for i, n := range sizes {
		data := bytes.Repeat([]byte{byte(i + 1)}, n)
		kept = append(kept, a.keep(data, left))
		left -= int64(n)
	}
	for i, data := range kept {
		if len(data) != sizes[i] || len(bytes.Trim(data, string(rune(i+1)))) > 0 {
			t.Errorf("%d bytes of %d are others", len(data), sizes[i])
		}
	}
	if err := a.close(); err != nil {
		t.Error(err)
	}
}

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/sheet"
	"github.com/opensandwich/oi/record"
)

// boxesOf returns items with boxes of all sizes of some photos, those of one
// photo after one another, each with its own copy of the bytes.
func boxesOf(photos [][]byte, n int) []*record.Item {
	var items []*record.Item
	for i, data := range photos {
		for k := range n {
			at := float64(k) / float64(2*n)
			items = append(items, &record.Item{
				Key: fmt.Sprint(i, "-", k), Fetched: &record.Fetched{Bytes: bytes.Clone(data)},
				Box: &record.Box{XMin: at, XMax: 1 - at/2, YMin: at / 2, YMax: 1 - at},
			})
		}
	}
	return items
}

// TestSharedPhoto: the boxes of one photo share a decoder, and the crops are
// those that each has by itself, whatever came before and in between.
func TestSharedPhoto(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for i := range img.Pix {
		img.Pix[i] = uint8(i/7) | 3
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	photos := [][]byte{oitest.JPEG(1), b.Bytes(), oitest.JPEG(2), testItem(1, "a").Fetched.Bytes}
	for _, name := range []string{"baseline", "progressive", "restart", "separate-scans", "beyond-middle"} {
		data, err := os.ReadFile("../internal/imagefile/jpegfile/testdata/" + name + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		photos = append(photos, data)
	}
	items := boxesOf(photos, 6)
	var want [][]byte
	for _, item := range items {
		result, err := startCropper(t, options{size: square(16)}, "a").do(t.Context(), item)
		if err != nil || len(result.Items) == 0 {
			t.Fatalf("%s: %+v %v", item.Key, result, err)
		}
		want = append(want, result.Items[0].Tensor.Data)
	}
	for _, jobs := range []int{1, 3, 8} {
		c := startCropper(t, options{size: square(16)}, "a")
		got := make([][]byte, len(items))
		next := make(chan int)
		var workers sync.WaitGroup
		for range jobs {
			workers.Go(func() {
				for i := range next {
					result, err := c.do(t.Context(), items[i])
					if err != nil || len(result.Items) == 0 {
						t.Errorf("%s: %+v %v", items[i].Key, result, err)
						continue
					}
					got[i] = result.Items[0].Tensor.Data
				}
			})
		}
		for i := range items {
			next <- i
		}
		close(next)
		workers.Wait()
		for i := range items {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%d jobs, item %s: other pixels than alone", jobs, items[i].Key)
			}
		}
		if n := len(c.decoders.idle); n < 1 || n > jobs {
			t.Errorf("%d decoders for %d jobs", n, jobs)
		}
	}
}

// TestDecoders: a photo gets the decoder that knows it, another one that of the
// oldest photo, and one that holds much memory is not kept.
func TestDecoders(t *testing.T) {
	photos := [][]byte{oitest.JPEG(1), oitest.JPEG(2), oitest.JPEG(3)}
	c := startCropper(t, options{size: square(16)}, "a", "b")
	decode := func(i int) {
		if _, err := c.do(t.Context(), boxesOf(photos[i:i+1], 1)[0]); err != nil {
			t.Fatal(err)
		}
	}
	decode(0)
	first := c.decoders.acquire(photos[0])
	decode(1)
	c.decoders.release(first)
	d := c.decoders.acquire(photos[0])
	if d != first || !d.Knows(photos[0]) {
		t.Error("the photo has lost its decoder")
	}
	c.decoders.release(d)
	d = c.decoders.acquire(photos[2])
	if d == first || !d.Knows(photos[1]) {
		t.Error("a new photo does not get the oldest decoder")
	}
	c.decoders.release(d)
	photos = append(photos, oitest.PNG{Width: 1900, Height: 1900, Depth: 8, Interlaced: true, Blank: true}.Encode())
	before := slices.Clone(c.decoders.idle)
	decode(3)
	if len(c.decoders.idle) >= len(before) {
		t.Errorf("%d decoders after a large photo, %d before", len(c.decoders.idle), len(before))
	}
}

// TestDecodeMemory: a photo that takes more memory than all may is one record
// that is skipped, and the others wait for one another.
func TestDecodeMemory(t *testing.T) {
	grey := func(w, h int) []byte { // 6 bytes a pixel
		return oitest.PNG{Width: w, Height: h, Depth: 8, Interlaced: true, Blank: true}.Encode()
	}
	photos := [][]byte{oitest.JPEG(1), grey(4000, 2200), grey(1100, 1100), oitest.JPEG(2), grey(1100, 1100)}
	items := boxesOf(photos, 4)
	c := startCropper(t, options{size: square(16), decodeMemory: minDecodeMemory}, "a", "b")
	var workers sync.WaitGroup
	for _, item := range items {
		workers.Go(func() {
			result, err := c.do(t.Context(), item)
			tooBig := bytes.Equal(item.Fetched.Bytes, photos[1])
			switch {
			case err != nil:
				t.Errorf("%s: %v", item.Key, err)
			case tooBig && (result.Skipped != skipMemory || result.Detail != "decoding it takes 51 MB, and --decode-memory is 8 MB"):
				t.Errorf("%s: %+v", item.Key, result)
			case !tooBig && len(result.Items) != 1:
				t.Errorf("%s: %+v", item.Key, result)
			}
		})
	}
	workers.Wait()
	held := 0
	for _, d := range c.decoders.idle {
		held += d.Held()
	}
	if held > maxIdle || len(c.decoders.idle) == 0 {
		t.Errorf("%d decoders hold %d bytes while nothing is done", len(c.decoders.idle), held)
	}
	if !c.memory.TryAcquire(minDecodeMemory) {
		t.Error("not all memory was given back")
	}
}

// TestLargePNG: a PNG that is not interlaced is cropped in the memory of some
// rows, with a sheet and any filter, and damage after the window is found.
func TestLargePNG(t *testing.T) {
	good := oitest.PNG{Width: 2300, Height: 2000, Depth: 8, Colour: 2, Blank: true}.Encode()
	at := bytes.Index(good, []byte("IDAT")) + 4
	body := bytes.Clone(good[at : len(good)-16])
	body[len(body)-1] ^= 1 // the checksum of all pixels
	bad := slices.Concat(good[:at-8], oitest.PNGChunk("IDAT", body), oitest.PNGChunk("IEND", nil))
	for name, data := range map[string][]byte{"": good, skipDecode: bad} {
		for _, filter := range pix.Filters() {
			item := boxesOf([][]byte{data}, 1)[0]
			item.Box = &record.Box{XMin: 0.1, XMax: 0.4, YMin: 0.1, YMax: 0.4}
			o := options{size: square(16), decodeMemory: minDecodeMemory, filter: string(filter), sheet: "s.jpg", sheetOf: sheet.Choice{Items: 9}}
			result, err := startCropper(t, o, "a", "b").do(t.Context(), item)
			if err != nil || result.Skipped != name || name == "" && len(result.Items) != 1 {
				t.Errorf("%s: %+v %v, want %q", filter, result, err, name)
			}
		}
	}
}

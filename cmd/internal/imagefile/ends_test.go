package imagefile

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestEndsWith(t *testing.T) {
	pattern := []byte{0xff, 0xd9}
	for _, size := range []int{0, 1, 2, 3, 4095, 4096, 4097, 4098, 69_631, 69_632, 69_633, 69_634, 200_000} {
		for _, at := range []int{-1, 0, 1, size - 2, size - 4096, size - 4097, size - 69_632, size - 69_633, size / 2} {
			for _, from := range []int{0, 1, 5} {
				data := make([]byte, size)
				if at >= 0 && at+2 <= size {
					copy(data[at:], pattern)
				}
				want := from < size && bytes.Contains(data[from:], pattern)
				err := endsWith(bytes.NewReader(data), int64(from), int64(size), pattern)
				if (err == nil) != want || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("size %d, at %d, from %d: %v, want %v", size, at, from, err, want)
				}
			}
		}
	}
}

// TestDecoderPanic: a panic costs one photo, and the decoder starts anew.
func TestDecoderPanic(t *testing.T) {
	d := &Decoder{}
	data := oitest.JPEG(1)
	c, err := Check(bytes.NewReader(data), int64(len(data)), DefaultMaxPixels)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Decode(data, c, c.bounds(), 1); err != nil || d.Held() == 0 {
		t.Fatalf("holds %d bytes: %v", d.Held(), err)
	}
	if err := d.guard(func() error { panic("index out of range") }); !errors.Is(classify(err), ErrDamaged) || d.Held() != 0 {
		t.Errorf("holds %d bytes: %v", d.Held(), err)
	}
}

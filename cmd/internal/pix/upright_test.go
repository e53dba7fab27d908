package pix

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestDecodeUpright(t *testing.T) {
	data := encodeJPEG(t, noise("420", 24, 16, rand.New(rand.NewPCG(1, 1))))
	stored, err := Decode(data, 1000)
	if err != nil {
		t.Fatal(err)
	}
	same, err := DecodeUpright(data, 1000)
	if err != nil || !bytes.Equal(same.RGB(0, 0, 24, 16), stored.RGB(0, 0, 24, 16)) {
		t.Errorf("a photo without orientation changed: %v", err)
	}
	// Orientation 6: the stored picture is to be turned clockwise by 90 degrees.
	turned, err := DecodeUpright(withOrientation(data), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if turned.Width != 16 || turned.Height != 24 {
		t.Fatalf("%dx%d, want 16x24", turned.Width, turned.Height)
	}
	for y := range 24 {
		for x := range 16 {
			if got, want := turned.RGB(x, y, 1, 1), stored.RGB(y, 15-x, 1, 1); !bytes.Equal(got, want) {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
	if _, err := DecodeUpright(data, 100); err == nil {
		t.Error("24x16 pixels passed a cap of 100")
	}
	if _, err := DecodeUpright(data[:len(data)/2], 1000); err == nil {
		t.Error("half a photo was decoded")
	}
}

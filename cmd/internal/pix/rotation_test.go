package pix

import (
	"bytes"
	"errors"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestDecodeOriented compares a photo in each orientation with the same photo
// rotated and mirrored before it is resized.
func TestDecodeOriented(t *testing.T) {
	img := imaging.Clone(noise("420", 24, 16, rand.New(rand.NewPCG(1, 1))))
	stored := encodePNG(t, img)
	for orientation, upright := range map[int]*image.NRGBA{
		1: img,
		2: imaging.FlipH(img),
		3: imaging.Rotate180(img),
		4: imaging.FlipV(img),
		5: imaging.Transpose(img),
		6: imaging.Rotate270(img), // counter-clockwise
		7: imaging.Transverse(img),
		8: imaging.Rotate90(img),
	} {
		chunk := pngChunk("eXIf", "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"+string(rune(orientation))+"\x00\x00\x00\x00\x00\x00")
		data := slices.Concat(stored[:33], chunk, stored[33:])
		for _, size := range []int{1, 7, 16, 40} {
			got, err := DecodeOriented(data, 1000, square(size))
			if err != nil {
				t.Fatal(err)
			}
			p, err := NewPicture(upright)
			if err != nil {
				t.Fatal(err)
			}
			if want := cropSquare(p, 0, 0, p.Width, p.Height, 0, size); !bytes.Equal(got, want) {
				t.Errorf("orientation %d at %d pixels: %v, want %v", orientation, size, got, want)
			}
		}
	}
	if _, err := DecodeOriented(stored, 100, square(8)); !errors.Is(err, imagefile.ErrTooManyPixels) {
		t.Errorf("24x16 pixels and a limit of 100: %v", err)
	}
	if _, err := DecodeOriented(stored[:len(stored)/2], 1000, square(8)); !errors.Is(err, imagefile.ErrTruncated) {
		t.Errorf("half a photo: %v", err)
	}
}

// square is what a photo is made where nobody says otherwise.
func square(size int) Target { return Target{Width: size, Height: size, Filter: Area} }

// TestDecodeOrientedPads compares a padded photo in each orientation with the
// same photo turned before it is cropped.
func TestDecodeOrientedPads(t *testing.T) {
	img := imaging.Clone(noise("420", 24, 16, rand.New(rand.NewPCG(1, 1))))
	stored := encodePNG(t, img)
	for orientation, upright := range map[int]*image.NRGBA{1: img, 3: imaging.Rotate180(img), 6: imaging.Rotate270(img), 7: imaging.Transverse(img)} {
		chunk := pngChunk("eXIf", "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"+string(rune(orientation))+"\x00\x00\x00\x00\x00\x00")
		for _, pad := range Pads() {
			target := Target{Width: 12, Height: 12, Filter: Area, Pad: pad}
			got, err := DecodeOriented(slices.Concat(stored[:33], chunk, stored[33:]), 1000, target)
			if err != nil {
				t.Fatal(err)
			}
			p, err := NewPicture(upright)
			if err != nil {
				t.Fatal(err)
			}
			if want := Crop(p, image.Rect(0, 0, p.Width, p.Height), target); !bytes.Equal(got, want) {
				t.Errorf("orientation %d, %s: %v, want %v", orientation, pad, got, want)
			}
			if bytes.Equal(got, cropSquare(p, 0, 0, p.Width, p.Height, 0, 12)) {
				t.Errorf("orientation %d, %s: nothing is padded", orientation, pad)
			}
		}
	}
}

func pngChunk(name, body string) []byte {
	return oitest.PNGChunk(name, []byte(body))
}

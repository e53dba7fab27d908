package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// upperHalf writes a model that looks at the upper half of a picture alone:
// "red" if that is red, "green" if it is green.
func upperHalf(t *testing.T) string {
	t.Helper()
	n := network()
	clear(n.Params[0].Data[len(n.Params[0].Data)/2:])
	var b bytes.Buffer
	if err := n.WriteONNX(&b, "test", nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "upper.onnx")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writePhoto(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPhotosAreUpright asks about a photo that is red above as it is stored, and
// about the same one meant to be looked at upside down.
func TestPhotosAreUpright(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	for i := range 256 {
		lower := uint8(255 * (i / 128))
		img.SetNRGBA(i%16, i/16, color.NRGBA{R: 255 - lower, G: lower, A: 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	stored := b.Bytes()
	exif := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00\x00\x00\x00\x00"
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(exif)))
	chunk = append(append(chunk, "eXIf"...), exif...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	end := len(stored) - 12
	m := upperHalf(t)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"stored.png": {stored, "red"},
		"turned.png": {slices.Concat(stored[:end], chunk, stored[end:]), "green"},
	} {
		code, stdout, stderr := eval(t, nil, "--json", m, writePhoto(t, name, c.data))
		var a answer
		if err := json.Unmarshal([]byte(stdout), &a); code != 0 || err != nil || a.Label != c.want {
			t.Errorf("%s: exit %d, %v, %q, %s; want %s", name, code, err, stderr, stdout, c.want)
		}
	}
}

// TestRefusedPhotos: what oi-fetch and oi-crop say of a photo, oi-eval says.
func TestRefusedPhotos(t *testing.T) {
	hole := oitest.JPEG(1)
	clear(hole[len(hole)-202 : len(hole)-2])
	unread, err := os.ReadFile("../internal/imagefile/jpegfile/testdata/unsupported-arithmetic.jpg")
	if err != nil {
		t.Fatal(err)
	}
	m := writeModel(t)
	for name, c := range map[string]struct {
		data []byte
		want string
		args []string
	}{
		"unread.jpg": {unread, "unsupported feature: JPEG with arithmetic coding", nil},
		"hole.jpg":   {hole, "damaged: ", nil},
		"large.jpg":  {oitest.JPEG(1), "too many pixels: 48 by 32, and --max-pixels is 1535", []string{"--max-pixels", "1535"}},
	} {
		code, _, stderr := eval(t, nil, append(c.args, m, writePhoto(t, name, c.data))...)
		if code != 1 || !strings.Contains(stderr, name+": "+c.want) {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
	if code, _, stderr := eval(t, nil, "--max-pixels", "1536", m, writePhoto(t, "fits.jpg", oitest.JPEG(1))); code != 0 {
		t.Errorf("as large as may be: exit %d, %s", code, stderr)
	}
	if code, _, stderr := eval(t, nil, "--max-pixels", "0", m, writePhoto(t, "fits.jpg", oitest.JPEG(1))); code != 2 {
		t.Errorf("--max-pixels 0: exit %d, %s", code, stderr)
	}
}

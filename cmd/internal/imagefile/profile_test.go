package imagefile_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestProfileOf: Pillow's files with the profile of sRGB are known by it in
// each format, and those with another profile or a damaged one.
func TestProfileOf(t *testing.T) {
	all := map[string]struct {
		data []byte
		want imagefile.Profile
	}{
		"a PNG without":       {oitest.PNG{Width: 1, Height: 1, Depth: 8}.Encode(), imagefile.NoProfile},
		"a PNG of zeros":      {oitest.PNG{Width: 1, Height: 1, Depth: 8, Profile: true}.Encode(), imagefile.OtherProfile},
		"a JPEG without":      {oitest.JPEG(1), imagefile.NoProfile},
		"no photo":            {[]byte("RIFFxxxxWEB"), imagefile.NoProfile},
		"a PNG's beginning":   {[]byte(pngMagic), imagefile.NoProfile},
		"a JPEG in two parts": {inTwo(read(t, "testdata/srgb.jpg")), imagefile.SRGBProfile},
	}
	for name, data := range files(t, "testdata/srgb.*") {
		all[name] = struct {
			data []byte
			want imagefile.Profile
		}{data, imagefile.SRGBProfile}
		if filepath.Ext(name) == ".png" {
			continue // packed
		}
		other := bytes.Clone(data)
		at := bytes.Index(other, []byte("XYZ \x00\x00\x00\x00")) // the white point or a primary
		for at >= 0 && at+20 < len(other) {
			other[at+10] ^= 0x40
			next := bytes.Index(other[at+8:], []byte("XYZ \x00\x00\x00\x00"))
			if next < 0 {
				break
			}
			at += 8 + next
		}
		all["other "+name] = struct {
			data []byte
			want imagefile.Profile
		}{other, imagefile.OtherProfile}
	}
	for name, c := range all {
		if got := imagefile.ProfileOf(c.data); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		for n := range min(len(c.data), 2000) { // no panic
			imagefile.ProfileOf(c.data[:n])
		}
	}
}

// inTwo puts the profile of a JPEG into two segments, the second part first.
func inTwo(data []byte) []byte {
	const prefix = "ICC_PROFILE\x00"
	at := bytes.Index(data, []byte(prefix)) - 4
	n := 2 + int(data[at+2])<<8 + int(data[at+3])
	profile := data[at+4+len(prefix)+2 : at+n]
	part := func(number byte, body []byte) []byte {
		size := 2 + len(prefix) + 2 + len(body)
		out := append([]byte{0xff, 0xe2, byte(size >> 8), byte(size)}, prefix...)
		return append(append(out, number, 2), body...)
	}
	out := append(bytes.Clone(data[:at]), part(2, profile[100:])...)
	return append(append(out, part(1, profile[:100])...), data[at+n:]...)
}

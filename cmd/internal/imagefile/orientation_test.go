package imagefile_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// checkReset checks that a reset photo is upright, has the same pixels, and is
// the same file where nothing was to be done. must says that there was.
func checkReset(t testing.TB, name string, data []byte, must bool) (reset []byte) {
	t.Helper()
	before := bytes.Clone(data)
	reset, changed := imagefile.ResetOrientation(data)
	if !bytes.Equal(before, data) {
		t.Errorf("%s: the photo given was changed", name)
	}
	if got := imagefile.Orientation(reset); got != 1 {
		t.Errorf("%s: orientation %d after the reset", name, got)
	}
	if changed == bytes.Equal(reset, data) || must && !changed {
		t.Errorf("%s: changed: %v, the same bytes: %v", name, changed, bytes.Equal(reset, data))
	}
	if !bytes.HasPrefix(data, []byte("\x89PNG")) && len(reset) != len(data) {
		t.Errorf("%s: %d bytes, before it %d", name, len(reset), len(data))
	}
	if again, changed := imagefile.ResetOrientation(reset); changed {
		t.Errorf("%s: changed again from %q to %q", name, reset, again)
	}
	if !changed {
		return reset
	}
	want, wantErr := imagefile.Decode(data, limit)
	got, err := imagefile.Decode(reset, limit)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%s: other pixels after the reset: %v, before it %v", name, err, wantErr)
	}
	return reset
}

// TestResetOrientation: what some programs take for an orientation is reset
// too, and nothing else is touched. What [imagefile.Orientation] knows is in
// TestOrientation.
func TestResetOrientation(t *testing.T) {
	segment := func(body string) string {
		return string([]byte{0xff, 0xe1, byte((len(body) + 2) >> 8), byte(len(body) + 2)}) + body
	}
	jpeg := func(segments ...string) []byte {
		data := oitest.JPEG(1)
		return slices.Concat(data[:2], []byte(strings.Join(segments, "")), data[2:])
	}
	const prefix, xap = "Exif\x00\x00", "http://ns.adobe.com/xap/1.0/\x00"
	six, one := exif(3, "\x00\x06\x00\x00"), exif(3, "\x00\x01\x00\x00")
	two := "MM\x00*\x00\x00\x00\x08\x00\x02" + six[10:22] + six[10:22] + "\x00\x00\x00\x00"
	attribute, element := `<x tiff:Orientation="8"/>`, `<tiff:Orientation>6</tiff:Orientation>`
	far := "MM\x00*\x00\x00\x00\x20" + strings.Repeat("x", 24) + six[8:]
	plain := encodePNG(t, 9, 7)
	png := func(chunks ...[]byte) []byte {
		return slices.Concat(plain[:33], bytes.Join(chunks, nil), plain[33:])
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := io.WriteString(z, attribute); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	webp := func(name, body string) []byte {
		chunk := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
		chunk = append(append(chunk, body...), make([]byte, len(body)&1)...)
		data := append(oitest.WebPOn(oitest.WebPCanvas(1, 1)), chunk...)
		binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-8))
		return data
	}
	const xml = "XML:com.adobe.xmp\x00"
	for name, c := range map[string]struct {
		data    []byte
		changed bool
		has     string // what the result has, if not ""
	}{
		"JPEG":                         {jpeg(segment(prefix + six)), true, one},
		"JPEG, upright":                {jpeg(segment(prefix + one)), false, ""},
		"JPEG, value 0":                {jpeg(segment(prefix + exif(3, "\x00\x00\x00\x00"))), false, ""},
		"JPEG, value 9":                {jpeg(segment(prefix + exif(3, "\x00\x09\x00\x00"))), false, ""},
		"JPEG, a fraction":             {jpeg(segment(prefix + exif(5, "\x00\x00\x00\x1a") + "\x00\x00\x00\x06\x00\x00\x00\x01")), true, one},
		"JPEG, text":                   {jpeg(segment(prefix + exif(2, "6\x00\x00\x00"))), true, one},
		"JPEG, two bytes of a LONG":    {jpeg(segment(prefix + exif(4, "\x00\x06\x00\x00"))), true, one},
		"JPEG, twice in a directory":   {jpeg(segment(prefix + two)), true, one[10:22] + one[10:22]},
		"JPEG, twice":                  {jpeg(segment(prefix+six), segment(prefix+six)), true, segment(prefix+one) + segment(prefix+one)},
		"JPEG, cut between segments":   {jpeg(segment(prefix+far[:43]), segment(prefix+far[43:])), true, ""},
		"JPEG, within the entry":       {jpeg(segment(prefix+far[:38]), segment(prefix+far[38:])), true, ""},
		"JPEG, XMP":                    {jpeg(segment(xap + attribute)), true, `tiff:Orientation="1"`},
		"JPEG, XMP after upright EXIF": {jpeg(segment(prefix+one), segment(xap+element)), true, "tiff:Orientation>1<"},
		"JPEG, other quotes":           {jpeg(segment(xap + "tiff:Orientation = '3'")), true, "tiff:Orientation = '1'"},
		"JPEG, XMP upright":            {jpeg(segment(xap + `tiff:Orientation="1"`)), false, ""},
		"JPEG, XMP of something else":  {jpeg(segment(xap + `tiff:Orientation="60"`)), false, ""},
		"PNG":                          {png(pngChunk("eXIf", six)), true, string(pngChunk("eXIf", one))},
		"PNG, upright":                 {png(pngChunk("eXIf", one)), false, ""},
		"PNG, XMP":                     {png(pngChunk("iTXt", xml+"\x00\x00\x00\x00"+attribute)), true, string(pngChunk("iTXt", xml+"\x00\x00\x00\x00"+strings.Replace(attribute, "8", "1", 1)))},
		"PNG, packed XMP":              {png(pngChunk("iTXt", xml+"\x01\x00en\x00XMP\x00"+packed.String())), true, strings.Replace(attribute, "8", "1", 1)},
		"PNG, other text":              {png(pngChunk("iTXt", "Comment\x00\x00\x00\x00\x00"+attribute)), false, ""},
		"PNG, a bad chunk":             {png(pngChunk("iTXt", xml+"\x01\x00")), false, ""},
		"WebP":                         {webp("EXIF", six), true, one},
		"WebP, XMP":                    {webp("XMP ", element), true, "tiff:Orientation>1<"},
		"WebP, upright":                {webp("EXIF", one), false, ""},
		"no picture":                   {[]byte(prefix + six), false, ""},
	} {
		reset := checkReset(t, name, c.data, c.changed)
		if changed := !bytes.Equal(reset, c.data); changed != c.changed {
			t.Errorf("%s: changed: %v, want %v", name, changed, c.changed)
		}
		if !bytes.Contains(reset, []byte(c.has)) {
			t.Errorf("%s: %q is without %q", name, reset, c.has)
		}
		if name == "no picture" {
			continue
		}
		if _, err := check(c.data); err != nil {
			t.Errorf("%s is no photo: %v", name, err)
		}
		if _, err := check(reset); err != nil {
			t.Errorf("%s is no photo any more: %v", name, err)
		}
	}
}

// FuzzResetOrientation: whatever the bytes, the photo is upright after it, with
// the same pixels.
func FuzzResetOrientation(f *testing.F) {
	for _, pattern := range []string{"jpegfile/testdata/*.jpg", "webp/testdata/*.webp"} {
		for _, data := range files(f, pattern) {
			f.Add(data)
		}
	}
	six := exif(3, "\x00\x06\x00\x00")
	f.Add(slices.Concat(oitest.JPEG(1)[:2], []byte("\xff\xe1\x00\x22Exif\x00\x00"+six), oitest.JPEG(1)[2:]))
	plain := encodePNG(f, 3, 2)
	f.Add(slices.Concat(plain[:33], pngChunk("eXIf", six), pngChunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00tiff:Orientation>6"), plain[33:]))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := check(data); err == nil && c.Width*c.Height > 1<<16 {
			return // only slow
		}
		checkReset(t, "it", data, imagefile.Orientation(data) != 1)
	})
}

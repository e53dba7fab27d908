package imagefile_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

const limit = imagefile.DefaultMaxPixels

func check(data []byte) (imagefile.Config, error) {
	return imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files returns all files of a pattern by their names.
func files(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no files: %v", pattern, err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		all[filepath.Base(name)] = read(t, name)
	}
	return all
}

func encodePNG(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(i) | 3
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngChunk(name, body string) []byte {
	return oitest.PNGChunk(name, []byte(body))
}

const pngMagic = oitest.PNGHead

// pngHeader returns a PNG that claims a size and has nothing else.
func pngHeader(w, h uint32) []byte {
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return slices.Concat([]byte(pngMagic), pngChunk("IHDR", string(size)+"\x08\x02\x00\x00\x00"), pngChunk("IEND", ""))
}

// TestCheckSaysWhatDecodeSays: what the header shows is said in the same words
// where the photo is decoded.
func TestCheckSaysWhatDecodeSays(t *testing.T) {
	all := files(t, "jpegfile/testdata/*.jpg")
	for _, pattern := range []string{"webp/testdata/*.webp", "webp/testdata/*.png"} {
		for name, data := range files(t, pattern) {
			all[name] = data
		}
	}
	all["animated.webp"] = bytes.Replace(oitest.WebPOn(oitest.WebPCanvas(1, 1)), []byte("VP8 "), []byte("ANMF"), 1)
	for name, data := range all {
		c, err := check(data)
		img, decodeErr := imagefile.Decode(data, limit)
		if fmt.Sprint(err) != fmt.Sprint(decodeErr) {
			t.Errorf("%s: checked: %v; decoded: %v", name, err, decodeErr)
		}
		if refused := strings.HasPrefix(name, "unsupported") || name == "animated.webp"; refused != errors.Is(err, imagefile.ErrUnsupported) || !refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && decodeErr == nil && img.Bounds() != image.Rect(0, 0, c.Width, c.Height) {
			t.Errorf("%s: %v, its header says %dx%d", name, img.Bounds(), c.Width, c.Height)
		}
		if want := "image/" + strings.Replace(filepath.Ext(name)[1:], "jpg", "jpeg", 1); err == nil && c.MediaType != want {
			t.Errorf("%s: %s", name, c.MediaType)
		}
	}
}

func TestRefuses(t *testing.T) {
	jpeg, webp, png := oitest.JPEG(1), oitest.WebP(), encodePNG(t, 30, 20)
	damaged := bytes.Clone(png)
	damaged[len(damaged)/2]++
	hole := bytes.Clone(jpeg)
	clear(hole[len(hole)-202 : len(hole)-2])
	for name, c := range map[string]struct {
		data []byte
		want error
		seen bool // by Check
	}{
		"nothing":         {nil, imagefile.ErrFormat, true},
		"html":            {[]byte("<html>not a picture</html>"), imagefile.ErrFormat, true},
		"GIF":             {[]byte("GIF89a\x01\x00\x01\x00"), imagefile.ErrFormat, true},
		"JPEG's magic":    {[]byte("\xff\xd8\xff"), imagefile.ErrTruncated, true},
		"PNG's magic":     {[]byte(pngMagic), imagefile.ErrTruncated, true},
		"half a JPEG":     {jpeg[:len(jpeg)/2], imagefile.ErrTruncated, true},
		"a JPEG's header": {jpeg[:30], imagefile.ErrTruncated, true},
		"half a PNG":      {png[:len(png)/2], imagefile.ErrTruncated, true},
		"half a WebP":     {webp[:len(webp)/2], imagefile.ErrTruncated, true},
		"a hole":          {hole, imagefile.ErrDamaged, false},
		"a wrong byte":    {damaged, imagefile.ErrDamaged, false},
		"no data":         {pngHeader(10, 10), imagefile.ErrDamaged, false},
		"no pixels":       {pngHeader(0, 10), imagefile.ErrDamaged, true},
		"a wide canvas":   {oitest.WebPOn(oitest.WebPCanvas(2, 1)), imagefile.ErrDamaged, true},
		"two canvases":    {oitest.WebPOn(oitest.WebPCanvas(1, 1), oitest.WebPCanvas(1<<20, 1<<20)), imagefile.ErrDamaged, true},
		"huge":            {pngHeader(1<<20, 1<<20), imagefile.ErrTooManyPixels, true},
		"a ribbon":        {pngHeader(1, 1<<17), imagefile.ErrTooManyPixels, true},
	} {
		if _, err := check(c.data); c.seen && !errors.Is(err, c.want) || !c.seen && err != nil {
			t.Errorf("%s: checked: %v, want %v: %v", name, err, c.want, c.seen)
		}
		if _, err := imagefile.Decode(c.data, limit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestMaxPixels(t *testing.T) {
	for name, data := range map[string][]byte{"JPEG": oitest.JPEG(1), "PNG": encodePNG(t, 48, 32)} {
		if _, err := imagefile.Decode(data, 48*32); err != nil {
			t.Errorf("%s as large as the limit: %v", name, err)
		}
		if _, err := imagefile.Decode(data, 48*32-1); !errors.Is(err, imagefile.ErrTooManyPixels) {
			t.Errorf("%s larger by a pixel: %v", name, err)
		}
	}
}

// TestMaxPixelsOfWindow: the limit counts what is decoded of a JPEG, at its
// scale, and all of another photo.
func TestMaxPixelsOfWindow(t *testing.T) {
	jpeg, png := oitest.JPEG(1), encodePNG(t, 48, 32) // 48 by 32
	for _, c := range []struct {
		data   []byte
		window image.Rectangle
		scale  int
		pixels int
	}{
		{jpeg, image.Rect(0, 0, 48, 32), 1, 48 * 32},
		{jpeg, image.Rect(-9, -9, 99, 99), 1, 48 * 32},
		{jpeg, image.Rect(0, 0, 48, 32), 2, 24 * 16},
		{jpeg, image.Rect(1, 1, 48, 32), 2, 24 * 16},
		{jpeg, image.Rect(3, 5, 13, 25), 1, 10 * 20},
		{jpeg, image.Rect(3, 5, 13, 25), 4, 4 * 6},
		{png, image.Rect(3, 5, 13, 25), 4, 48 * 32},
	} {
		for _, limit := range []int{c.pixels, c.pixels - 1} {
			var err error
			config, checkErr := imagefile.Check(bytes.NewReader(c.data), int64(len(c.data)), limit)
			if err = checkErr; err == nil {
				_, _, err = new(imagefile.Decoder).Decode(c.data, config, c.window, c.scale)
			}
			if limit < c.pixels != errors.Is(err, imagefile.ErrTooManyPixels) || limit >= c.pixels && err != nil {
				t.Errorf("%v of %s at 1/%d, at most %d pixels: %v", c.window, config.MediaType, c.scale, limit, err)
			}
		}
	}
}

// jpegHeader returns a JPEG of a size that has one block only.
func jpegHeader(t *testing.T, w, h int) []byte {
	t.Helper()
	data := oitest.JPEG(1)
	at := bytes.Index(data, []byte{0xff, 0xc0}) + 5
	binary.BigEndian.PutUint16(data[at:], uint16(h))
	binary.BigEndian.PutUint16(data[at+2:], uint16(w))
	return data
}

// TestLargeJPEG: how large a JPEG is by its header counts by itself only where
// reading over it would take long.
func TestLargeJPEG(t *testing.T) {
	for _, c := range []struct {
		w, h, limit int
		want        error
	}{
		{12000, 9000, limit, nil},
		{40000, 25000, limit, nil},
		{40000, 25001, limit, imagefile.ErrTooManyPixels},
		{40000, 25001, 40000 * 25001, nil},
		{12000, 9000, 1500 * 1125, nil},
		{12000, 9000, 1500*1125 - 1, imagefile.ErrTooManyPixels},
	} {
		data := jpegHeader(t, c.w, c.h)
		config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), c.limit)
		if !errors.Is(err, c.want) {
			t.Errorf("%d by %d, at most %d: %v", c.w, c.h, c.limit, err)
		}
		if err != nil {
			continue
		}
		if err := imagefile.Verify(data, config); !errors.Is(err, imagefile.ErrDamaged) {
			t.Errorf("%d by %d of few blocks: %v", c.w, c.h, err)
		}
	}
	data := oitest.JPEG(1)
	config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), 6*4)
	if err != nil {
		t.Fatal(err)
	}
	if err := imagefile.Verify(data, config); err != nil {
		t.Errorf("verified: %v", err)
	}
}

// TestRowsOfLargePNG: of a PNG of any size no more memory is allocated than its
// Config says, to read its rows as to verify it.
func TestRowsOfLargePNG(t *testing.T) {
	data := oitest.PNG{Width: 6000, Height: 1500, Depth: 8, Colour: 2, Blank: true}.Encode()
	config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
	if err != nil {
		t.Fatal(err)
	}
	all := image.Rect(0, 0, config.Width, config.Height)
	most := config.Memory(all, 1)
	line := make([]byte, 3*config.Width)
	rows := allocated(func() {
		err = new(imagefile.Decoder).DecodeRows(data, config, all, 1, func(img image.Image, _ int) {
			for y := range config.Height {
				img.(interface{ RGBRow(dst []byte, x, y int) }).RGBRow(line, 0, y)
			}
		})
	})
	if err != nil || rows > most || most > 1<<20 {
		t.Errorf("rows take %d bytes of %d: %v", rows, most, err)
	}
	if n := allocated(func() { err = imagefile.Verify(data, config) }); err != nil || n > most {
		t.Errorf("verifying takes %d bytes of %d: %v", n, most, err)
	}
}

// TestKeptPNG: a PNG of usual size is decoded once for all its windows, in the
// memory that its Config says.
func TestKeptPNG(t *testing.T) {
	for _, p := range []oitest.PNG{{Depth: 8, Colour: 2}, {Depth: 4}, {Depth: 16, Colour: 4}, {Depth: 16, Colour: 6}} {
		p.Width, p.Height = 300, 200
		data := p.Encode()
		config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
		if err != nil {
			t.Fatal(err)
		}
		d := &imagefile.Decoder{}
		var first image.Image
		for _, window := range []image.Rectangle{image.Rect(0, 0, 10, 10), image.Rect(200, 100, 300, 200)} {
			err := d.DecodeRows(data, config, window, 1, func(img image.Image, _ int) {
				if first == nil {
					first = img
				}
				if img != first {
					t.Errorf("%+v: decoded again", p)
				}
			})
			if err != nil || !d.Knows(data) {
				t.Errorf("%+v: %v", p, err)
			}
		}
		if held, most := int64(d.Held()), config.Memory(first.Bounds(), 1); held > most {
			t.Errorf("%+v holds %d bytes of %d", p, held, most)
		}
	}
}

// TestChunkBeforeHeader: a PNG whose size is not in the first chunk, which
// image/png reads, has the memory of its size.
func TestChunkBeforeHeader(t *testing.T) {
	file := oitest.PNG{Width: 30, Height: 20, Depth: 8, Colour: 2}.Encode()
	data := append([]byte(pngMagic), oitest.PNGChunk("teSt", []byte("\xff\xff\xff\xff\xff\xff\xff"))...)
	data = append(data, file[8:]...)
	var memory [2]int64
	for i, data := range [][]byte{file, data} {
		config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
		if err != nil {
			t.Fatal(err)
		}
		memory[i] = config.Memory(image.Rect(0, 0, 30, 20), 1) - int64(len(data))
		if err := imagefile.Verify(data, config); err != nil {
			t.Error(err)
		}
	}
	if memory[0] != memory[1] {
		t.Errorf("%d bytes, and %d with another chunk first", memory[0], memory[1])
	}
}

func TestIs(t *testing.T) {
	for _, head := range []string{"\xff\xd8\xff\xe0JFIFxxxx", pngMagic + "xxxx", "RIFFxxxxWEBP", "GIF89axxxxxx", "II*\x00xxxxxxxx", "MM\x00*xxxxxxxx", "\x00\x00\x00\x18ftypheic", "\x00\x00\x00\x18ftypavif"} {
		if !imagefile.Is([]byte(head)) {
			t.Errorf("%q is no picture", head)
		}
	}
	for _, head := range []string{"", "\xff\xd8", "<html>", "RIFFxxxxWAVE", "\x00\x00\x00\x18ftypmp42", "{\"id\": \"1\"}  ", "\x82\xa2oi\xa6header"} {
		if imagefile.Is([]byte(head)) {
			t.Errorf("%q is a picture", head)
		}
	}
}

type broken struct{ after int64 }

func (b broken) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > b.after {
		return 0, os.ErrDeadlineExceeded
	}
	return copy(p, "\xff\xd8\xff\xe0\x00\x10JFIF"), nil
}

// TestReadError: that a file could not be read says nothing about the photo.
func TestReadError(t *testing.T) {
	for _, after := range []int64{0, 12} {
		_, err := imagefile.Check(broken{after}, 100, limit)
		if !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, imagefile.ErrDamaged) {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
}

// exif is EXIF data without its prefix: one entry of that type.
func exif(kind byte, value string) string {
	return "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00" + string(kind) + "\x00\x00\x00\x01" + value + "\x00\x00\x00\x00"
}

func TestOrientation(t *testing.T) {
	six, long, none := exif(3, "\x00\x06\x00\x00"), exif(4, "\x00\x00\x00\x06"), exif(2, "\x00\x06\x00\x00")
	two := exif(3, "\x00\x02\x00\x00")
	app := func(marker byte, body string) string {
		return string([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}) + body
	}
	const prefix = "Exif\x00\x00"
	xmp := app(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>")
	jpeg := func(segments ...string) []byte {
		data := oitest.JPEG(1)
		return slices.Concat(data[:2], []byte(strings.Join(segments, "")), data[2:])
	}
	far := "MM\x00*\x00\x00\x00\x20" + strings.Repeat("x", 24) + six[8:]
	plain := encodePNG(t, 9, 7)
	before := func(chunks ...[]byte) []byte {
		return slices.Concat(plain[:33], bytes.Join(chunks, nil), plain[33:])
	}
	after := func(chunks ...[]byte) []byte {
		return slices.Concat(plain[:len(plain)-12], bytes.Join(chunks, nil), plain[len(plain)-12:])
	}
	profile := func(name, body string) string {
		digits := hex.EncodeToString([]byte(body))
		return fmt.Sprintf("\n%s\n%8d\n%s\n%s\n", name, len(body), digits[:20], digits[20:])
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := io.WriteString(z, profile("exif", prefix+six)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	webp := func(body string) []byte {
		chunk := binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(len(body)))
		chunk = append(append(chunk, body...), make([]byte, len(body)&1)...)
		data := append(oitest.WebPOn(oitest.WebPCanvas(1, 1)), chunk...)
		binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-8))
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		want int
	}{
		"JPEG":                             {jpeg(app(0xe1, prefix+six)), 6},
		"JPEG, JFIF first":                 {jpeg(app(0xe0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"), app(0xe1, prefix+six)), 6},
		"JPEG, LONG":                       {jpeg(app(0xe1, prefix+long)), 6},
		"JPEG, XMP first":                  {jpeg(xmp, app(0xe1, prefix+six)), 6},
		"JPEG, XMP after":                  {jpeg(app(0xe1, prefix+six), xmp), 6},
		"JPEG, fill bytes":                 {jpeg("\xff\xff\xff", app(0xe1, prefix+six)), 6},
		"JPEG, much before":                {jpeg(app(0xe2, strings.Repeat("ICC", 20000)), app(0xed, "Photoshop"), app(0xfe, "hi"), app(0xe1, prefix+six)), 6},
		"JPEG, stray bytes before":         {jpeg(xmp, "\x00\x00", app(0xe1, prefix+six)), 6},
		"JPEG, the first of two":           {jpeg(app(0xe1, prefix+two), app(0xe1, prefix+six)), 2},
		"JPEG, the second of two":          {jpeg(app(0xe1, prefix+none), app(0xe1, prefix+six)), 6},
		"JPEG, in two segments":            {jpeg(app(0xe1, prefix+far[:30]), app(0xe1, prefix+far[30:])), 6},
		"JPEG, nothing":                    {jpeg(), 1},
		"JPEG, nothing in EXIF":            {jpeg(app(0xe1, prefix+none)), 1},
		"JPEG, elsewhere":                  {jpeg(app(0xe2, prefix+six)), 1},
		"PNG before the pixels":            {before(pngChunk("eXIf", six)), 6},
		"PNG after the pixels":             {after(pngChunk("eXIf", six)), 6},
		"PNG, prefix":                      {after(pngChunk("eXIf", prefix+long)), 6},
		"PNG, text":                        {before(pngChunk("tEXt", "Raw profile type exif\x00"+profile("exif", prefix+six))), 6},
		"PNG, text APP1":                   {after(pngChunk("tEXt", "Raw profile type APP1\x00"+profile("app1", prefix+six))), 6},
		"PNG, packed text":                 {after(pngChunk("zTXt", "Raw profile type exif\x00\x00"+packed.String())), 6},
		"PNG, packed text that is not":     {after(pngChunk("zTXt", "Raw profile type exif\x00\x00"+six)), 1},
		"PNG, eXIf before text":            {before(pngChunk("tEXt", "Raw profile type exif\x00"+profile("exif", prefix+six)), pngChunk("eXIf", two)), 2},
		"PNG, other text":                  {before(pngChunk("tEXt", "Comment\x00"+profile("exif", prefix+six))), 1},
		"PNG, bad digits":                  {before(pngChunk("tEXt", "Raw profile type exif\x00\nexif\n 3\nxyz")), 1},
		"PNG, nothing":                     {plain, 1},
		"PNG, a chunk longer than the PNG": {append(bytes.Clone(plain[:33]), "\xff\xff\xff\xffeXIf"...), 1},
		"WebP":                             {webp(six), 6},
		"WebP, prefix":                     {webp(prefix + long), 6},
		"WebP, nothing":                    {oitest.WebP(), 1},
		"no picture":                       {[]byte("<html>"), 1},
	} {
		if got := imagefile.Orientation(c.data); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		checkReset(t, name, c.data, c.want != 1)
		if _, err := check(c.data); err != nil && name != "no picture" && !strings.HasSuffix(name, "than the PNG") {
			t.Errorf("%s is no photo: %v", name, err)
		}
	}
}

// TestCases has the files of reports.
func TestCases(t *testing.T) {
	cases := oitest.Case(t, "")
	for name, data := range files(t, filepath.Join(cases, "orientation/o6*")) {
		if got := imagefile.Orientation(data); got != 6 {
			t.Errorf("%s: orientation %d", name, got)
		}
		checkReset(t, name, data, true)
	}
	for name, data := range files(t, filepath.Join(cases, "zero-hole/*.jpg")) {
		if _, err := imagefile.Decode(data, limit); !errors.Is(err, imagefile.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range files(t, filepath.Join(cases, "jpeg-sampling/*.jpg")) {
		_, err := check(data)
		_, decodeErr := imagefile.Decode(data, limit)
		if arithmetic := name == "arith.jpg"; fmt.Sprint(err) != fmt.Sprint(decodeErr) || arithmetic != errors.Is(err, imagefile.ErrUnsupported) || !arithmetic && err != nil {
			t.Errorf("%s: checked: %v; decoded: %v", name, err, decodeErr)
		}
	}
	big := read(t, filepath.Join(cases, "big-photo/108mp.png"))
	if _, err := imagefile.Decode(big, limit); !errors.Is(err, imagefile.ErrTooManyPixels) {
		t.Errorf("108 megapixels: %v", err)
	}
	if c, err := imagefile.Check(bytes.NewReader(big), int64(len(big)), 108_000_000); err != nil || c.Width != 12000 {
		t.Errorf("108 megapixels, allowed: %+v, %v", c, err)
	}
	for name, want := range map[string]uint8{"white.webp": 255, "black.webp": 0} {
		img, err := imagefile.Decode(read(t, filepath.Join(cases, "webp-colours", name)), limit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := color.RGBAModel.Convert(img.At(3, 3)); got != (color.RGBA{want, want, want, 255}) {
			t.Errorf("%s is %v", name, got)
		}
	}
	photo, err := imagefile.Decode(read(t, filepath.Join(cases, "webp-colours/photo.webp")), limit)
	if err != nil {
		t.Fatal(err)
	}
	same, err := imagefile.Decode(read(t, filepath.Join(cases, "webp-colours/same-pixels.png")), limit)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0, 0
	for y := range photo.Bounds().Dy() {
		for x := range photo.Bounds().Dx() {
			p, q := color.RGBAModel.Convert(photo.At(x, y)).(color.RGBA), color.RGBAModel.Convert(same.At(x, y)).(color.RGBA)
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				sum += max(d, -d)
				n++
			}
		}
	}
	// The coding takes 1.67, as libwebp sees it.
	if mean := float64(sum) / float64(n); mean > 1.7 {
		t.Errorf("photo.webp is off by %.2f grey levels", mean)
	}
}

// FuzzDecode: whatever the bytes, an error is one of the package's and the same
// for every window and scale, the memory is what was known from the header, and
// what decodes has passed the check and has the size of its header.
func FuzzDecode(f *testing.F) {
	for _, data := range files(f, "jpegfile/testdata/*.jpg") {
		f.Add(data)
	}
	for _, data := range files(f, "webp/testdata/*.*") {
		f.Add(data)
	}
	for _, data := range small(f) {
		f.Add(data)
	}
	f.Add(pngHeader(1<<20, 1<<20))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		if o := imagefile.Orientation(data); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
		c, checkErr := imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
		img, err := imagefile.Decode(data, limit)
		if checkErr != nil && fmt.Sprint(checkErr) != fmt.Sprint(err) {
			t.Fatalf("checked: %v; decoded: %v", checkErr, err)
		}
		if err == nil && img.Bounds().Size() != image.Pt(c.Width, c.Height) {
			t.Fatalf("%v, the header says %dx%d", img.Bounds(), c.Width, c.Height)
		}
		if got := judge(t, &imagefile.Decoder{}, data, limit); got != "" && !errors.Is(err, imagefile.ErrTooManyPixels) && got != verdict(t, err) {
			t.Fatalf("%s for windows, %v as a whole", got, err)
		}
	})
}

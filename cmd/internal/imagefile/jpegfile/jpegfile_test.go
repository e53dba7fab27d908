package jpegfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func header(data []byte) (w, h int, scan int64, err error) {
	head, err := jpegfile.ReadHeader(bytes.NewReader(data), int64(len(data)))
	return head.Width, head.Height, head.Data, err
}

// valid returns the files of testdata that have only features that image/jpeg
// knows too, by name. They are what cjpeg of libjpeg-turbo makes of one
// drawing, and Pillow of four components.
func valid(t testing.TB) map[string][]byte { return testdata(t, false) }

// beyond returns those that image/jpeg does not read, and this package does.
func beyond(t testing.TB) map[string][]byte { return testdata(t, true) }

func testdata(t testing.TB, beyond bool) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		name = strings.TrimSuffix(filepath.Base(name), ".jpg")
		if !strings.HasPrefix(name, "unsupported") && strings.HasPrefix(name, "beyond") == beyond {
			files[name] = read(t, name)
		}
	}
	return files
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// marker is where a marker segment or the data of a scan begins.
type marker struct {
	code       byte
	start, end int // of the segment; of a scan's data, from its header to the next marker but RSTn
}

// markers lists a valid file.
func markers(data []byte) (all []marker) {
	for at := 0; ; {
		m := marker{code: data[at+1], start: at}
		if m.code == 0xd8 || m.code == 0xd9 {
			at += 2
		} else {
			at += 2 + int(data[at+2])<<8 + int(data[at+3])
		}
		m.end = at
		all = append(all, m)
		if m.code == 0xd9 {
			return all
		}
		if m.code == 0xda {
			for !(data[at] == 0xff && data[at+1] != 0 && data[at+1]&0xf8 != 0xd0) {
				at++
			}
			all = append(all, marker{start: m.end, end: at})
		}
	}
}

func splice(data []byte, at int, more ...byte) []byte {
	return slices.Concat(data[:at], more, data[at:])
}

func TestValid(t *testing.T) {
	for name, data := range valid(t) {
		if w, h, _, err := header(data); w != 45 || h != 31 || err != nil {
			t.Errorf("%s: %dx%d, %v", name, w, h, err)
		}
		all := markers(data)
		eoi := all[len(all)-1]
		filled := data
		for _, m := range slices.Backward(all) {
			if m.code != 0 {
				filled = splice(filled, m.start, 0xff, 0xff, 0xff) // but not before the first
			}
		}
		for kind, data := range map[string][]byte{
			"as it is":            data,
			"bytes after the end": append(bytes.Clone(data), "\x00\x00ftypmp42\xff\xd8\xff\xd9"...),
			"a last restart":      splice(data, eoi.start, 0xff, 0xd0),
			"a last byte of ones": splice(data, eoi.start, 0xff, 0x00),
			"a comment at last":   splice(data, eoi.start, 0xff, 0xfe, 0, 4, 'h', 'i'),
			"fill bytes":          filled[3:],
			"stray bytes first":   splice(data, all[1].start, 1, 2, 3, 0xff, 0),
		} {
			if err := jpegfile.Check(data); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				t.Errorf("%s, %s: image/jpeg: %v", name, kind, err)
			}
		}
	}
}

// TestRestartFill has fill bytes before restart markers, which are legal too.
func TestRestartFill(t *testing.T) {
	data := read(t, "restart")
	at := bytes.Index(data, []byte{0xff, 0xd0})
	if err := jpegfile.Check(splice(data, at, 0xff, 0xff)); err != nil {
		t.Error(err)
	}
}

// TestSynthetic has pictures whose data is unlike a photo's: long runs of zero
// bits, blocks of a single bright point, and every coefficient at its limit.
func TestSynthetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	pictures := map[string]func(x, y int) uint8{
		"black": func(x, y int) uint8 { return 0 },
		"white": func(x, y int) uint8 { return 255 },
		"ramp":  func(x, y int) uint8 { return uint8(255 - x) },
		"slope": func(x, y int) uint8 { return uint8(x + y) },
		"chess": func(x, y int) uint8 { return uint8(255 * ((x + y) & 1)) },
		"noise": func(x, y int) uint8 { return uint8(rng.Uint32()) },
		"specks": func(x, y int) uint8 {
			return uint8(255 * (1 - min(rng.IntN(50), 1)))
		},
	}
	for corner := range 64 {
		for _, v := range []uint8{0, 100, 255} {
			pictures[fmt.Sprint("point ", corner, " of ", v)] = func(x, y int) uint8 {
				if y%8*8+x%8 == corner {
					return v
				}
				return 128
			}
		}
	}
	for name, at := range pictures {
		for _, size := range []image.Point{{1, 1}, {8, 8}, {70, 33}} {
			grey := image.NewGray(image.Rectangle{Max: size})
			for i := range grey.Pix {
				grey.Pix[i] = at(i%size.X, i/size.X)
			}
			colour := image.NewRGBA(grey.Rect)
			for i, v := range grey.Pix {
				colour.SetRGBA(i%size.X, i/size.X, color.RGBA{v, 255 - v, v / 2, 255})
			}
			for _, img := range []image.Image{grey, colour} {
				for _, quality := range []int{1, 50, 75, 95, 100} {
					var b bytes.Buffer
					if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
						t.Fatal(err)
					}
					if err := jpegfile.Check(b.Bytes()); err != nil {
						t.Errorf("%s, %v, %T, quality %d: %v", name, size, img, quality, err)
					}
				}
			}
		}
	}
}

// TestDamage takes bytes from the end of each scan's data and adds others.
func TestDamage(t *testing.T) {
	end := []byte{0xff, 0xd9}
	for name, data := range valid(t) {
		for _, m := range markers(data) {
			if m.code != 0 {
				continue
			}
			for at := m.start; at < m.end; at++ {
				if err := jpegfile.Check(append(bytes.Clone(data[:at]), end...)); err == nil {
					t.Errorf("%s: cut at %d and ended there: taken", name, at)
				}
			}
			for _, more := range []string{"\x00", "\x01", "\x7f", "\xfe", "\x00\x00", "\xff\x00\xff\x00", "\xaa\x55\xaa\x55", strings.Repeat("\x00", 814)} {
				if err := jpegfile.Check(splice(data, m.end, []byte(more)...)); !errors.Is(err, jpegfile.ErrDamaged) {
					t.Errorf("%s: %.4q after the scan that ends at %d: %v", name, more, m.end, err)
				}
			}
		}
		if err := jpegfile.Check(data[:len(data)-2]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s without its end: %v", name, err)
		}
	}
}

// TestHeaders damages what stands before the data.
func TestHeaders(t *testing.T) {
	data := read(t, "baseline")
	var of [256]marker // the first of each
	for _, m := range slices.Backward(markers(data)) {
		of[m.code] = m
	}
	clear := func(from, n int) []byte {
		d := bytes.Clone(data)
		copy(d[from:], make([]byte, n))
		return d
	}
	set := func(at int, v byte) []byte {
		d := bytes.Clone(data)
		d[at] = v
		return d
	}
	without := func(m marker) []byte { return slices.Concat(data[:m.start], data[m.end:]) }
	sof, sos, dqt, dht := of[0xc0], of[0xda], of[0xdb], of[0xc4]
	for name, d := range map[string][]byte{
		"a hole in a quantization table":     clear(dqt.start+20, 20),
		"a hole in a Huffman table":          clear(dht.start+5, 16),
		"a hole in the codes":                clear(dht.start+2, 30),
		"a hole over a whole table":          clear(dqt.start, dqt.end-dqt.start),
		"no quantization table":              without(dqt),
		"a Huffman table missing":            without(dht),
		"no frame":                           without(sof),
		"two frames":                         splice(data, sof.end, data[sof.start:sof.end]...),
		"no width":                           clear(sof.start+7, 2),
		"factors of 0":                       set(sof.start+11, 0),
		"a component twice":                  set(sof.start+13, data[sof.start+10]),
		"quantization table 4":               set(sof.start+12, 4),
		"a scan of an unknown component":     set(sos.start+5, 77),
		"a scan of no component":             set(sos.start+4, 0),
		"a segment of one byte":              set(dqt.start+3, 1),
		"a second beginning":                 splice(data, dqt.start, 0xff, 0xd8),
		"an unknown marker":                  splice(data, dqt.start, 0xff, 0x02, 0, 2),
		"a restart interval without markers": splice(data, sos.start, 0xff, 0xdd, 0, 4, 0, 2),
		"more codes than there can be":       set(dht.start+5, 3),
		"no scan":                            slices.Concat(data[:sos.start], []byte{0xff, 0xd9}),
	} {
		if err := jpegfile.Check(d); !errors.Is(err, jpegfile.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A restart marker that is lost or changed.
	data = read(t, "restart")
	at := bytes.Index(data, []byte{0xff, 0xd2})
	for name, d := range map[string][]byte{
		"a restart marker lost":    clear(at, 2),
		"another restart marker":   set(at+1, 0xd3),
		"an interval lost":         slices.Concat(data[:at], data[bytes.Index(data, []byte{0xff, 0xd3}):]),
		"a byte before a restart":  splice(data, at, 0x55),
		"a byte missing before it": slices.Concat(data[:at-1], data[at:]),
	} {
		if err := jpegfile.Check(d); !errors.Is(err, jpegfile.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A component that is in no scan would come out as grey or green.
	data = read(t, "separate-scans")
	all := markers(data)
	if err := jpegfile.Check(slices.Concat(data[:all[len(all)-3].start], []byte{0xff, 0xd9})); !errors.Is(err, jpegfile.ErrDamaged) {
		t.Errorf("a scan missing: %v", err)
	}
}

func TestUnsupported(t *testing.T) {
	base := read(t, "baseline")
	sof := bytes.Index(base, []byte{0xff, 0xc0})
	sos := bytes.Index(base, []byte{0xff, 0xda})
	set := func(at int, v ...byte) []byte {
		d := bytes.Clone(base)
		copy(d[at:], v)
		return d
	}
	var tables []byte
	for _, m := range markers(base) {
		if m.code != 0xc4 {
			tables = append(tables, base[m.start:m.end]...)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"arithmetic":             {read(t, "unsupported-arithmetic"), "arithmetic coding"},
		"arithmetic progressive": {read(t, "unsupported-arithmetic-progressive"), "arithmetic coding"},
		"12 bits":                {set(sof+1, 0xc1, 0, 17, 12), "12 bits a sample"},
		"lossless":               {set(sof+1, 0xc3), "lossless coding"},
		"hierarchical":           {set(sof+1, 0xc5), "hierarchical coding"},
		"JPEG-LS":                {set(sof+1, 0xf7), "the extension 0xf7"},
		"no height":              {set(sof+5, 0, 0), "its height after the first scan (DNL)"},
		"two components":         {splice(base, sof, 0xff, 0xc0, 0, 14, 8, 0, 31, 0, 45, 2, 1, 0x11, 0, 2, 0x11, 0), "2 components"},
		"no Huffman tables":      {tables, "no Huffman tables of its own"},
		"arithmetic conditions":  {splice(base, sos, 0xff, 0xcc, 0, 4, 0, 0), "arithmetic coding"},
	} {
		var want jpegfile.UnsupportedError
		if _, _, _, err := header(c.data); !errors.As(err, &want) || string(want) != c.want {
			t.Errorf("%s: header: %v", name, err)
		}
		if err := jpegfile.Check(c.data); !errors.As(err, &want) || string(want) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A number of lines that says the same again is seen after the scan
	// only.
	dnl := splice(base, len(base)-2, 0xff, 0xdc, 0, 4, 0, 31)
	var want jpegfile.UnsupportedError
	if err := jpegfile.Check(dnl); !errors.As(err, &want) {
		t.Errorf("DNL: %v", err)
	}
}

// TestLongBlock has one byte of data, the zero bits of which and after which
// stand for the longest block there can be, and longer.
func TestLongBlock(t *testing.T) {
	table := func(class, length, symbol byte) []byte {
		counts := make([]byte, 16)
		counts[length-1] = 1
		return slices.Concat([]byte{0xff, 0xc4, 0, 20, class << 4}, counts, []byte{symbol})
	}
	for _, size := range []byte{16, 255} {
		data := slices.Concat(
			[]byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}, bytes.Repeat([]byte{1}, 64),
			[]byte{0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0},
			table(0, 1, size), table(1, 16, 0x0f),
			[]byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x00, 0xff, 0xd9})
		if err := jpegfile.Check(data); !errors.Is(err, jpegfile.ErrDamaged) {
			t.Errorf("a DC value of %d bits: %v", size, err)
		}
	}
}

// TestScans repeats a scan that gives each block one bit more.
func TestScans(t *testing.T) {
	data := read(t, "progressive")
	var again []byte
	for _, m := range markers(data) {
		if m.code == 0 && bytes.Equal(data[m.start-3:m.start], []byte{0, 0, 0x10}) {
			again = data[m.start-14 : m.end]
		}
	}
	repeated := func(n int) []byte {
		return slices.Concat(data[:len(data)-2], bytes.Repeat(again, n), data[len(data)-2:])
	}
	if err := jpegfile.Check(repeated(900)); err != nil {
		t.Errorf("900 scans more: %v", err)
	}
	if err := jpegfile.Check(repeated(1000)); !errors.Is(err, jpegfile.ErrDamaged) {
		t.Errorf("a thousand scans more: %v", err)
	}
}

// TestSampling has all sampling factors there are: a picture with any is read,
// unless it is none.
func TestSampling(t *testing.T) {
	frame := func(factors ...byte) []byte {
		b := []byte("\xff\xd8\xff\xc4\x00\x02")
		b = append(b, 0xff, 0xc0, 0, byte(8+3*len(factors)), 8, 0, 64, 0, 64, byte(len(factors)))
		scan := []byte{0xff, 0xda, 0, byte(6 + 2*len(factors)), byte(len(factors))}
		for i, f := range factors {
			b = append(b, byte(i), f, 0)
			scan = append(scan, byte(i), 0)
		}
		return append(append(b, scan...), 0, 63, 0)
	}
	check := func(factors ...byte) {
		units, ok := 0, true
		for _, f := range factors {
			h, v := int(f>>4), int(f&15)
			units += h * v
			ok = ok && h >= 1 && h <= 4 && v >= 1 && v <= 4
		}
		_, _, _, err := header(frame(factors...))
		ok = ok && (len(factors) == 1 || units <= 10)
		if ok != (err == nil) || err != nil && !errors.Is(err, jpegfile.ErrDamaged) {
			t.Errorf("%x: %v", factors, err)
		}
	}
	each := func(do func(f byte)) {
		for h := byte(0); h <= 5; h++ {
			for v := byte(0); v <= 5; v++ {
				do(h<<4 | v)
			}
		}
	}
	each(func(a byte) {
		check(a)
		each(func(b byte) {
			each(func(c byte) {
				check(a, b, c)
			})
			check(a, b, b, a)
			check(a, 0x11, b, a)
		})
	})
}

// TestHole puts zeros into data, as a lost block of a disk does.
func TestHole(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	files := holey(t)
	for _, name := range slices.Sorted(maps.Keys(files)) { // the same holes in each run
		data := files[name]
		_, _, from, err := header(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, size := range []int{32, 100, 512, 4096} {
			last := len(data) - 2 - size
			for range 20 {
				if last <= int(from) {
					break
				}
				at := int(from) + rng.IntN(last-int(from))
				d := bytes.Clone(data)
				copy(d[at:], make([]byte, size))
				if err := jpegfile.Check(d); err == nil {
					t.Errorf("%s: %d zeros at %d of %d: taken", name, size, at, len(data))
				}
			}
			d := slices.Concat(data[:len(data)-2-min(size, last)], make([]byte, min(size, last)), []byte{0xff, 0xd9})
			if err := jpegfile.Check(d); err == nil {
				t.Errorf("%s: %d zeros at the end: taken", name, size)
			}
		}
	}
}

// holey returns photos with something in every block: a drawing with grain, and
// real ones where there are.
func holey(t *testing.T) map[string][]byte {
	rng := rand.New(rand.NewPCG(7, 8))
	files := map[string][]byte{}
	for _, quality := range []int{60, 92} {
		img := image.NewRGBA(image.Rect(0, 0, 240, 180))
		for i := range img.Pix {
			img.Pix[i] = uint8(i/4%240+i/960%180/2) + uint8(rng.IntN(40))
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		files[fmt.Sprint("grain ", quality)] = b.Bytes()
	}
	t.Run("real", func(t *testing.T) {
		names, err := filepath.Glob(filepath.Join(oitest.RealData(t, "openimages/bucket/test"), "*.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names[:min(40, len(names))] {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(name)] = data
		}
	})
	return files
}

// TestRealPhotos: none of them is damaged.
func TestRealPhotos(t *testing.T) {
	for _, dir := range []string{"openimages/images-1024px", "openimages/bucket/*", "food101-64px/*"} {
		names, err := filepath.Glob(filepath.Join(oitest.RealData(t, "."), dir, "*.jpg"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no photos in %s: %v", dir, err)
		}
		for i, name := range names {
			if testing.Short() && i%8 > 0 {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := header(data); err != nil {
				t.Errorf("%s: header: %v", name, err)
			}
			if err := jpegfile.Check(data); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// inSeparateScans says whether image/jpeg decodes something else than libjpeg.
// In a scan of one component alone it takes h by v blocks for the MCUs from one
// restart marker to the next, where it is one block (A.2.2), and does not see
// where the picture ends in a component of middle size.
func inSeparateScans(mode, restart, sample string) bool {
	separate := strings.HasPrefix(mode, "-scans") || mode == "-progressive"
	return separate && (restart != "" || strings.Contains(sample, ","))
}

// TestCjpeg writes what libjpeg's own programs can write, and compares the
// pixels with those of image/jpeg and of djpeg.
func TestCjpeg(t *testing.T) {
	if _, err := exec.LookPath("cjpeg"); err != nil {
		t.Skip("cjpeg is not here")
	}
	dir := t.TempDir()
	scans := filepath.Join(dir, "scans")
	if err := os.WriteFile(scans, []byte("0;\n1;\n2;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	decoder, rng := new(jpegfile.Decoder), rand.New(rand.NewPCG(9, 9))
	taken := 0
	for _, size := range []image.Point{{1, 1}, {33, 65}} {
		ppm := fmt.Appendf(nil, "P6 %d %d 255\n", size.X, size.Y)
		for i := range size.X * size.Y * 3 {
			ppm = append(ppm, byte(i)+byte(rng.IntN(50)))
		}
		for _, sample := range []string{"1x1", "2x1", "2x2", "1x2", "4x1", "4x2", "1x4", "3x1", "2x2,2x1,2x1", "2x2,1x2,1x2", "4x1,2x1,2x1", "2x1,2x1,1x1", "1x1,2x2,2x2"} {
			for _, mode := range []string{"", "-optimize", "-progressive", "-scans " + scans, "-arithmetic", "-grayscale", "-rgb"} {
				for _, restart := range []string{"", "-restart 1B", "-restart 1"} {
					args := append(strings.Fields(mode+" "+restart), "-quality", "90", "-sample", sample)
					cmd := exec.Command("cjpeg", args...)
					cmd.Stdin = bytes.NewReader(ppm)
					data, err := cmd.Output()
					if err != nil {
						continue // not every combination exists
					}
					_, _, _, headerErr := header(data)
					err = jpegfile.Check(data)
					_, theirs := jpeg.Decode(bytes.NewReader(data))
					arithmetic := mode == "-arithmetic"
					var unsupported jpegfile.UnsupportedError
					if (err == nil) != (headerErr == nil) || (err == nil) == arithmetic || arithmetic && !errors.As(err, &unsupported) {
						t.Errorf("%v %v: header %v; data %v", size, args, headerErr, err)
					}
					if err != nil {
						continue
					}
					taken++
					if theirs == nil && !inSeparateScans(mode, restart, sample) {
						sameAsImageJPEG(t, decoder, fmt.Sprint(size, args), data, rng)
					}
					sameAsDjpeg(t, decoder, fmt.Sprint(size, args), data)
				}
			}
		}
	}
	if taken < 400 {
		t.Errorf("only %d files were taken", taken)
	}
}

func TestAPP1(t *testing.T) {
	data := read(t, "baseline")
	at := bytes.Index(data, []byte{0xff, 0xdb})
	data = splice(data, at, []byte("\xff\xe1\x00\x05one\xff\xff\xff\xe1\x00\x05two\xff\xe2\x00\x05not")...)
	if got := jpegfile.APP1(data); len(got) != 2 || string(got[0]) != "one" || string(got[1]) != "two" {
		t.Errorf("got %q", got)
	}
	if got := jpegfile.APP1(data[:at+8]); len(got) != 1 {
		t.Errorf("cut: got %q", got)
	}
}

// FuzzCheck: whatever the bytes, the header's answer is that of the whole.
func FuzzCheck(f *testing.F) {
	for _, data := range valid(f) {
		f.Add(data)
	}
	for _, data := range beyond(f) {
		f.Add(data)
	}
	f.Add(read(f, "unsupported-arithmetic"))
	f.Fuzz(func(t *testing.T, data []byte) {
		jpegfile.APP1(data)
		w, h, _, headerErr := header(data)
		if headerErr == nil && w*h > 1<<18 {
			return
		}
		err := jpegfile.Check(data)
		if headerErr != nil && err == nil {
			t.Fatalf("taken, though the header says: %v", headerErr)
		}
		if err != nil {
			var unsupported jpegfile.UnsupportedError
			if !errors.Is(err, jpegfile.ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &unsupported) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	data := oitest.JPEG(1)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := jpegfile.Check(data); err != nil {
			b.Fatal(err)
		}
	}
}

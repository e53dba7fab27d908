package jpegfile_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// whole is a window that no picture exceeds.
var whole = image.Rect(0, 0, 65535, 65535)

// rgbOf returns the pixels of a window of image/jpeg's picture, by package
// color alone.
func rgbOf(img image.Image, r image.Rectangle) []byte {
	out := make([]byte, 0, 3*r.Dx()*r.Dy())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			out = append(out, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return out
}

// pixels returns those of a decoded window.
func pixels(m *jpegfile.Image) []byte {
	r := m.Bounds()
	out := make([]byte, 3*r.Dx()*r.Dy())
	for y := range r.Dy() {
		m.RGBRow(out[3*r.Dx()*y:][:3*r.Dx()], r.Min.X, r.Min.Y+y)
	}
	return out
}

// sameAsImageJPEG compares a whole picture, and windows of it, with what
// image/jpeg decodes.
func sameAsImageJPEG(t *testing.T, d *jpegfile.Decoder, name string, data []byte, rng *rand.Rand) {
	t.Helper()
	want, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: image/jpeg: %v", name, err)
	}
	for i := range 4 {
		r := want.Bounds()
		if i > 0 {
			x, y := rng.IntN(r.Dx()), rng.IntN(r.Dy())
			r = image.Rect(x, y, x+1+rng.IntN(r.Dx()-x), y+1+rng.IntN(r.Dy()-y))
		}
		got, err := d.Decode(data, r, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Bounds() != r || got.Width != want.Bounds().Dx() || got.Height != want.Bounds().Dy() {
			t.Fatalf("%s: %v of %dx%d, want %v of %v", name, got.Bounds(), got.Width, got.Height, r, want.Bounds())
		}
		if a, b := pixels(got), rgbOf(want, r); !bytes.Equal(a, b) {
			for i := range a {
				if a[i] != b[i] {
					t.Fatalf("%s, window %v: pixel %d, %d is %v, image/jpeg has %v", name, r, i/3%r.Dx()+r.Min.X, i/3/r.Dx()+r.Min.Y, a[i/3*3:][:3], b[i/3*3:][:3])
				}
			}
		}
	}
}

// TestSameAsImageJPEG: at full scale the pixels are image/jpeg's, to the bit.
func TestSameAsImageJPEG(t *testing.T) {
	d, rng := new(jpegfile.Decoder), rand.New(rand.NewPCG(21, 22))
	for name, data := range valid(t) {
		sameAsImageJPEG(t, d, name, data, rng)
	}
	for _, size := range []image.Point{{1, 1}, {7, 9}, {8, 8}, {16, 16}, {17, 33}, {100, 61}, {300, 5}} {
		img := image.NewRGBA(image.Rectangle{Max: size})
		for i := range img.Pix {
			img.Pix[i] = uint8(i/4%size.X*3) + uint8(rng.IntN(60))
		}
		grey := image.NewGray(img.Rect)
		for i := range grey.Pix {
			grey.Pix[i] = uint8(rng.Uint32())
		}
		for quality := 1; quality <= 100; quality += 11 {
			for _, img := range []image.Image{img, grey} {
				var b bytes.Buffer
				if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
					t.Fatal(err)
				}
				sameAsImageJPEG(t, d, fmt.Sprintf("%T, %v, quality %d", img, size, quality), b.Bytes(), rng)
			}
		}
	}
}

// TestRealPhotosSameAsImageJPEG has real photos.
func TestRealPhotosSameAsImageJPEG(t *testing.T) {
	d, rng := new(jpegfile.Decoder), rand.New(rand.NewPCG(23, 24))
	for dir, every := range map[string]int{"openimages/images-1024px": 1, "openimages/bucket/*": 61, "food101-64px/*": 31} {
		names, err := filepath.Glob(filepath.Join(oitest.RealData(t, "."), dir, "*.jpg"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no photos in %s: %v", dir, err)
		}
		for i := 0; i < len(names); i += every {
			data, err := os.ReadFile(names[i])
			if err != nil {
				t.Fatal(err)
			}
			sameAsImageJPEG(t, d, names[i], data, rng)
		}
	}
}

// sameAsDjpeg compares a picture with what djpeg of libjpeg decodes, which
// rounds in other places.
func sameAsDjpeg(t *testing.T, d *jpegfile.Decoder, name string, data []byte) {
	t.Helper()
	cmd := exec.Command("djpeg", "-nosmooth", "-dct", "int", "-rgb")
	cmd.Stdin = bytes.NewReader(data)
	ppm, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: djpeg: %v", name, err)
	}
	img, err := d.Decode(data, whole, 1)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got := pixels(img)
	if len(ppm) < len(got) {
		t.Fatalf("%s: %d bytes from djpeg", name, len(ppm))
	}
	var most, sum int
	for i, want := range ppm[len(ppm)-len(got):] {
		off := int(got[i]) - int(want)
		off = max(off, -off)
		most, sum = max(most, off), sum+off
	}
	if most > 3 || sum > len(got) {
		t.Errorf("%s: off by up to %d, in the mean %.2f", name, most, float64(sum)/float64(len(got)))
	}
}

// TestBeyond: what image/jpeg does not read comes out as the drawing that it is
// of.
func TestBeyond(t *testing.T) {
	d := new(jpegfile.Decoder)
	img, err := d.Decode(read(t, "baseline"), whole, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := pixels(img)
	for name, data := range beyond(t) {
		img, err := d.Decode(data, whole, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// Their luma is that of the same drawing; their chroma has
		// fewer samples.
		sum, n := 0, len(want)/3
		for i, got := 0, pixels(img); i < len(got); i += 3 {
			off := luma(got[i:]) - luma(want[i:])
			sum += max(off, -off)
		}
		if mean := float64(sum) / float64(n); mean > 6 {
			t.Errorf("%s is off by %.1f", name, mean)
		}
	}
}

func luma(p []byte) int { return (299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])) / 1000 }

// smooth is a picture without values near the limits, so that none is limited.
func smooth(size image.Point, grey bool) image.Image {
	rng := rand.New(rand.NewPCG(31, uint64(size.X)))
	img := image.NewRGBA(image.Rectangle{Max: size})
	for i := range img.Pix {
		x, y := i/4%size.X, i/4/size.X
		img.Pix[i] = uint8(100 + (x*(1+i%4)+2*y)%47 + rng.IntN(12))
	}
	if !grey {
		return img
	}
	m := image.NewGray(img.Rect)
	for i := range m.Pix {
		m.Pix[i] = img.Pix[4*i]
	}
	return m
}

// TestScale: a pixel of a reduced picture is the mean of those that it stands
// for, whatever the sampling factors and the window.
func TestScale(t *testing.T) {
	files := map[string][]byte{}
	for _, grey := range []bool{false, true} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, smooth(image.Pt(96, 80), grey), &jpeg.Options{Quality: 90}); err != nil {
			t.Fatal(err)
		}
		files[fmt.Sprint("grey: ", grey)] = b.Bytes()
	}
	t.Run("cjpeg", func(t *testing.T) {
		if _, err := exec.LookPath("cjpeg"); err != nil {
			t.Skip("cjpeg is not here")
		}
		img := smooth(image.Pt(96, 80), false)
		ppm := append([]byte("P6 96 80 255\n"), rgbOf(img, img.Bounds())...)
		for _, sample := range []string{"1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "2x2,2x1,1x2", "1x1,2x2,2x2", "1x1,2x1,1x2"} {
			for _, mode := range []string{"-baseline", "-progressive", "-rgb"} {
				cmd := exec.Command("cjpeg", mode, "-quality", "90", "-sample", sample)
				cmd.Stdin = bytes.NewReader(ppm)
				data, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				files[mode+" "+sample] = data
			}
		}
	})
	d := new(jpegfile.Decoder)
	rng := rand.New(rand.NewPCG(33, 34))
	for name, data := range files {
		img, err := d.Decode(data, whole, 1)
		if err != nil {
			t.Fatal(err)
		}
		full, width := pixels(img), img.Width
		for _, scale := range []int{2, 4, 8} {
			for range 4 {
				x, y := rng.IntN(90), rng.IntN(76)
				r := image.Rect(x, y, x+1+rng.IntN(96-x), y+1+rng.IntN(80-y))
				img, err := d.Decode(data, r, scale)
				if err != nil {
					t.Fatal(err)
				}
				got, b := pixels(img), img.Bounds()
				if want := image.Rect(r.Min.X/scale, r.Min.Y/scale, (r.Max.X+scale-1)/scale, (r.Max.Y+scale-1)/scale); b != want {
					t.Fatalf("%s, %v at 1/%d: %v, want %v", name, r, scale, b, want)
				}
				for i, v := range got {
					x, y := b.Min.X+i/3%b.Dx(), b.Min.Y+i/3/b.Dx()
					sum := 0
					for j := range scale * scale {
						sum += int(full[((y*scale+j/scale)*width+x*scale+j%scale)*3+i%3])
					}
					mean := float64(sum) / float64(scale*scale)
					// Both are rounded to whole numbers,
					// before and after the change of
					// colours.
					if math.Abs(mean-float64(v)) > 2.5 {
						t.Fatalf("%s, %v at 1/%d: value %d at %d, %d is %d, want %.2f", name, r, scale, i%3, x, y, v, mean)
					}
				}
			}
		}
	}
}

// TestDamageAtEveryScale: a window and a scale decide what is decoded, and
// never whether a file is damaged.
func TestDamageAtEveryScale(t *testing.T) {
	d, rng := new(jpegfile.Decoder), rand.New(rand.NewPCG(35, 36))
	for _, files := range []map[string][]byte{valid(t), beyond(t), holey(t)} {
		for name, data := range files {
			for range 30 {
				bad := bytes.Clone(data)
				switch at := rng.IntN(len(bad)); rng.IntN(4) {
				case 0:
					bad = bad[:at]
				case 1:
					bad = append(bad[:at], 0xff, 0xd9)
				case 2:
					clear(bad[at:min(len(bad), at+100)])
				default:
					bad[at] ^= 1 << rng.IntN(8)
				}
				want := jpegfile.Check(bad)
				x, y := rng.IntN(50), rng.IntN(40)
				r := image.Rect(x, y, x+rng.IntN(40), y+rng.IntN(40))
				scale := 1 << rng.IntN(4)
				if _, err := d.Decode(bad, r, scale); fmt.Sprint(err) != fmt.Sprint(want) {
					t.Fatalf("%s, %v at 1/%d: %v, want %v", name, r, scale, err, want)
				}
			}
		}
	}
}

// TestAgain: a window of a file that was decoded just before has the pixels
// that it has by itself.
func TestAgain(t *testing.T) {
	d, rng := new(jpegfile.Decoder), rand.New(rand.NewPCG(37, 38))
	for _, files := range []map[string][]byte{valid(t), beyond(t), holey(t)} {
		for name, data := range files {
			// Tables or APP14 after the scan do not count for it.
			late := splice(data, len(data)-2, []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")...)
			for _, data := range [][]byte{data, late} {
				for range 8 {
					x, y := rng.IntN(40), rng.IntN(30)
					r := image.Rect(x, y, x+1+rng.IntN(200), y+1+rng.IntN(150))
					scale := 1 << rng.IntN(4)
					want, err := new(jpegfile.Decoder).Decode(data, r, scale)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					got, err := d.Decode(bytes.Clone(data), r, scale)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if got.Bounds() != want.Bounds() || got.Width != want.Width || !bytes.Equal(pixels(got), pixels(want)) {
						t.Fatalf("%s, %v at 1/%d: other pixels the second time", name, r, scale)
					}
				}
			}
		}
	}
}

// TestNoAllocation: the photos after the first take no memory of their own.
func TestNoAllocation(t *testing.T) {
	d := new(jpegfile.Decoder)
	for _, name := range []string{"baseline", "progressive", "separate-scans"} {
		data, other := read(t, name), read(t, "rgb")
		if n := testing.AllocsPerRun(20, func() {
			for _, data := range [][]byte{data, data, other} {
				if _, err := d.Decode(data, image.Rect(10, 10, 30, 30), 2); err != nil {
					t.Fatal(err)
				}
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzDecode: a window of a scale decodes, or is an error, as the whole does,
// and at full scale has the pixels of image/jpeg, with bounded memory.
func FuzzDecode(f *testing.F) {
	for _, files := range []map[string][]byte{valid(f), beyond(f)} {
		for _, data := range files {
			f.Add(data, uint16(3), uint16(5), uint16(20), uint16(12), uint8(1))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, x, y, w, h uint16, scale uint8) {
		width, height, _, err := header(data)
		if err != nil || width*height > 1<<18 {
			return
		}
		r := image.Rect(int(x), int(y), int(x)+int(w), int(y)+int(h))
		d := new(jpegfile.Decoder)
		defer func() {
			// MCUs of 32 by 32 pixels, 4 components of 5 bytes a
			// pixel and 8 for each block, and the data twice.
			if most := (width+31)*(height+31)*21 + 10*len(data) + 1<<20; d.Held() > most {
				t.Errorf("%d bytes of memory for %dx%d in %d bytes", d.Held(), width, height, len(data))
			}
		}()
		part, partErr := d.Decode(data, r, 1<<(scale%4))
		if partErr == nil {
			if n := len(pixels(part)); n > 3*width*height {
				t.Fatalf("%d bytes of %dx%d", n, width, height)
			}
		}
		img, err := d.Decode(data, whole, 1)
		if fmt.Sprint(err) != fmt.Sprint(partErr) {
			t.Fatalf("%v; %v at 1/%d: %v", err, r, 1<<(scale%4), partErr)
		}
		if err != nil {
			return
		}
		if img.Bounds() != image.Rect(0, 0, width, height) {
			t.Fatalf("%v, the header says %dx%d", img.Bounds(), width, height)
		}
		if theirs, err := jpeg.Decode(bytes.NewReader(data)); err == nil && !differs(data) {
			if a, b := pixels(img), rgbOf(theirs, img.Bounds()); !bytes.Equal(a, b) {
				t.Fatalf("pixels differ from image/jpeg's")
			}
		}
	})
}

// differs says whether image/jpeg decodes a file in another way than the
// standard says: with a scan of one component of several, see inSeparateScans.
func differs(data []byte) bool {
	return bytes.Count(data, []byte{0xff, 0xda}) > 1
}

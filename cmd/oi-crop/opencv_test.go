package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// benchPhotos are real photos at 1024x768, quality 87 and 4:2:0, with so much
// grain that they have about that many bytes.
func benchPhotos(b *testing.B, size int) [][]byte {
	names, err := filepath.Glob(oitest.RealData(b, "openimages/images-1024px") + "/*.jpg")
	if err != nil || len(names) < 10 {
		b.Fatalf("%d photos: %v", len(names), err)
	}
	var photos [][]byte
	for i, name := range names[:10] {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		picture, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		from := picture.Bounds().Size()
		var encoded bytes.Buffer
		for low, high := 0, 80; high-low > 1; {
			grain := (low + high) / 2
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			img := image.NewRGBA(image.Rect(0, 0, 1024, 768))
			for at := 0; at < len(img.Pix); at += 4 {
				x, y := at/4%1024*from.X/1024, at/4/1024*from.Y/768
				r, g, b, _ := picture.At(x, y).RGBA()
				more := rng.IntN(2*grain+1) - grain
				for k, v := range []uint32{r, g, b} {
					img.Pix[at+k] = uint8(max(0, min(int(v>>8)+more, 255)))
				}
				img.Pix[at+3] = 255
			}
			encoded.Reset()
			if err := jpeg.Encode(&encoded, img, &jpeg.Options{Quality: 87}); err != nil {
				b.Fatal(err)
			}
			if encoded.Len() < size {
				low = grain
			} else {
				high = grain
			}
		}
		photos = append(photos, bytes.Clone(encoded.Bytes()))
	}
	return photos
}

// BenchmarkAgainstOpenCV crops the middle of photos, and has OpenCV do so in
// between, at the scales that people use there. What counts is the least time
// that a photo took, as the machine may be busy. The metrics are crops a second
// and how many times faster than OpenCV that is.
func BenchmarkAgainstOpenCV(b *testing.B) {
	python := oitest.Python(b, "cv2")
	for _, bytes := range []int{108_000, 300_000} {
		photos := benchPhotos(b, bytes)
		dir := b.TempDir()
		for i, data := range photos {
			if err := os.WriteFile(fmt.Sprintf("%s/%02d.jpg", dir, i), data, 0o600); err != nil {
				b.Fatal(err)
			}
		}
		for _, size := range []int{128, 224} {
			b.Run(fmt.Sprintf("%dkB/%d", bytes/1000, size), func(b *testing.B) {
				againstOpenCV(b, photos, size, exec.Command(python, "testdata/opencv.py", dir, fmt.Sprint(size)))
			})
		}
	}
}

func againstOpenCV(b *testing.B, photos [][]byte, size int, peer *exec.Cmd) {
	ask := oitest.StartPeer(b, peer)
	c := startCropper(b, options{size: square(size)}, "a", "b")
	best := make([][]float64, 3) // ours, OpenCV's at 1/2 and at 1/4
	for i := range best {
		best[i] = make([]float64, len(photos))
		for k := range best[i] {
			best[i][k] = 1e9
		}
	}
	ours := make([]float64, len(photos))
	for b.Loop() {
		for i, data := range photos {
			item := &record.Item{Key: "k", Box: &record.Box{XMin: 0.2, XMax: 0.8, YMin: 0.2, YMax: 0.8}, Fetched: &record.Fetched{Bytes: data}}
			start := time.Now()
			if result, err := c.do(b.Context(), item); err != nil || result.Skipped != "" {
				b.Fatalf("%+v %v", result, err)
			}
			ours[i] = time.Since(start).Seconds()
		}
		var theirs [][]float64
		ask(&theirs)
		for i, round := range append([][]float64{ours}, theirs...) {
			for k, v := range round {
				best[i][k] = min(best[i][k], v)
			}
		}
	}
	var mean [3]float64
	for i := range mean {
		for _, v := range best[i] {
			mean[i] += v / float64(len(photos))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1/mean[0], "crops/s")
	b.ReportMetric(mean[1]/mean[0], "x-opencv-1/2")
	b.ReportMetric(mean[2]/mean[0], "x-opencv-1/4")
}

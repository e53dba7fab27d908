package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/image/webp"
	"golang.org/x/sys/unix"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// processorTime returns the seconds of processor time that f takes, with what
// the collector does meanwhile.
func processorTime(b *testing.B, f func()) float64 {
	now := func() float64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	start := now()
	f()
	return now() - start
}

// BenchmarkFormats crops the middle of photos in other formats, and has OpenCV,
// Pillow and Go's libraries decode them in between. What counts is the least
// processor time that a photo took. The metrics are the milliseconds of a crop,
// how many times faster than the others that is, and the part of it that
// resizing takes.
func BenchmarkFormats(b *testing.B) {
	python := oitest.Python(b, "cv2", "PIL")
	names, err := filepath.Glob(oitest.RealData(b, "openimages/images-1024px") + "/*.jpg")
	if err != nil || len(names) < formatPhotos {
		b.Fatalf("%d photos: %v", len(names), err)
	}
	for _, kind := range []string{"png", "webp", "lossless"} {
		dir := b.TempDir()
		for i, name := range names[:formatPhotos] {
			data, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(fmt.Sprintf("%s/%02d.jpg", dir, i), data, 0o600); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(kind, func(b *testing.B) {
			againstFormats(b, dir, kind, exec.Command(python, "testdata/formats.py", dir, "128", kind))
		})
	}
}

// formatPhotos is how many real photos BenchmarkFormats takes.
const formatPhotos = 4

func againstFormats(b *testing.B, dir, kind string, peer *exec.Cmd) {
	ask := oitest.StartPeer(b, peer)
	var theirs [][]float64
	ask(&theirs) // then the files are there
	var photos [][]byte
	for i := range formatPhotos {
		data, err := os.ReadFile(fmt.Sprintf("%s/%02d.%s", dir, i, kind))
		if err != nil {
			b.Fatal(err)
		}
		photos = append(photos, data)
	}
	c := startCropper(b, options{}, "a", "b")
	steps := []func(data []byte){
		func(data []byte) { // the crop
			item := &record.Item{Key: "k", Box: &record.Box{XMin: 0.2, XMax: 0.8, YMin: 0.2, YMax: 0.8}, Fetched: &record.Fetched{Bytes: data}}
			if result, err := c.do(b.Context(), item); err != nil || result.Skipped != "" {
				b.Fatalf("%+v %v", result, err)
			}
		},
		func(data []byte) { // another box of the same photo: only resized
			item := &record.Item{Key: "k", Box: &record.Box{XMin: 0.2, XMax: 0.8, YMin: 0.2, YMax: 0.8}, Fetched: &record.Fetched{Bytes: data}}
			if _, err := c.do(b.Context(), item); err != nil {
				b.Fatal(err)
			}
		},
		func(data []byte) { // decoded as a whole by Go's library
			var err error
			if kind == "png" {
				_, err = png.Decode(bytes.NewReader(data))
			} else {
				_, err = webp.Decode(bytes.NewReader(data))
			}
			if err != nil {
				b.Fatal(err)
			}
		},
		func(data []byte) { // decoded as a whole by ours
			if _, err := imagefile.Decode(data, imagefile.DefaultMaxPixels); err != nil {
				b.Fatal(err)
			}
		},
	}
	const peers = 2
	best := make([][]float64, len(steps)+peers)
	for b.Loop() {
		var rounds [][]float64
		for range steps {
			rounds = append(rounds, make([]float64, len(photos)))
		}
		for i, data := range photos {
			for k, step := range steps {
				rounds[k][i] = processorTime(b, func() { step(data) })
			}
		}
		ask(&theirs)
		for i, round := range append(rounds, theirs...) {
			if best[i] == nil {
				best[i] = round
			}
			for k, v := range round {
				best[i][k] = min(best[i][k], v)
			}
		}
	}
	mean := make([]float64, len(best))
	for i := range mean {
		for _, v := range best[i] {
			mean[i] += v / float64(len(photos))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1000*mean[0], "ms/crop")
	b.ReportMetric(mean[1]/mean[0], "resize-part")
	b.ReportMetric(mean[2]/mean[3], "x-go-decode")
	b.ReportMetric(mean[4]/mean[0], "x-opencv")
	b.ReportMetric(mean[5]/mean[0], "x-pillow")
}

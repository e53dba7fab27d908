package pix

import (
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// BenchmarkAgainstOpenCV draws and makes variants, and has OpenCV do so in
// between. What counts is the least time of a batch, as the machine may be busy.
// The metrics are variants a second, and how many times faster than OpenCV that
// is: with the matrix made by NumPy as people do, and of warpAffine alone.
func BenchmarkAgainstOpenCV(b *testing.B) {
	python := oitest.Python(b, "cv2")
	ask := oitest.StartPeer(b, exec.Command(python, "testdata/opencv_warp.py"))
	const side, batch = 128, 20
	src, dst := make([]byte, side*side*3), make([]byte, side*side*3)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	var warper Warper
	ours, theirs, alone := 1e9, 1e9, 1e9
	for b.Loop() {
		for range 20 {
			start := time.Now()
			for n := range batch {
				warper.Apply(DrawWarp(NewRand(1, "key", 1, n), ReferenceRanges(), side, side), dst, src, side, side, 3)
			}
			ours = min(ours, time.Since(start).Seconds()/batch)
		}
		var answer [2]float64
		ask(&answer)
		theirs, alone = min(theirs, answer[0]), min(alone, answer[1])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1/ours, "variants/s")
	b.ReportMetric(theirs/ours, "x-opencv")
	b.ReportMetric(alone/ours, "x-warpAffine-alone")
}

package transfer

import (
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// BenchmarkAgainstPyTorch fine-tunes the last 16 layers of a MobileNetV2 on a
// batch, and has PyTorch do so in between. What counts is the least time of a
// step, as the machine may be busy. The metrics are pictures a second, frozen
// part and tail together, and how many times faster than PyTorch that is; the
// same of the two parts.
func BenchmarkAgainstPyTorch(b *testing.B) {
	python := oitest.Python(b, "torch", "torchvision")
	const side, batch, classes = 128, 32, 16
	backbone, err := Open(oitest.Model(b, "mnv2_qat.onnx"), Options{Normalization: parse(b, "-1..1", ""), Side: side})
	if err != nil {
		b.Fatal(err)
	}
	tail, err := backbone.Tail(16)
	if err != nil {
		b.Fatal(err)
	}
	images, labels := make([][]byte, batch), make([]int, batch)
	for i := range images {
		images[i], labels[i] = make([]byte, side*side*3), i%classes
		for j := range images[i] {
			images[i][j] = byte((i + 7) * j >> 3)
		}
	}
	weights := make([]float32, classes*backbone.Dim)
	for i := range weights {
		weights[i] = float32(math.Sin(float64(i))) / 100
	}
	g, params, err := tail.Training(weights, make([]float32, classes))
	if err != nil {
		b.Fatal(err)
	}
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			extractor, err := tail.Extractor(batch, threads)
			if err != nil {
				b.Fatal(err)
			}
			defer extractor.Close()
			tuner, err := nn.NewTuner(g, params, nn.Options{Batch: batch, LR: 3e-4, Optimizer: "adam", Threads: threads, WeightDecay: 0.05, LabelSmoothing: 0.1, EMADecay: 0.999})
			if err != nil {
				b.Fatal(err)
			}
			defer tuner.Close()
			ask := oitest.StartPeer(b, exec.Command(python, "testdata/finetune_tail.py", strconv.Itoa(threads), strconv.Itoa(batch)))

			ours := [2]float64{math.Inf(1), math.Inf(1)}
			theirs := ours
			for b.Loop() {
				for range 10 {
					start := time.Now()
					_, maps, err := extractor.FeaturesAndMaps(images)
					if err != nil {
						b.Fatal(err)
					}
					ours[0] = min(ours[0], time.Since(start).Seconds())
					start = time.Now()
					if _, _, err := tuner.Step(maps, labels, nil); err != nil {
						b.Fatal(err)
					}
					ours[1] = min(ours[1], time.Since(start).Seconds())
				}
				var answer [2]float64
				ask(&answer)
				for i, seconds := range answer {
					theirs[i] = min(theirs[i], seconds)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(batch/(ours[0]+ours[1]), "pictures/s")
			b.ReportMetric((theirs[0]+theirs[1])/(ours[0]+ours[1]), "x-pytorch")
			b.ReportMetric(theirs[0]/ours[0], "x-pytorch-frozen")
			b.ReportMetric(theirs[1]/ours[1], "x-pytorch-tail")
		})
	}
}

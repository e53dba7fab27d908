package nn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
)

func TestReference(t *testing.T) {
	tests := []struct{ h, w, classes, parameters int }{
		{128, 128, 2, 831_585},
		{128, 128, 16, 831_585 - 65 + 65*16},
		{22, 22, 3, 896 + 9248 + 18496 + 64*64 + 64 + 65*3},
		{37, 50, 2, 896 + 9248 + 18496 + 2*4*64*64 + 64 + 65},
	}
	for _, test := range tests {
		n := Reference(test.h, test.w, test.classes, 1)
		if err := n.Validate(); err != nil {
			t.Error(err)
		}
		if got := n.Parameters(); got != test.parameters {
			t.Errorf("%dx%d, %d classes: %d parameters, want %d", test.h, test.w, test.classes, got, test.parameters)
		}
	}
	for _, n := range []*model.Network{Reference(21, 128, 2, 1), Reference(128, 128, 1, 1), Reference(0, 0, 0, 0)} {
		if err := n.Validate(); err == nil || n.Params != nil {
			t.Errorf("%dx%d, %d classes: %v, %d parameters", n.Height, n.Width, len(n.Classes), err, len(n.Params))
		}
	}
}

func TestInitialise(t *testing.T) {
	n := Reference(128, 128, 2, 1)
	const golden = "1cc923278ff0aa1fc7396b7614f3f6b1810cf0e9d58bbc94f7878eb249772446"
	if got := n.WeightsHash(); got != golden {
		t.Errorf("weights of seed 1 have the hash %s, want %s on every platform", got, golden)
	}
	if Reference(128, 128, 2, 2).WeightsHash() == golden {
		t.Error("the seed changes nothing")
	}
	limits := map[string]float64{"conv1": 0.13801, "conv2": 0.10206, "conv3": 0.08333, "dense1": 0.021815, "dense2": 0.30382}
	for _, p := range n.Params {
		layer, what, _ := strings.Cut(p.Name, ".")
		if what == "bias" {
			if slices.ContainsFunc(p.Data, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s is not zero", p.Name)
			}
			continue
		}
		limit := limits[layer]
		var sum, squares, largest float64
		for _, v := range p.Data {
			sum += float64(v)
			squares += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		count := float64(len(p.Data))
		if largest > limit*1.0001 || largest < limit*0.9 {
			t.Errorf("%s: largest weight %v, limit %v", p.Name, largest, limit)
		}
		// The mean of n uniform numbers has the deviation
		// limit/sqrt(3n), their variance is limit^2/3.
		if math.Abs(sum/count) > 5*limit/math.Sqrt(3*count) {
			t.Errorf("%s: mean %v", p.Name, sum/count)
		}
		if variance := squares / count; math.Abs(variance/(limit*limit/3)-1) > 5*math.Sqrt(0.8/count) {
			t.Errorf("%s: variance %v, want %v", p.Name, variance, limit*limit/3)
		}
	}
}

func TestResidual(t *testing.T) {
	for _, test := range []struct{ h, w, classes, width, parameters int }{
		{128, 128, 16, 32, 9*(3*32+32*64+2*64*64+64*128+2*128*128+128*256+2*256*256) + 32 + 3*(64+128+256) + 257*16},
		{16, 31, 2, 1, 9*(3*1+1*2+2*2*2+2*4+2*4*4+4*8+2*8*8) + 1 + 3*(2+4+8) + 9},
	} {
		n := Residual(test.h, test.w, test.classes, test.width, 1)
		if err := n.Validate(); err != nil {
			t.Error(err)
		}
		if got := n.Parameters(); got != test.parameters {
			t.Errorf("%dx%d, %d classes, width %d: %d parameters, want %d", test.h, test.w, test.classes, test.width, got, test.parameters)
		}
		if Residual(test.h, test.w, test.classes, test.width, 1).WeightsHash() != n.WeightsHash() {
			t.Error("the same seed gives other weights")
		}
		if Residual(test.h, test.w, test.classes, test.width, 2).WeightsHash() == n.WeightsHash() {
			t.Error("another seed gives the same weights")
		}
	}
	for _, n := range []*model.Network{Residual(15, 128, 2, 8, 1), Residual(128, 128, 1, 8, 1), Residual(64, 64, 2, 0, 1)} {
		if err := n.Validate(); err == nil || n.Params != nil {
			t.Errorf("%dx%d, %d classes: %v, %d parameters", n.Height, n.Width, len(n.Classes), err, len(n.Params))
		}
	}
}

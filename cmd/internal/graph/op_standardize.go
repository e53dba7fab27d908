package graph

import (
	"fmt"
	"math"
	"slices"
)

// WeightStandardization makes the weights of a convolution that is trained: of
// raw ones [K,K,C,M] and a gain [M], for every m on its own,
//
//	gain * sqrt(2) * (raw-mean) / sqrt(variance*K*K*C + 1e-4)
//
// It is no operator of ONNX: a network that was trained has the weights that it
// makes.
type WeightStandardization struct{}

// Kind implements Op.
func (*WeightStandardization) Kind() string { return "WeightStandardization" }

func (*WeightStandardization) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in...); err != nil {
		return nil, err
	}
	raw, gain := in[0].Shape, in[1].Shape
	if len(raw) != 4 || !slices.Equal(gain, raw[3:]) {
		return nil, fmt.Errorf("weights of shape %v and gains of shape %v", raw, gain)
	}
	return single(outputs, Float32, raw)
}

func (*WeightStandardization) eval(in, out []*Tensor) error {
	raw, gain, y := in[0], in[1], out[0]
	channels := gain.Size()
	for m := range channels {
		var mean, variance float64
		count := float64(raw.Size() / channels)
		for i := m; i < raw.Size(); i += channels {
			mean += raw.at(i) / count
		}
		for i := m; i < raw.Size(); i += channels {
			variance += (raw.at(i) - mean) * (raw.at(i) - mean) / count
		}
		factor := gain.at(m) * math.Sqrt2 / math.Sqrt(variance*count+1e-4)
		for i := m; i < raw.Size(); i += channels {
			y.set(i, (raw.at(i)-mean)*factor)
		}
	}
	return nil
}

// Package preprocess says what a network wants done to the bytes of a picture
// before its first layer.
package preprocess

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Normalization makes floats of bytes: x*Scale + Offset, for red, green and
// blue. The byte x is from 0 to 255.
type Normalization struct {
	Scale, Offset [3]float32 // of red, green, blue, whatever the order of the channels
	BGR           bool       // the network takes blue first

	Name string // as --normalize takes it
	From string // who said so, for people
}

// String is for people, such as "imagenet, channels bgr (from --normalize)".
func (n *Normalization) String() string {
	s := n.Name
	if n.BGR && n.Name != caffe {
		s += ", channels bgr"
	}
	if n.From != "" {
		s += " (from " + n.From + ")"
	}
	return s
}

// Uniform reports whether all channels are treated alike and stay in their
// order.
func (n *Normalization) Uniform() bool {
	return !n.BGR && n.Scale[1] == n.Scale[0] && n.Scale[2] == n.Scale[0] && n.Offset[1] == n.Offset[0] && n.Offset[2] == n.Offset[0]
}

const caffe = "caffe-bgr"

// Choices are the names that --normalize takes, for messages.
const Choices = "imagenet, -1..1, 0..1, 0..255, caffe-bgr, clip or MEAN/STD on 0..1, such as 0.5,0.5,0.5/0.25,0.25,0.25"

// Names are the choices that have a name.
func Names() []string { return []string{"imagenet", "-1..1", "0..1", "0..255", caffe, "clip"} }

// Parse reads the values of --normalize and --channels; the latter may be
// empty. Mean and std are those of red, green and blue, whatever the order of
// the channels.
func Parse(normalize, channels string) (*Normalization, error) {
	n := &Normalization{Name: normalize, From: "--normalize"}
	switch channels {
	case "", "rgb":
	case "bgr":
		n.BGR = true
	default:
		return nil, fmt.Errorf("channels %q: want rgb or bgr", channels)
	}
	switch normalize {
	case "imagenet":
		n.standardize([3]float64{.485, .456, .406}, [3]float64{.229, .224, .225})
	case "clip":
		n.standardize([3]float64{.48145466, .4578275, .40821073}, [3]float64{.26862954, .26130258, .27577711})
	case "-1..1":
		n.each(1/127.5, -1)
	case "0..1":
		n.each(1./255, 0)
	case "0..255":
		n.each(1, 0)
	case caffe:
		if channels == "rgb" {
			return nil, errors.New("caffe-bgr takes blue first, which channels rgb contradicts")
		}
		n.each(1, 0)
		n.Offset, n.BGR = [3]float32{-123.68, -116.779, -103.939}, true
	default:
		mean, std, ok := strings.Cut(normalize, "/")
		if !ok {
			return nil, fmt.Errorf("%q: want %s", normalize, Choices)
		}
		m, err := triple(mean)
		if err != nil {
			return nil, fmt.Errorf("the mean %q: %w", mean, err)
		}
		s, err := triple(std)
		if err != nil {
			return nil, fmt.Errorf("the standard deviation %q: %w", std, err)
		}
		for _, v := range s {
			if v <= 0 {
				return nil, fmt.Errorf("the standard deviation %q: want numbers above 0", std)
			}
		}
		n.standardize(m, s)
	}
	for _, v := range append(n.Scale[:], n.Offset[:]...) {
		if math.IsInf(float64(v), 0) || v != v {
			return nil, fmt.Errorf("%q: its numbers are too large", normalize)
		}
	}
	return n, nil
}

func (n *Normalization) each(scale, offset float64) {
	for i := range n.Scale {
		n.Scale[i], n.Offset[i] = float32(scale), float32(offset)
	}
}

// standardize takes a mean and a standard deviation of values from 0 to 1.
func (n *Normalization) standardize(mean, std [3]float64) {
	for i := range n.Scale {
		n.Scale[i], n.Offset[i] = float32(1/(255*std[i])), float32(-mean[i]/std[i])
	}
}

// triple reads a number for all channels, or three.
func triple(text string) (t [3]float64, err error) {
	parts := strings.Split(text, ",")
	if len(parts) != 1 && len(parts) != 3 {
		return t, errors.New("want one number or three")
	}
	for i := range t {
		if t[i], err = strconv.ParseFloat(strings.TrimSpace(parts[i%len(parts)]), 64); err != nil || math.Abs(t[i]) > 1e6 || t[i] != t[i] {
			return t, fmt.Errorf("%q is not a number that can be used", parts[i%len(parts)])
		}
	}
	return t, nil
}

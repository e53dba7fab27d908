package preprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// companions are the files beside a model that say what it wants done to the
// bytes, in the order in which they are looked at.
var companions = []struct {
	name  string
	parse func([]byte) (*Normalization, error)
}{
	{"preprocessor_config.json", parseProcessor},
	{"config.json", parseTimm},
}

// maxCompanion is how large such a file may be, in bytes.
const maxCompanion = 1 << 20

// A CompanionError is a file beside a model that should say what the model
// wants done to the bytes, and does so in no way that can be used.
type CompanionError struct {
	File string
	Err  error
}

func (e *CompanionError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }
func (e *CompanionError) Unwrap() error { return e.Err }

// Beside returns what the files in the folder of a model say, nil where there
// are none or they say nothing: preprocessor_config.json, as Hugging Face's
// image processors write it, or the config.json of timm. Errors are a
// [*CompanionError].
func Beside(model string) (*Normalization, error) {
	for _, c := range companions {
		name := filepath.Join(filepath.Dir(model), c.name)
		data, err := readCompanion(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var n *Normalization
		if err == nil {
			n, err = c.parse(data)
		}
		if err != nil {
			return nil, &CompanionError{name, err}
		}
		if n != nil {
			n.From = c.name
			return n, nil
		}
	}
	return nil, nil
}

func readCompanion(name string) (_ []byte, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, errors.New("it is not a regular file")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err := io.ReadAll(io.LimitReader(file, maxCompanion+1))
	if err == nil && len(data) > maxCompanion {
		err = fmt.Errorf("it has more than %d bytes", maxCompanion)
	}
	return data, err
}

// A channelValues is a number for all channels, or three.
type channelValues struct {
	given  bool
	values [3]float64
}

func (c *channelValues) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var one float64
	if err := json.Unmarshal(data, &one); err == nil {
		*c = channelValues{true, [3]float64{one, one, one}}
		return nil
	}
	var many []float64
	if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("%.80s: want a number or three", data)
	}
	if len(many) != len(c.values) {
		return fmt.Errorf("%.80s: want a number or three", data)
	}
	c.given = true
	copy(c.values[:], many)
	return nil
}

// parseProcessor reads preprocessor_config.json. What it leaves out is what
// Hugging Face's processors do then: bytes are scaled by 1/255 and, where there
// is a mean, normalised.
func parseProcessor(data []byte) (*Normalization, error) {
	var config struct {
		Rescale   *bool         `json:"do_rescale"`
		Factor    *float64      `json:"rescale_factor"`
		Centred   bool          `json:"rescale_offset"` // the scaled values are shifted by -1
		Shifted   bool          `json:"offset"`         // of processors of videos
		Normalize *bool         `json:"do_normalize"`
		Mean      channelValues `json:"image_mean"`
		Std       channelValues `json:"image_std"`
		Flip      bool          `json:"do_flip_channel_order"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, err
	}
	rescale := config.Rescale == nil || *config.Rescale
	normalize := config.Mean.given || config.Std.given
	if config.Normalize != nil {
		normalize = *config.Normalize
	}
	switch {
	case config.Rescale == nil && config.Normalize == nil && !normalize && config.Factor == nil:
		return nil, nil // a processor of text or sound, say
	case config.Shifted:
		return nil, errors.New("offset is not understood")
	case normalize && !(config.Mean.given && config.Std.given):
		return nil, errors.New("it says do_normalize and lacks image_mean or image_std")
	}
	factor, offset := 1., 0.
	if rescale {
		factor = 1. / 255
		if config.Factor != nil {
			factor = *config.Factor
		}
		if config.Centred {
			offset = -1
		}
	}
	mean, std := [3]float64{}, [3]float64{1, 1, 1}
	if normalize {
		mean, std = config.Mean.values, config.Std.values
	}
	for i := range mean {
		mean[i] -= offset
	}
	if config.Flip && mean != [3]float64{mean[0], mean[0], mean[0]} || config.Flip && std != [3]float64{std[0], std[0], std[0]} {
		return nil, errors.New("do_flip_channel_order with a mean of each channel: it does not say which channel is which")
	}
	n, err := ofBytes(factor, mean, std)
	if n != nil {
		n.BGR = config.Flip
	}
	return n, err
}

// parseTimm reads the config.json of timm, whose values are on 0..1. One of
// another program says nothing.
func parseTimm(data []byte) (*Normalization, error) {
	type values struct {
		Mean channelValues `json:"mean"`
		Std  channelValues `json:"std"`
	}
	var config struct {
		values
		Architecture string  `json:"architecture"`
		Pretrained   *values `json:"pretrained_cfg"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, err
	}
	v := config.values
	if config.Pretrained != nil {
		v = *config.Pretrained
	} else if config.Architecture == "" { // older ones have the values beside it
		return nil, nil
	}
	switch {
	case !v.Mean.given && !v.Std.given:
		return nil, nil
	case !v.Mean.given || !v.Std.given:
		return nil, errors.New("it lacks mean or std")
	}
	return ofBytes(1./255, v.Mean.values, v.Std.values)
}

// ofBytes returns (x*factor - mean) / std of the bytes x, under the name that
// --normalize takes.
func ofBytes(factor float64, mean, std [3]float64) (*Normalization, error) {
	whole := 255 * factor // what the largest byte becomes
	if math.Abs(whole-1) < 1e-9 {
		whole = 1 // files write 1/255 with more or less digits
	}
	if !(whole > 0) || math.IsInf(whole, 0) {
		return nil, fmt.Errorf("rescale_factor %v: want a number above 0", factor)
	}
	for i := range mean {
		mean[i] /= whole
		std[i] /= whole
	}
	for _, name := range []string{"imagenet", "clip", "-1..1", "0..1", "0..255"} {
		known, err := Parse(name, "")
		if err != nil {
			return nil, err
		}
		same := &Normalization{}
		same.standardize(mean, std)
		if same.Scale == known.Scale && same.Offset == known.Offset {
			return known, nil
		}
	}
	return Parse(tripleText(mean)+"/"+tripleText(std), "")
}

// tripleText is three numbers as [Parse] reads them back.
func tripleText(values [3]float64) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strings.Join(parts, ",")
}

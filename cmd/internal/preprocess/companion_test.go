package preprocess

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	imagenetMean = `"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]`
	half         = `"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]`
)

func TestBeside(t *testing.T) {
	const processor, timm = "preprocessor_config.json", "config.json"
	for name, test := range map[string]struct {
		files map[string]string
		want  string // Normalization.String, "" for nil, or after ! a part of the error
	}{
		"nothing":                 {nil, ""},
		"DINOv2's":                {map[string]string{processor: `{"do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true, "size": {"shortest_edge": 256}, ` + imagenetMean + `}`}, "imagenet (from preprocessor_config.json)"},
		"ViT's":                   {map[string]string{processor: `{"do_normalize": true, "do_rescale": true, "rescale_factor": 0.00392156862745098, ` + half + `}`}, "-1..1 (from preprocessor_config.json)"},
		"an old one":              {map[string]string{processor: `{"do_normalize": true, "do_resize": true, ` + half + `}`}, "-1..1 (from preprocessor_config.json)"},
		"CLIP's":                  {map[string]string{processor: `{"do_normalize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}`}, "clip (from preprocessor_config.json)"},
		"EfficientNet's":          {map[string]string{processor: `{"do_rescale": true, "rescale_factor": 0.00784313725490196, "rescale_offset": true, "do_normalize": false}`}, "-1..1 (from preprocessor_config.json)"},
		"MobileViT's":             {map[string]string{processor: `{"do_rescale": true, "do_flip_channel_order": true}`}, "0..1, channels bgr (from preprocessor_config.json)"},
		"rescaled alone":          {map[string]string{processor: `{"do_normalize": false, ` + imagenetMean + `}`}, "0..1 (from preprocessor_config.json)"},
		"neither":                 {map[string]string{processor: `{"do_normalize": false, "do_rescale": false}`}, "0..255 (from preprocessor_config.json)"},
		"of bytes":                {map[string]string{processor: `{"do_rescale": false, "image_mean": [123.675, 116.28, 103.53], "image_std": [58.395, 57.12, 57.375]}`}, "imagenet (from preprocessor_config.json)"},
		"one number":              {map[string]string{processor: `{"image_mean": 0.25, "image_std": 0.125}`}, "0.25,0.25,0.25/0.125,0.125,0.125 (from preprocessor_config.json)"},
		"of text":                 {map[string]string{processor: `{"feature_extractor_type": "X", "padding_side": "right"}`}, ""},
		"timm's":                  {map[string]string{timm: `{"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 224, 224], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}`}, "imagenet (from config.json)"},
		"timm's, older":           {map[string]string{timm: `{"architecture": "vit", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}`}, "-1..1 (from config.json)"},
		"Transformers' own":       {map[string]string{timm: `{"architectures": ["ViTModel"], "mean": 3, "hidden_size": 768}`}, ""},
		"both":                    {map[string]string{timm: `{"architecture": "x", "mean": 0, "std": 1}`, processor: `{` + half + `}`}, "-1..1 (from preprocessor_config.json)"},
		"the other":               {map[string]string{timm: `{"architecture": "x", "mean": 0, "std": 1}`, processor: `{}`}, "0..1 (from config.json)"},
		"no mean":                 {map[string]string{processor: `{"do_normalize": true}`}, "!lacks image_mean or image_std"},
		"mean alone":              {map[string]string{processor: `{"image_mean": [0.5, 0.5, 0.5]}`}, "!lacks image_mean or image_std"},
		"timm's mean alone":       {map[string]string{timm: `{"pretrained_cfg": {"mean": [0.5, 0.5, 0.5]}}`}, "!lacks mean or std"},
		"grey":                    {map[string]string{processor: `{"image_mean": [0.5], "image_std": [0.5]}`}, "!want a number or three"},
		"words":                   {map[string]string{processor: `{"image_mean": "imagenet", "image_std": 1}`}, "!want a number or three"},
		"std 0":                   {map[string]string{processor: `{"image_mean": [0, 0, 0], "image_std": [1, 0, 1]}`}, "!above 0"},
		"factor 0":                {map[string]string{processor: `{"rescale_factor": 0, ` + half + `}`}, "!rescale_factor 0"},
		"negative factor":         {map[string]string{processor: `{"rescale_factor": -1}`}, "!rescale_factor -1"},
		"too large a mean":        {map[string]string{processor: `{"image_mean": 1e300, "image_std": 1}`}, "!not a number that can be used"},
		"flipped with three":      {map[string]string{processor: `{"do_flip_channel_order": true, ` + imagenetMean + `}`}, "!which channel is which"},
		"an offset":               {map[string]string{processor: `{"offset": true, ` + half + `}`}, "!offset"},
		"no JSON":                 {map[string]string{processor: `version https://git-lfs.github.com/spec/v1`}, "!invalid character"},
		"more than JSON":          {map[string]string{processor: `{} {}`}, "!after top-level value"},
		"a list":                  {map[string]string{processor: `[]`}, "!cannot unmarshal array"},
		"another type":            {map[string]string{processor: `{"do_normalize": "yes"}`}, "!do_normalize"},
		"a large one":             {map[string]string{processor: `{"x": "` + strings.Repeat("x", maxCompanion) + `"}`}, "!more than 1048576 bytes"},
		"a folder of that name":   {map[string]string{processor + "/x": ``}, "!not a regular file"},
		"with null, as if absent": {map[string]string{processor: `{"do_rescale": null, "image_mean": null, "image_std": null}`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range test.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			n, err := Beside(filepath.Join(dir, "model.onnx"))
			if want, fails := strings.CutPrefix(test.want, "!"); fails {
				var companion *CompanionError
				if !errors.As(err, &companion) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), dir) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			got := ""
			if n != nil {
				got = n.String()
			}
			if err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// What a file says must be what its library computes, and the name must mean
// the same to --normalize.
func FuzzProcessor(f *testing.F) {
	f.Add(`{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "rescale_factor": 0.01, "rescale_offset": true}`)
	f.Add(`{` + imagenetMean + `}`)
	f.Add(`{"do_rescale": false, ` + half + `}`)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseProcessor([]byte(text))
		if err != nil || n == nil {
			return
		}
		channels := ""
		if n.BGR {
			channels = "bgr"
		}
		again, err := Parse(n.Name, channels)
		if err != nil || again.BGR != n.BGR || again.Scale != n.Scale || again.Offset != n.Offset {
			t.Errorf("%s: %+v is named %q, which means %+v, %v", text, n, n.Name, again, err)
		}
	})
}

func TestProcessorValues(t *testing.T) {
	n, err := parseProcessor([]byte(`{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "rescale_factor": 0.01, "rescale_offset": true}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, mean := range []float64{.1, .2, .3} {
		std := []float64{.4, .5, .6}[i]
		for _, x := range []float64{0, 1, 128, 255} {
			want := (x*.01 - 1 - mean) / std
			if got := x*float64(n.Scale[i]) + float64(n.Offset[i]); math.Abs(got-want) > 1e-6 {
				t.Errorf("channel %d, byte %v: %v, want %v", i, x, got, want)
			}
		}
	}
}

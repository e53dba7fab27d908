package preprocess

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		normalize, channels string
		bgr                 bool
		black, white        [3]float32 // what 0 and 255 become
	}{
		{"imagenet", "", false, [3]float32{-2.117904, -2.0357141, -1.8044444}, [3]float32{2.2489083, 2.4285715, 2.64}},
		{"clip", "rgb", false, [3]float32{-1.7922626, -1.7520971, -1.4802198}, [3]float32{1.930336, 2.0748837, 2.145897}},
		{"-1..1", "bgr", true, [3]float32{-1, -1, -1}, [3]float32{1, 1, 1}},
		{"0..1", "", false, [3]float32{}, [3]float32{1, 1, 1}},
		{"0..255", "", false, [3]float32{}, [3]float32{255, 255, 255}},
		{"caffe-bgr", "", true, [3]float32{-123.68, -116.779, -103.939}, [3]float32{131.32, 138.221, 151.061}},
		{"0.5,0.25,0/1,0.5,0.25", "", false, [3]float32{-.5, -.5, 0}, [3]float32{.5, 1.5, 4}},
		{"0.5/0.25", "bgr", true, [3]float32{-2, -2, -2}, [3]float32{2, 2, 2}},
	} {
		n, err := Parse(test.normalize, test.channels)
		if err != nil {
			t.Errorf("%s: %v", test.normalize, err)
			continue
		}
		for i := range n.Scale {
			black, white := n.Offset[i]-test.black[i], n.Scale[i]*255+n.Offset[i]-test.white[i]
			if max(black, white) > 1e-4 || min(black, white) < -1e-4 || n.BGR != test.bgr {
				t.Errorf("%s: channel %d is off by %v and %v, bgr %v", test.normalize, i, black, white, n.BGR)
			}
		}
	}
	for _, test := range []struct{ normalize, channels, want string }{
		{"", "", "want imagenet"}, {"ImageNet", "", "want imagenet"}, {"0.5,0.5/0.5", "", "one number or three"}, {"0.5/0", "", "above 0"}, {"0.5/-1", "", "above 0"},
		{"NaN/1", "", "not a number"}, {"1e9/1", "", "not a number"}, {"0.5/1e-44", "", "too large"}, {"0/", "", "not a number"}, {"imagenet", "RGB", "want rgb or bgr"}, {"caffe-bgr", "rgb", "contradicts"},
	} {
		if n, err := Parse(test.normalize, test.channels); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q, %q: %+v, %v, want %s", test.normalize, test.channels, n, err, test.want)
		}
	}
}

package icc_test

import (
	"encoding/binary"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile/icc"
)

// profile has tags of three numbers each.
func profile(text string, tags map[string][3]float64) []byte {
	b := append(make([]byte, 128), 0, 0, 0, byte(len(tags)))
	at := len(b) + 12*len(tags)
	var data []byte
	for name, values := range tags {
		b = append(b, name...)
		b = binary.BigEndian.AppendUint32(b, uint32(at+len(data)))
		b = binary.BigEndian.AppendUint32(b, 20)
		data = append(data, "XYZ \x00\x00\x00\x00"...)
		for _, v := range values {
			data = binary.BigEndian.AppendUint32(data, uint32(int32(v*65536)))
		}
	}
	return append(append(b, data...), text...)
}

func TestIsSRGB(t *testing.T) {
	type tags = map[string][3]float64
	srgb := tags{"rXYZ": {0.43607, 0.22249, 0.01392}, "gXYZ": {0.38515, 0.71687, 0.09708}, "bXYZ": {0.14307, 0.06061, 0.7141}, "wtpt": {0.95, 1, 1.09}}
	adobe := tags{"rXYZ": {0.60974, 0.31111, 0.01947}, "gXYZ": {0.20528, 0.62567, 0.06087}, "bXYZ": {0.14919, 0.06322, 0.74457}}
	p3 := tags{"rXYZ": {0.51512, 0.2412, -0.00105}, "gXYZ": {0.29198, 0.69225, 0.04189}, "bXYZ": {0.1571, 0.06657, 0.78407}}
	for name, c := range map[string]struct {
		profile []byte
		want    bool
	}{
		"sRGB":                {profile("", srgb), true},
		"Adobe RGB":           {profile("", adobe), false},
		"Display P3":          {profile("", p3), false},
		"Adobe RGB, misnamed": {profile("sRGB", adobe), false},
		"tables of sRGB":      {profile("sRGB v4", nil), true},
		"sRGB in UTF-16":      {profile("\x00s\x00R\x00G\x00B", nil), true},
		"grey":                {profile("Dot Gain 20%", tags{"wtpt": {0.95, 1, 1.09}}), false},
		"two primaries":       {profile("sRGB", tags{"rXYZ": srgb["rXYZ"], "gXYZ": srgb["gXYZ"]}), false},
		"nothing":             {nil, false},
		"half a table":        {profile("", srgb)[:150], false},
	} {
		if got := icc.IsSRGB(c.profile); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzIsSRGB: whatever the bytes, there is an answer.
func FuzzIsSRGB(f *testing.F) {
	f.Add(profile("sRGB", map[string][3]float64{"rXYZ": {1, 2, 3}}))
	f.Fuzz(func(_ *testing.T, data []byte) { icc.IsSRGB(data) })
}

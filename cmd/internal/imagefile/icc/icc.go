// Package icc looks at the ICC profiles of untrusted photos (ICC.1:2022): which
// of them are that of sRGB, whose colours a photo without a profile has.
package icc

import (
	"bytes"
	"encoding/binary"
	"math"
)

// headerSize is that of a profile's header, before the table of its tags.
const headerSize = 128

// maxTags is how many tags are looked at.
const maxTags = 100

// IsSRGB reports whether a profile has the primaries of sRGB. One that gives no
// primaries, as it consists of tables, has them if it is called sRGB. The tone
// curves are not looked at.
func IsSRGB(profile []byte) bool {
	want := map[string][3]float64{ // adapted to D50, as profiles are
		"rXYZ": {0.4361, 0.2225, 0.0139},
		"gXYZ": {0.3851, 0.7169, 0.0971},
		"bXYZ": {0.1431, 0.0606, 0.7141},
	}
	if len(profile) < headerSize+4 {
		return false
	}
	primaries := 0
	table := profile[headerSize+4:]
	for range min(binary.BigEndian.Uint32(profile[headerSize:]), maxTags) {
		if len(table) < 12 {
			break
		}
		xyz, wanted := want[string(table[:4])]
		at, n := uint64(binary.BigEndian.Uint32(table[4:])), uint64(binary.BigEndian.Uint32(table[8:]))
		table = table[12:]
		if !wanted || n < 20 || at+n > uint64(len(profile)) {
			continue
		}
		primaries++
		for i, v := range xyz {
			got := float64(int32(binary.BigEndian.Uint32(profile[at+8+4*uint64(i):]))) / (1 << 16)
			if math.Abs(got-v) > 0.01 {
				return false
			}
		}
	}
	return primaries == len(want) || primaries == 0 &&
		(bytes.Contains(profile, []byte("sRGB")) || bytes.Contains(profile, []byte("s\x00R\x00G\x00B")))
}

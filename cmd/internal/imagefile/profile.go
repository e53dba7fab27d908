package imagefile

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"io"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/imagefile/icc"
	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
	"github.com/opensandwich/oi/cmd/internal/imagefile/webp"
)

// A Profile is what the ICC profile in a photo says of its colours. Decoding
// ignores it: all photos are taken for sRGB.
type Profile int

// The kinds of profiles.
const (
	NoProfile    Profile = iota // sRGB, as nothing else is said
	SRGBProfile                 // so it makes no difference
	OtherProfile                // such as Adobe RGB or Display P3, or a damaged one
)

// ProfileOf looks for an ICC profile in a whole photo.
func ProfileOf(data []byte) Profile {
	f, err := formatOf(data)
	if err != nil {
		return NoProfile
	}
	profile := f.profile(data)
	switch {
	case profile == nil:
		return NoProfile
	case icc.IsSRGB(profile):
		return SRGBProfile
	}
	return OtherProfile
}

// profileJPEG puts the parts of a profile together: each segment says after the
// prefix which one it has, from 1 on, and of how many.
func profileJPEG(data []byte) []byte {
	const prefix = "ICC_PROFILE\x00"
	var parts [][]byte
	for _, body := range jpegfile.APP2(data) {
		if part, ok := bytes.CutPrefix(body, []byte(prefix)); ok && len(part) > 2 {
			parts = append(parts, part)
		}
	}
	slices.SortStableFunc(parts, func(a, b []byte) int { return cmp.Compare(a[0], b[0]) })
	var profile []byte
	for _, part := range parts {
		profile = append(profile, part[2:]...)
	}
	return profile
}

func profileWebP(data []byte) []byte { return webp.ICC(data) }

// maxICC bounds what the profile of a PNG may unpack to.
const maxICC = 4 << 20

// profilePNG returns the profile of a PNG, whose chunk comes before the pixels:
// what it could read of it.
func profilePNG(data []byte) (profile []byte) {
	pixels := false
	eachChunk(data, func(name string, body, _ []byte) {
		pixels = pixels || name == "IDAT"
		if name == "iCCP" && !pixels && profile == nil {
			profile = unpackICC(body)
		}
	})
	return profile
}

// unpackICC unpacks the body of a chunk: a name, the method, and the packed
// profile. It is not nil.
func unpackICC(body []byte) []byte {
	_, packed, _ := bytes.Cut(body, []byte{0})
	if len(packed) == 0 {
		return []byte{}
	}
	z, err := zlib.NewReader(bytes.NewReader(packed[1:]))
	if err != nil {
		return []byte{}
	}
	profile, err := io.ReadAll(io.LimitReader(z, maxICC))
	if err != nil {
		return []byte{}
	}
	return profile
}

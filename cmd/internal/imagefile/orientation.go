package imagefile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"regexp"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/imagefile/exif"
	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
	"github.com/opensandwich/oi/cmd/internal/imagefile/webp"
)

// ResetOrientation returns a whole photo whose orientation is 1, so that every
// program shows it as it is stored, and whether it was another. A photo that is
// stored upright is returned as it is; of the others nothing changes but the
// orientation in their EXIF data and in XMP, which some programs read where
// there is no EXIF data. The photo given does not change.
func ResetOrientation(data []byte) (reset []byte, changed bool) {
	switch f, err := formatOf(data); {
	case err != nil:
		return data, false
	case f.mediaType == "image/png":
		return resetPNG(data)
	case f.mediaType == "image/webp":
		reset = bytes.Clone(data)
		changed = resetWebP(reset)
	default:
		reset = bytes.Clone(data)
		changed = resetJPEG(reset)
	}
	if !changed {
		return data, false
	}
	return reset, true
}

// resetJPEG resets, in place, what EXIF segments say together, as one that is
// too long for a segment goes on in the next, and then what each says.
func resetJPEG(data []byte) (changed bool) {
	var all []byte
	var parts [][]byte
	for _, body := range jpegfile.APP1(data) {
		if !exif.HasPrefix(body) {
			changed = resetXMP(body) || changed
			continue
		}
		body = body[len(exif.Prefix):]
		all, parts = append(all, body...), append(parts, body)
	}
	if exif.Reset(all) {
		changed = true
		for _, part := range parts {
			all = all[copy(part, all):]
		}
	}
	for _, part := range parts {
		changed = exif.Reset(part) || changed
	}
	return changed
}

func resetWebP(data []byte) (changed bool) {
	for _, body := range webp.Metadata(data) {
		changed = exif.Reset(body) || resetXMP(body) || changed
	}
	return changed
}

// An xmpTurn is an orientation other than 1, as an attribute or an element.
var xmpTurn = regexp.MustCompile(`tiff:Orientation(?:\s*=\s*["']|>)\s*([2-8])\b`)

// resetXMP resets the orientation of an XMP packet in place.
func resetXMP(packet []byte) (changed bool) {
	for _, at := range xmpTurn.FindAllSubmatchIndex(packet, -1) {
		packet[at[2]] = '1'
		changed = true
	}
	return changed
}

// resetPNG rebuilds the file where a chunk changes. EXIF data in a text chunk,
// as it was written before there was a chunk for it, moves into that chunk.
func resetPNG(data []byte) (reset []byte, changed bool) {
	hasEXIF := false
	eachChunk(data, func(name string, _, _ []byte) { hasEXIF = hasEXIF || name == "eXIf" })
	reset = append(make([]byte, 0, len(data)), pngMagic...)
	rest := eachChunk(data, func(name string, body, whole []byte) {
		switch name {
		case "eXIf":
			body = bytes.Clone(body)
			if exif.Reset(body) {
				reset, changed = appendChunk(reset, name, body), true
				return
			}
		case "tEXt", "zTXt":
			profile := rawProfile(name, body)
			if exif.HasPrefix(profile) {
				profile = profile[len(exif.Prefix):]
			}
			if exif.Reset(profile) {
				if changed = true; !hasEXIF {
					reset, hasEXIF = appendChunk(reset, "eXIf", profile), true
				}
				return
			}
		case "iTXt":
			if packet, ok := xmpOf(body); ok && resetXMP(packet) {
				reset, changed = appendChunk(reset, name, slices.Concat([]byte(xmpKeyword), make([]byte, 5), packet)), true
				return
			}
		}
		reset = append(reset, whole...)
	})
	if !changed {
		return data, false
	}
	return append(reset, rest...), true
}

// eachChunk calls do with the chunks of a PNG: with the name, the body, and all
// of it. It returns what comes after the last whole one.
func eachChunk(data []byte, do func(name string, body, whole []byte)) (rest []byte) {
	rest = data[len(pngMagic):]
	for len(rest) >= 12 {
		n := int64(binary.BigEndian.Uint32(rest))
		if n > int64(len(rest)-12) {
			break
		}
		do(string(rest[4:8]), rest[8:][:n], rest[:12+n])
		rest = rest[12+n:]
	}
	return rest
}

func appendChunk(to []byte, name string, body []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(body)))
	from := len(to)
	to = append(append(to, name...), body...)
	return binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(to[from:]))
}

const xmpKeyword = "XML:com.adobe.xmp"

// maxXMP bounds what a text chunk may unpack to. An XMP packet of 64 KiB is a
// long one.
const maxXMP = 4 << 20

// xmpOf returns a copy of the XMP packet in the body of an iTXt chunk, if it
// has one: a keyword, whether it is compressed and how, a language, the keyword
// in that language, and the text.
func xmpOf(body []byte) (packet []byte, ok bool) {
	body, ok = bytes.CutPrefix(body, []byte(xmpKeyword+"\x00"))
	if !ok || len(body) < 2 {
		return nil, false
	}
	compressed, rest := body[0] == 1, body[2:]
	for range 2 {
		if _, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
			return nil, false
		}
	}
	if !compressed {
		return bytes.Clone(rest), true
	}
	z, err := zlib.NewReader(bytes.NewReader(rest))
	if err != nil {
		return nil, false
	}
	packet, err = io.ReadAll(io.LimitReader(z, maxXMP))
	return packet, err == nil && len(packet) < maxXMP
}

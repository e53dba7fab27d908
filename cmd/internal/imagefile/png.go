package imagefile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/png"
	"io"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/imagefile/exif"
)

const (
	pngMagic = "\x89PNG\r\n\x1a\n"
	pngEnd   = "\x00\x00\x00\x00IEND\xaeB`\x82"
)

func isPNG(head []byte) bool { return bytes.HasPrefix(head, []byte(pngMagic)) }

func checkPNG(r io.ReaderAt, size int64) (Config, error) {
	if err := endsWith(r, int64(len(pngMagic)), size, []byte(pngEnd)); err != nil {
		return Config{}, err
	}
	config, err := png.DecodeConfig(io.NewSectionReader(r, 0, size))
	if err != nil {
		return Config{}, err
	}
	c := Config{Width: config.Width, Height: config.Height}
	var header [29]byte // of the file: the first chunk is that of the size
	if _, err := r.ReadAt(header[:], 0); err != nil {
		return Config{}, err
	}
	c.memory = c.wholeMemory(size, pngPixelBytes(header[24], header[25], header[28] != 0))
	return c, nil
}

// pngPixelBytes returns how many bytes a pixel takes while it is decoded, given
// the bits of a sample, the type of colour and whether the picture is
// interlaced: then there is also a picture of a pass, of half the pixels at most.
// What is grey may have transparency after its header.
func pngPixelBytes(depth, colour byte, interlaced bool) int {
	n := 4
	if colour == 3 { // a palette
		n = 1
	}
	if depth == 16 {
		n *= 2
	}
	if interlaced {
		n += (n + 1) / 2
	}
	return n
}

func decodePNG(d *Decoder, data []byte, _ image.Rectangle, _ int) (image.Image, int, error) {
	return d.whole(data, func() (image.Image, error) { return png.Decode(bytes.NewReader(data)) })
}

// orientationPNG looks for a chunk of EXIF data, which may stand before the
// pixels or after them. The text chunk that was written before there was one
// counts where there is none.
func orientationPNG(data []byte) int {
	o := 0
	for rest := data[len(pngMagic):]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if n > int64(len(rest)-12) {
			break
		}
		body := rest[8:][:n]
		switch string(rest[4:8]) {
		case "eXIf":
			if o := exif.Orientation(body); o > 0 {
				return o
			}
		case "tEXt", "zTXt":
			if o == 0 {
				o = exif.Orientation(rawProfile(string(rest[4:8]), body))
			}
		}
		rest = rest[12+n:]
	}
	return o
}

// maxProfile bounds the text that a text chunk may unpack to: twice the largest
// EXIF segment of a JPEG, in hexadecimal digits and lines.
const maxProfile = 300 << 10

// rawProfile returns the EXIF data in a text chunk as ImageMagick writes it, or
// nil: a name, the length, and hexadecimal digits.
func rawProfile(kind string, body []byte) []byte {
	keyword, rest, _ := bytes.Cut(body, []byte{0})
	if name := string(keyword); name != "Raw profile type exif" && name != "Raw profile type APP1" {
		return nil
	}
	if kind == "zTXt" && len(rest) > 0 {
		z, err := zlib.NewReader(bytes.NewReader(rest[1:])) // after the method
		if err != nil {
			return nil
		}
		if rest, err = io.ReadAll(io.LimitReader(z, maxProfile)); err != nil {
			return nil
		}
	}
	fields := strings.Fields(string(rest))
	if len(fields) < 3 {
		return nil
	}
	profile, err := hex.DecodeString(strings.Join(fields[2:], ""))
	if err != nil {
		return nil
	}
	return profile
}

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
	"github.com/opensandwich/oi/cmd/internal/imagefile/pngfile"
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
	header, err := pngHeader(r)
	if err != nil {
		return Config{}, err
	}
	c := Config{Width: config.Width, Height: config.Height}
	depth, colour, interlaced := header[8], header[9], header[12] != 0
	switch {
	case interlaced:
		c.memory = c.wholeMemory(size, pngPixelBytes(depth, colour))
	case large(c.Width, c.Height):
		c.byRows = true
		most := int64(pngRows + 3*8*c.Width) // three rows of up to 64 bits a pixel
		c.memory = func(image.Rectangle, int) int64 { return most }
	case colour == 2 || colour == 6: // RGB and RGBA
		c.memory = c.wholeMemory(size+pngRows, 3)
	default:
		c.memory = c.wholeMemory(size+pngRows, 1)
	}
	return c, nil
}

// pngRows is about how much memory a decoder takes that reads rows.
const pngRows = 128 << 10

// pngHeader returns the body of the chunk of the size of a PNG that has one:
// there are files with others before it.
func pngHeader(r io.ReaderAt) (header [13]byte, err error) {
	at := int64(len(pngMagic))
	for {
		var b [8]byte
		if _, err := r.ReadAt(b[:], at); err != nil {
			return header, err
		}
		if string(b[4:]) == "IHDR" {
			_, err = r.ReadAt(header[:], at+8)
			return header, err
		}
		at += 12 + int64(binary.BigEndian.Uint32(b[:]))
	}
}

// pngPixelBytes returns how many bytes a pixel of an interlaced picture takes
// while it is decoded, given the bits of a sample and the type of colour. There
// is also a picture of a pass, of half the pixels at most. What is grey may have
// transparency after its header.
func pngPixelBytes(depth, colour byte) int {
	n := 4
	if colour == 3 { // a palette
		n = 1
	}
	if depth == 16 {
		n *= 2
	}
	return n + (n+1)/2
}

// decodePNG decodes a photo that may come again as a whole.
func decodePNG(d *Decoder, data []byte, window image.Rectangle, _ int) (image.Image, int, error) {
	h, err := pngfile.ReadHeader(data)
	switch {
	case err != nil:
		return nil, 0, err
	case h.Interlaced:
		return d.whole(data, func() (image.Image, error) { return png.Decode(bytes.NewReader(data)) })
	case window.Empty() || large(h.Width, h.Height):
		img, err := d.png.Decode(data, window)
		return img, 1, err
	}
	return d.whole(data, func() (image.Image, error) { return d.png.Decode(data, image.Rect(0, 0, h.Width, h.Height)) })
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

package pngfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A Header is what a file says of its picture.
type Header struct {
	Width, Height int // in pixels
	Interlaced    bool
}

// ReadHeader reads a file up to its pixels.
func ReadHeader(data []byte) (Header, error) {
	h, _, err := readHeader(data)
	return h.Header, err
}

// The types of colour.
const (
	grey      = 0
	trueColor = 2
	palette   = 3
	greyAlpha = 4
	trueAlpha = 6
)

// magic is what a file begins with.
const magic = "\x89PNG\r\n\x1a\n"

// A chunk is a name and its bytes.
type chunk struct {
	name string
	body []byte
}

// nextChunk returns the first chunk of data, whose checksum it verifies, and
// what comes after it.
func nextChunk(data []byte) (c chunk, rest []byte, err error) {
	if len(data) < 12 {
		return c, nil, io.ErrUnexpectedEOF
	}
	n := int64(binary.BigEndian.Uint32(data))
	if n > int64(len(data)-12) {
		return c, nil, io.ErrUnexpectedEOF
	}
	c = chunk{string(data[4:8]), data[8:][:n]}
	if crc32.ChecksumIEEE(data[4:][:4+n]) != binary.BigEndian.Uint32(data[8+n:]) {
		return c, nil, fmt.Errorf("PNG with a chunk %q of another checksum", c.name)
	}
	return c, data[12+n:], nil
}

// A header is what a file says before its pixels.
type header struct {
	Header
	depth, colour byte
	colours       []byte // of a palette, RGB
	alphas        []byte // of the first of them
	transparent   []byte // the colour that is; nil: none
}

// isPalette and isTrue sort the types of colour.
func (h *header) isPalette() bool { return h.colour == palette }
func (h *header) isTrue() bool    { return h.colour == trueColor || h.colour == trueAlpha }

// readHeader reads a file up to its pixels, and returns the rest of it, which
// begins with their first chunk.
func readHeader(data []byte) (h header, rest []byte, err error) {
	if len(data) < len(magic) || string(data[:len(magic)]) != magic {
		return h, nil, errors.New("not a PNG")
	}
	rest = data[len(magic):]
	seen := "" // the last of the chunks that have an order
	for {
		if len(rest) >= 8 && string(rest[4:8]) == "IDAT" {
			if seen == "" || h.isPalette() && seen == "IHDR" {
				return h, nil, orderError("IDAT")
			}
			return h, rest, nil
		}
		c, after, err := nextChunk(rest)
		if err != nil {
			return h, nil, err
		}
		switch c.name {
		case "IHDR":
			if seen != "" {
				return h, nil, orderError(c.name)
			}
			err = h.size(c.body)
		case "PLTE":
			if seen != "IHDR" {
				return h, nil, orderError(c.name)
			}
			err = h.palette(c.body)
		case "tRNS":
			if seen != "PLTE" && (seen != "IHDR" || h.isPalette()) {
				return h, nil, orderError(c.name)
			}
			err = h.transparency(c.body)
		case "IEND":
			err = orderError(c.name)
		default:
			rest = after
			continue
		}
		if err != nil {
			return h, nil, err
		}
		seen, rest = c.name, after
	}
}

func orderError(name string) error { return fmt.Errorf("PNG with a chunk %q out of order", name) }

// size reads a chunk IHDR.
func (h *header) size(b []byte) error {
	if len(b) != 13 {
		return fmt.Errorf("PNG with a header of %d bytes", len(b))
	}
	w, ht := int32(binary.BigEndian.Uint32(b)), int32(binary.BigEndian.Uint32(b[4:]))
	if w < 1 || ht < 1 {
		return fmt.Errorf("PNG of %d by %d pixels", w, ht)
	}
	h.Width, h.Height, h.Interlaced, h.depth, h.colour = int(w), int(ht), b[12] != 0, b[8], b[9]
	switch {
	case h.depth == 8 || h.depth == 16 && h.colour != palette:
		if h.colour > trueAlpha || h.colour == 1 || h.colour == 5 {
			return fmt.Errorf("PNG with the type of colour %d", h.colour)
		}
	case (h.depth == 1 || h.depth == 2 || h.depth == 4) && (h.colour == grey || h.colour == palette):
	default:
		return fmt.Errorf("PNG with %d bits of the type of colour %d", h.depth, h.colour)
	}
	switch {
	case b[10] != 0 || b[11] != 0:
		return fmt.Errorf("PNG with the compression %d and the filters %d", b[10], b[11])
	case b[12] > 1:
		return fmt.Errorf("PNG with the interlacing %d", b[12])
	}
	return nil
}

// palette reads a chunk PLTE, which is a mere proposal for true colours.
func (h *header) palette(b []byte) error {
	if n := len(b) / 3; len(b)%3 != 0 || n < 1 || n > 256 || n > 1<<h.depth {
		return fmt.Errorf("PNG with a palette of %d bytes", len(b))
	}
	if !h.isPalette() && !h.isTrue() {
		return errors.New("PNG with a palette for shades of grey")
	}
	if h.isPalette() {
		h.colours = b
	}
	return nil
}

// transparency reads a chunk tRNS.
func (h *header) transparency(b []byte) error {
	switch want := map[byte]int{grey: 2, trueColor: 6}[h.colour]; {
	case h.isPalette() && len(b) <= 256:
		h.alphas = b
	case want > 0 && want == len(b):
		h.transparent = b
	default:
		return fmt.Errorf("PNG with a transparency of %d bytes for the type of colour %d", len(b), h.colour)
	}
	return nil
}

// channels returns how many samples a pixel has.
func (h *header) channels() int {
	switch h.colour {
	case trueColor:
		return 3
	case greyAlpha:
		return 2
	case trueAlpha:
		return 4
	}
	return 1
}

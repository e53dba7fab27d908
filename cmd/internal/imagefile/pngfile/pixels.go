package pngfile

import "bytes"

// A converter makes pixels of a row's bytes: shades or places in a table, one
// byte each, or RGB.
type converter struct {
	depth    byte
	channels int
	narrow   bool         // one byte a pixel
	table    [256][3]byte // the RGB of such a byte
	// The transparent colour, as the bytes of a pixel; nil: none. For
	// shades of 8 bits and fewer it is in the table.
	transparent []byte
}

func newConverter(h *header) converter {
	c := converter{depth: h.depth, channels: h.channels(), narrow: !h.isTrue()}
	switch {
	case h.isPalette():
		for i := range c.table {
			c.table[i] = h.entry(i)
		}
	case h.colour == grey && h.depth <= 8:
		step := 255 / (1<<h.depth - 1)
		for i := range 1 << h.depth {
			v := byte(i * step)
			if h.transparent != nil && v == byte(int(h.transparent[1])*step) {
				v = 255
			}
			c.table[i] = [3]byte{v, v, v}
		}
	default:
		for i := range c.table {
			c.table[i] = [3]byte{byte(i), byte(i), byte(i)}
		}
		c.transparent = bytes.Clone(h.transparent)
		if h.depth == 8 && h.transparent != nil {
			c.transparent = []byte{h.transparent[1], h.transparent[3], h.transparent[5]}
		}
	}
	return c
}

// entry returns a colour of the palette over white. Those that a file does not
// have are black: there are files that use them.
func (h *header) entry(i int) (rgb [3]byte) {
	alpha := uint32(255)
	if i < len(h.alphas) {
		alpha = uint32(h.alphas[i])
	}
	for k := range rgb {
		v := byte(0)
		if at := 3*i + k; at < len(h.colours) {
			v = h.colours[at]
		}
		rgb[k] = overWhite(0x101*uint32(v), 0x101*alpha)
	}
	return rgb
}

// overWhite draws a sample over white, both of 16 bits, as package color does,
// and rounds it down to 8.
func overWhite(v, alpha uint32) byte { return byte((v*alpha/0xffff + 0xffff - alpha) >> 8) }

// size returns how many bytes a pixel takes that convert has made.
func (c *converter) size() int {
	if c.narrow {
		return 1
	}
	return 3
}

// convert makes pixels of a row's bytes, from column x on, as many as dst has
// room for.
func (c *converter) convert(dst, row []byte, x int) {
	in := row[x*c.channels*int(c.depth)/8:]
	switch {
	case c.depth < 8:
		per := 8 / int(c.depth)
		mask := byte(1<<c.depth - 1)
		for i := range dst {
			at := x + i
			dst[i] = row[at/per] >> (8 - int(c.depth)*(1+at%per)) & mask
		}
		return
	case c.channels&1 == 0:
		c.alpha(dst, in)
	case c.depth == 8:
		copy(dst, in)
	default:
		in := in[:2*len(dst)]
		for i := range dst {
			dst[i] = in[2*i]
		}
	}
	if c.transparent != nil {
		c.whiten(dst, in)
	}
}

// alpha converts pixels that end with one.
func (c *converter) alpha(dst, in []byte) {
	colours := c.channels - 1
	if c.depth == 8 {
		for len(dst) > 0 {
			alpha := uint32(in[colours]) * 0x101
			for k := range colours {
				dst[k] = overWhite(uint32(in[k])*0x101, alpha)
			}
			dst, in = dst[colours:], in[colours+1:]
		}
		return
	}
	for len(dst) > 0 {
		alpha := uint32(in[2*colours])<<8 | uint32(in[2*colours+1])
		for k := range colours {
			dst[k] = overWhite(uint32(in[2*k])<<8|uint32(in[2*k+1]), alpha)
		}
		dst, in = dst[colours:], in[2*colours+2:]
	}
}

// whiten makes the pixels of the transparent colour white.
func (c *converter) whiten(dst, in []byte) {
	n := len(c.transparent)
	for ; len(dst) > 0; dst, in = dst[c.channels:], in[n:] {
		if string(in[:n]) == string(c.transparent) {
			for k := range c.channels {
				dst[k] = 255
			}
		}
	}
}

// expand makes RGB of pixels of one byte.
func (c *converter) expand(dst, pixels []byte) {
	for i, v := range pixels {
		p := dst[3*i:][:3]
		rgb := &c.table[v]
		p[0], p[1], p[2] = rgb[0], rgb[1], rgb[2]
	}
}

package demo

import (
	"bytes"
	"compress/gzip"
)

// armour appends bytes as text that any HTML parser leaves as it is inside a
// script element: 7 bits a character, the highest first, the last character
// filled up with zeros. The three of the 128 characters that a parser would
// change, or take for markup, are written with 128 added. So L bytes become
// about 1.17 L, where base64 makes 1.33 L of them.
func armour(to, data []byte) []byte {
	put := func(c byte) {
		switch c {
		case 0, '\r', '<':
			// As UTF-8; its two bytes are these for all up to 0xbf.
			to = append(to, 0xc2, c|0x80)
		default:
			to = append(to, c)
		}
	}
	bits, held := 0, uint(0)
	for _, b := range data {
		held = held<<8 | uint(b)
		for bits += 8; bits >= 7; {
			bits -= 7
			put(byte(held >> bits & 127))
		}
		held &= 1<<bits - 1
	}
	if bits > 0 {
		put(byte(held << (7 - bits) & 127))
	}
	return to
}

// planes sorts bytes by their place within four: first each first byte of four,
// then each second, and so on, and then what is left over. The sign and the
// exponent of weights, which are much alike, come together so that they can be
// compressed, wherever in the file the weights begin.
func planes(data []byte) []byte {
	n := len(data) / 4
	sorted := make([]byte, 0, len(data))
	for k := range 4 {
		for i := range n {
			sorted = append(sorted, data[4*i+k])
		}
	}
	return append(sorted, data[4*n:]...)
}

// compress compresses bytes as gzip does.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

package jpegfile

// lookupBits is how many bits of a code are looked up at once. Longer codes
// are rare.
const lookupBits = 10

// A huffman decodes the codes of one table (annex C).
type huffman struct {
	lookup [1 << lookupBits]uint16 // length<<8 | symbol; 0: the code is longer, or none
	// limit has, by length, the first value above all codes of that length,
	// as the top of 16 bits.
	limit   [17]int
	offset  [17]int // by length: index of a code's symbol less the code
	symbols []byte
}

// decode returns the code at the top of ahead, as its length<<8 | symbol, or 0
// if there is none.
func (h *huffman) decode(ahead uint64) int {
	if e := h.lookup[ahead>>(64-lookupBits)]; e != 0 {
		return int(e)
	}
	return h.long(ahead)
}

// long is decode for codes that are too long to be looked up.
func (h *huffman) long(ahead uint64) int {
	top := int(ahead >> 48)
	for n := lookupBits + 1; n <= 16; n++ {
		if top < h.limit[n] {
			return n<<8 | int(h.symbols[h.offset[n]+top>>(16-n)])
		}
	}
	return 0
}

// newHuffman makes a table of how many codes there are of each length from 1
// on, and of their symbols. It returns nil if there is no such code.
func newHuffman(counts *[16]byte, symbols []byte) *huffman {
	h := &huffman{symbols: symbols}
	code, index := 0, 0 // the next
	for i, count := range counts {
		n := i + 1
		h.offset[n] = index - code
		for range count {
			if n <= lookupBits && code < 1<<n {
				shift := lookupBits - n
				for j := range 1 << shift {
					h.lookup[code<<shift|j] = uint16(n)<<8 | uint16(symbols[index])
				}
			}
			code++
			index++
		}
		if code > 1<<n {
			return nil
		}
		h.limit[n] = code << (16 - n)
		code <<= 1
	}
	return h
}

// tables reads the quantization or Huffman tables of a segment (B.2.4).
func (c *checker) tables(g segment) error {
	b, err := c.in.body(g)
	if err != nil {
		return err
	}
	read := c.quantization
	if g.marker == markerDHT {
		read = c.huffmanTable
	}
	for len(b) > 0 && err == nil {
		b, err = read(b)
	}
	return err
}

// quantization reads the first table of b and returns the bytes after it.
func (c *checker) quantization(b []byte) ([]byte, error) {
	precision, id := int(b[0]>>4), b[0]&15
	size := 64 * (1 + precision)
	if precision > 1 || id > 3 || len(b) < 1+size {
		return nil, damagef("quantization table %#02x of %d bytes", b[0], len(b)-1)
	}
	for i := 1; i <= size; i += 1 + precision {
		if b[i] == 0 && b[i+precision] == 0 {
			return nil, damagef("a zero in quantization table %d", id)
		}
	}
	c.quant[id] = true
	return b[1+size:], nil
}

// huffmanTable reads the first table of b and returns the bytes after it.
func (c *checker) huffmanTable(b []byte) ([]byte, error) {
	if len(b) < 17 {
		return nil, damagef("a Huffman table of %d bytes", len(b))
	}
	counts := (*[16]byte)(b[1:17])
	size := 0
	for _, n := range counts {
		size += int(n)
	}
	class, id := b[0]>>4, b[0]&15
	if class > 1 || id > 3 || size < 1 || size > 256 || len(b) < 17+size {
		return nil, damagef("Huffman table %#02x of %d codes", b[0], size)
	}
	h := newHuffman(counts, append([]byte(nil), b[17:17+size]...))
	if h == nil {
		return nil, damagef("Huffman table %#02x with more codes than there can be", b[0])
	}
	if class == 0 {
		c.dc[id] = h
	} else {
		c.ac[id] = h
	}
	return b[17+size:], nil
}

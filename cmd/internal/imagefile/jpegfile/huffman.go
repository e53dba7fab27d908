package jpegfile

// How many bits of the data the tables look at: a code and the value after it
// together, and several of both where the values are not wanted.
const (
	symbolBits = 10
	valueBits  = 10
	skipBits   = 12
)

// A huffman decodes the codes of one table (annex C).
type huffman struct {
	counts  [16]byte // of codes, by their length less one
	symbols []byte
	// symbol has the codes that are no longer than symbolBits, as
	// length<<8 | symbol; 0: the code is longer, or none.
	symbol [1 << symbolBits]uint16
	// limit has, by length, the first value above all codes of that length,
	// as the top of 16 bits.
	limit  [17]int
	offset [17]int // by length: index of a code's symbol less the code

	prepared bool // the tables below are made
	// value has a code together with the value after it, as
	// value<<16 | step<<8 | length of both. It is 0 where they are longer
	// than valueBits, or there is none.
	value [1 << valueBits]uint32
	// skip has one or more codes with their values, as step<<8 | ends<<7 |
	// length of all; ends is 1 where the last one is the end of a block. It
	// is tooLong where not even one fits.
	skip [1 << skipBits]uint32
}

const (
	// endStep is the step of the end of a block: past the last coefficient.
	endStep = 64
	ends    = 1 << 7
	tooLong = 255 << 8
)

// decode returns the code at the top of ahead, as its length<<8 | symbol, or 0
// if there is none.
func (h *huffman) decode(ahead uint64) int {
	if e := h.symbol[ahead>>(64-symbolBits)]; e != 0 {
		return int(e)
	}
	return h.long(ahead)
}

// long is decode for codes that are too long to be looked up.
func (h *huffman) long(ahead uint64) int {
	top := int(ahead >> 48)
	for n := symbolBits + 1; n <= 16; n++ {
		if top < h.limit[n] {
			return n<<8 | int(h.symbols[h.offset[n]+top>>(16-n)])
		}
	}
	return 0
}

// set makes the table of how many codes there are of each length from 1 on,
// and of their symbols. It returns false if there is no such code.
func (h *huffman) set(counts *[16]byte, symbols []byte) bool {
	if h.counts == *counts && string(h.symbols) == string(symbols) {
		return true // the photo before had the same, as nearly all have
	}
	h.counts, h.symbols = [16]byte{}, append(h.symbols[:0], symbols...)
	h.prepared = false
	clear(h.symbol[:])
	code, index := 0, 0 // the next
	for i, count := range counts {
		n := i + 1
		h.offset[n] = index - code
		for range count {
			if n <= symbolBits && code < 1<<n {
				shift := symbolBits - n
				for j := range 1 << shift {
					h.symbol[code<<shift|j] = uint16(n)<<8 | uint16(symbols[index])
				}
			}
			code++
			index++
		}
		if code > 1<<n {
			return false
		}
		h.limit[n] = code << (16 - n)
		code <<= 1
	}
	h.counts = *counts
	return true
}

// prepareDC makes the table for differences of DC coefficients, whose symbols
// are the length of the value (F.2.2.1).
func (h *huffman) prepareDC() {
	if h.prepared {
		return
	}
	h.prepared = true
	for i := range h.value {
		ahead := uint64(i) << (64 - valueBits)
		code := h.decode(ahead)
		length, size := code>>8, code&255
		if h.value[i] = 0; code > 0 && length+size <= valueBits {
			h.value[i] = uint32(extend(ahead<<length, size))<<16 | uint32(length+size)
		}
	}
}

// prepareAC makes the tables for AC coefficients of a sequential picture, whose
// symbols are a run of zeros and the length of the value, or the end of the
// block (F.2.2.2).
func (h *huffman) prepareAC() {
	if h.prepared {
		return
	}
	h.prepared = true
	for i := range h.value {
		ahead := uint64(i) << (64 - valueBits)
		code := h.decode(ahead)
		length, size := code>>8, code&15
		if h.value[i] = 0; code > 0 && length+size <= valueBits {
			h.value[i] = uint32(extend(ahead<<length, size))<<16 | uint32(stepOf(code&255))<<8 | uint32(length+size)
		}
	}
	for i := range h.skip {
		ahead := uint64(i) << (64 - skipBits)
		h.skip[i] = tooLong
		for used, step := 0, 0; ; {
			code := h.decode(ahead << used)
			length, one := code>>8+code&15, stepOf(code&255)
			if code == 0 || used+length > skipBits || one > endStep {
				break
			}
			used += length
			step += one
			h.skip[i] = uint32(step<<8 | used)
			if one == endStep {
				h.skip[i] |= ends
				break
			}
		}
	}
}

// stepOf returns how many coefficients a symbol stands for. A symbol without a
// value that is neither a run of 16 zeros nor the end of a block is no valid
// one, and steps past that.
func stepOf(symbol int) int {
	switch {
	case symbol == 0:
		return endStep
	case symbol&15 == 0 && symbol != 0xf0:
		return endStep + 1
	}
	return symbol>>4 + 1
}

// extend returns the value that the first size bits of ahead stand for (table
// F.1 and figure F.12).
func extend(ahead uint64, size int) int32 {
	if size == 0 {
		return 0
	}
	v := int32(ahead >> (64 - size))
	if ahead>>63 == 0 {
		v -= 1<<size - 1
	}
	return v
}

// tables reads the quantization or Huffman tables of a segment (B.2.4).
func (d *Decoder) tables(g segment) error {
	b, err := d.in.body(g)
	if err != nil {
		return err
	}
	read := d.quantization
	if g.marker == markerDHT {
		read = d.huffmanTable
	}
	for len(b) > 0 && err == nil {
		b, err = read(b)
	}
	return err
}

// A quantTable has the quantization steps, in zigzag order.
type quantTable struct {
	there bool
	steps [64]int32
}

// quantization reads the first table of b and returns the bytes after it.
func (d *Decoder) quantization(b []byte) ([]byte, error) {
	precision, id := int(b[0]>>4), b[0]&15
	size := 64 * (1 + precision)
	if precision > 1 || id > 3 || len(b) < 1+size {
		return nil, damagef("quantization table %#02x of %d bytes", b[0], len(b)-1)
	}
	q := &d.quant[id]
	q.there = true
	for k := range q.steps {
		if precision == 0 {
			q.steps[k] = int32(b[1+k])
		} else {
			q.steps[k] = int32(b[1+2*k])<<8 | int32(b[2+2*k])
		}
		if q.steps[k] == 0 {
			return nil, damagef("a zero in quantization table %d", id)
		}
	}
	return b[1+size:], nil
}

// huffmanTable reads the first table of b and returns the bytes after it.
func (d *Decoder) huffmanTable(b []byte) ([]byte, error) {
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
	slot := &d.huffman[class][id]
	if *slot == nil {
		*slot = &huffman{}
	}
	d.defined[class][id] = true
	if !(*slot).set(counts, b[17:17+size]) {
		return nil, damagef("Huffman table %#02x with more codes than there can be", b[0])
	}
	return b[17+size:], nil
}

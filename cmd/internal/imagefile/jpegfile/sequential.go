package jpegfile

import "encoding/binary"

// A block is a block of an MCU of a sequential scan.
type block struct {
	*plane
	index  int // of its component in the frame
	dx, dy int // from the MCU's first block of this component, in blocks
	dc, ac *huffman
}

// A bitReader reads the coded data of an interval: without stuffing, and with
// room to read ahead. The hot loops have its fields in registers.
type bitReader struct {
	data []byte
	next int    // the next byte to be read
	bits uint64 // the bits that were read and not used, from the top
	have uint   // how many they are
}

// pos is how many bits were used.
func (r *bitReader) pos() int { return 8*r.next - int(r.have) }

// fill reads ahead, so that there are 56 bits at least.
func (r *bitReader) fill() {
	r.bits |= binary.BigEndian.Uint64(r.data[r.next:]) >> (r.have & 63)
	r.next += int(63-r.have) >> 3
	r.have |= 56
}

// difference reads the difference of a DC coefficient from the one before. It
// returns false if there is no such code.
func (r *bitReader) difference(h *huffman) (int32, bool) {
	r.fill()
	if e := h.value[r.bits>>(64-valueBits)]; e != 0 {
		r.bits <<= e & 31
		r.have -= uint(e & 31)
		return int32(e) >> 16, true
	}
	code := h.decode(r.bits)
	length, size := code>>8, code&255
	if code == 0 || size > 16 {
		return 0, false
	}
	v := extend(r.bits<<length, size)
	r.bits <<= length + size
	r.have -= uint(length + size)
	return v, true
}

// skip reads the AC coefficients of a block and forgets them. It returns false,
// and has read nothing, if there is no such code, or more coefficients than 63.
func (r *bitReader) skip(h *huffman) bool {
	data, next, bits, have := r.data, r.next, r.bits, r.have
	start := r.pos()
	for k := 1; ; {
		if have < 32 {
			bits |= binary.BigEndian.Uint64(data[next:]) >> (have & 63)
			next += int(63-have) >> 3
			have |= 56
		}
		e := h.skip[bits>>(64-skipBits)]
		after := k + int(e>>8)
		if after <= 64 || e&ends != 0 && after < 128 {
			bits <<= e & 31
			have -= uint(e & 31)
			if k = after; k < 64 {
				continue
			}
		} else {
			// One code alone: it is long, or is the last one.
			code := h.decode(bits)
			step := stepOf(code & 255)
			length := uint(code>>8 + code&15)
			k += step
			if code == 0 || k > 64 && step != endStep {
				return false
			}
			bits <<= length
			have -= length
			if k < 64 {
				continue
			}
		}
		r.next, r.bits, r.have = next, bits, have
		return k > 64 || !hole(data, start, r.pos())
	}
}

// read is skip for a block whose coefficients are wanted: it adds each to the
// block as its term says.
func (r *bitReader) read(h *huffman, to *coefficients, terms *terms) bool {
	data, next, bits, have := r.data, r.next, r.bits, r.have
	start := r.pos()
	for k := 1; ; {
		if have < 32 {
			bits |= binary.BigEndian.Uint64(data[next:]) >> (have & 63)
			next += int(63-have) >> 3
			have |= 56
		}
		e := h.value[bits>>(64-valueBits)]
		step, value := int(e>>8&255), int32(e)>>16
		if e != 0 {
			bits <<= e & 31
			have -= uint(e & 31)
		} else {
			code := h.decode(bits)
			if code == 0 {
				return false
			}
			length, size := code>>8, code&15
			step, value = stepOf(code&255), extend(bits<<length, size)
			bits <<= length + size
			have -= uint(length + size)
		}
		k += step
		t := &terms[(k-1)&127]
		to[t.at&127] += value * t.weight
		if k < 64 {
			continue
		}
		if k > 64 && step != endStep {
			return false
		}
		r.next, r.bits, r.have = next, bits, have
		return k > 64 || !hole(data, start, r.pos())
	}
}

// hole says whether a block that went on to its last coefficient ends in so
// many zero bits that no picture can have them: they are one code over and
// over, so that the last twenty coefficients and more would all be the same.
// The zero bits of an even area are other ones, which end block after block.
func hole(data []byte, start, end int) bool {
	if end-start < 64 {
		return false
	}
	last, shift := data[(end-64)>>3:], end&7
	return binary.BigEndian.Uint64(last)<<shift|uint64(last[8])>>(8-shift) == 0
}

// A rowStart is where the data of a row of MCUs begins.
type rowStart struct {
	interval [2]int // where its interval's data begins and ends in d.entropy
	pos      int    // in the interval, in bits
	dc       [4]int32
}

// sequential reads n MCUs of a sequential scan, from number first on, whose
// data is the last interval in d.entropy. Where all rows of the picture begin
// is written down.
func (d *Decoder) sequential(s *scan, first, n int) error {
	r := bitReader{data: d.interval()}
	var dc [4]int32
	for i := first; i < first+n; {
		x, y := i%s.across, i/s.across
		count := min(first+n-i, s.across-x)
		if x == 0 && d.again {
			d.rows = append(d.rows, rowStart{[2]int{d.start, len(d.entropy)}, r.pos(), dc})
		}
		done, problem := d.mcus(s, &r, &dc, x, y, count)
		switch at := i - first + done; problem {
		case noCode:
			return damagef("no code at byte %d of %d, in MCU %d of %d", r.pos()/8, len(r.data)-maxBlock, at, n)
		case noData:
			return damagef("%d bytes are the data of %d MCUs instead of %d", len(r.data)-maxBlock, at, n)
		}
		i += count
	}
	return d.used(r.pos(), n)
}

// What can be wrong with the data of an MCU.
type problem int

const (
	none   problem = iota
	noCode         // it has no valid code
	noData         // it is beyond the end
)

// mcus reads a number of MCUs of a row. It returns how many it read.
func (d *Decoder) mcus(s *scan, r *bitReader, dc *[4]int32, x, y, count int) (int, problem) {
	size := len(r.data) - maxBlock
	row := y >= s.wanted.Min.Y && y < s.wanted.Max.Y
	var coefficients coefficients
	for i := range count {
		wanted := row && x+i >= s.wanted.Min.X && x+i < s.wanted.Max.X
		for j := range d.blocks {
			b := &d.blocks[j]
			v, ok := r.difference(b.dc)
			dc[b.index] += v
			if ok && !wanted {
				ok = r.skip(b.ac)
			} else if ok {
				coefficients[0] = dc[b.index] * b.terms[0].weight
				ok = r.read(b.ac, &coefficients, &b.terms)
				b.put((x+i-s.wanted.Min.X)*b.perMCU.X+b.dx, (y-s.wanted.Min.Y)*b.perMCU.Y+b.dy, &coefficients)
			}
			if !ok {
				return i, noCode
			}
			if r.pos() > 8*size {
				return i, noData
			}
		}
	}
	return count, none
}

// reread reads the rows of the window again, of the file that was decoded last
// and is whole.
func (d *Decoder) reread() {
	s := &d.current
	d.prepare(s)
	for y := s.wanted.Min.Y; y < min(s.wanted.Max.Y, s.down); y++ {
		at := d.rows[y]
		r := bitReader{data: d.entropy[at.interval[0]:at.interval[1]], next: at.pos >> 3}
		r.fill()
		r.bits <<= at.pos & 7
		r.have -= uint(at.pos & 7)
		d.mcus(s, &r, &at.dc, 0, y, min(s.wanted.Max.X, s.across))
	}
}

package jpegfile

import (
	"encoding/binary"
	"math/bits"
)

// maxBlock is more than the bytes that a block's data takes: 64 codes of 16
// bits, each with 16 bits after it, and what is read ahead.
const maxBlock = 64*4 + 8

// A blockReader reads the coded data of blocks without keeping their values.
// The data has maxBlock bytes after its end.
type blockReader struct {
	data []byte
	pos  int // in bits
	run  int // blocks that have nothing more in this scan (G.1.2.2)
	bad  bool
}

// code reads a code and returns its symbol. The next 32 bits at least come
// with it, from the top.
func (r *blockReader) code(h *huffman) (symbol int, ahead uint64) {
	ahead = binary.BigEndian.Uint64(r.data[r.pos>>3:]) << (r.pos & 7)
	code := h.decode(ahead)
	r.bad = r.bad || code == 0
	r.pos += code >> 8
	return code & 255, ahead << (code >> 8)
}

// dcFirst reads a DC coefficient (F.2.2.1).
func (r *blockReader) dcFirst(h *huffman) {
	size, _ := r.code(h)
	if size > 16 {
		r.bad = true
		return
	}
	r.pos += size
}

// acAll reads the AC coefficients of a sequential block (F.2.2.2).
func (r *blockReader) acAll(h *huffman) {
	pos := r.pos
	for k := 1; k < 64; k++ {
		code := h.decode(binary.BigEndian.Uint64(r.data[pos>>3:]) << (pos & 7))
		zeros, size := code>>4&15, code&15
		pos += code>>8 + size
		k += zeros
		if code == 0 || k > 63 || size == 0 && zeros < 15 {
			r.bad = r.bad || code == 0 || code&255 != 0 // all but the end of a block
			r.pos = pos
			return
		}
	}
	r.bad = r.bad || hole(r.data, r.pos, pos)
	r.pos = pos
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

// acFirst reads coefficients ss to se of a block for the first time
// (G.1.2.2).
func (r *blockReader) acFirst(h *huffman, ss, se int, nonzero *uint64) {
	if r.run > 0 {
		r.run--
		return
	}
	for k := ss; k <= se && !r.bad; k++ {
		symbol, ahead := r.code(h)
		zeros, size := symbol>>4, symbol&15
		if size == 0 && zeros < 15 {
			r.endOfBand(zeros, ahead)
			return
		}
		r.pos += size
		k += zeros
		if size > 0 {
			*nonzero |= 1 << k
		}
		r.bad = r.bad || k > se
	}
}

// endOfBand begins a run of blocks without more coefficients, of which this is
// the first.
func (r *blockReader) endOfBand(size int, ahead uint64) {
	r.run = 1<<size + int(ahead>>(64-size)) - 1
	r.pos += size
}

// acRefine reads one bit more of the coefficients ss to se of a block
// (G.1.2.3): of each that is not zero, one bit, at its place between the codes
// for those that were zero until now.
func (r *blockReader) acRefine(h *huffman, ss, se int, nonzero *uint64) {
	known := *nonzero
	k := ss
	for ; k <= se && r.run == 0 && !r.bad; k++ {
		symbol, ahead := r.code(h)
		zeros, size := symbol>>4, symbol&15
		if size == 0 && zeros < 15 {
			r.endOfBand(zeros, ahead)
			r.run++
			break
		}
		r.bad = r.bad || size > 1
		r.pos += size
		for ; k <= se; k++ {
			if known>>k&1 == 1 {
				r.pos++
			} else if zeros--; zeros < 0 {
				break
			}
		}
		r.bad = r.bad || k > se
		if size > 0 {
			*nonzero |= 1 << k
		}
	}
	if r.run > 0 {
		r.run--
		r.pos += bits.OnesCount64(known >> k & (1<<(se+1-k) - 1))
	}
}

package jpegfile

import (
	"encoding/binary"
	"image"
	"math/bits"
)

// A blockReader reads the coded data of the blocks of a progressive scan, whose
// data has maxBlock bytes after its end.
type blockReader struct {
	*scan
	data []byte
	pos  int // in bits
	run  int // blocks that have nothing more in this scan (G.1.2.2)
	bad  bool
}

// A progressiveBlock is what is known of a block.
type progressiveBlock struct {
	// nonzero says in bit k that coefficient k, in zigzag order, is known
	// not to be zero.
	nonzero *uint64
	values  *[64]int32 // the coefficients in zigzag order; nil: not wanted
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

// bit reads one bit.
func (r *blockReader) bit() int32 {
	b := r.data[r.pos>>3] >> (7 - r.pos&7) & 1
	r.pos++
	return int32(b)
}

// dcFirst reads a difference of DC coefficients (F.2.2.1).
func (r *blockReader) dcFirst(h *huffman) int32 {
	size, ahead := r.code(h)
	if size > 16 {
		r.bad = true
		return 0
	}
	r.pos += size
	return extend(ahead, size)
}

// acFirst reads coefficients ss to se of a block for the first time
// (G.1.2.2).
func (r *blockReader) acFirst(h *huffman, b progressiveBlock) {
	if r.run > 0 {
		r.run--
		return
	}
	for k := r.ss; k <= r.se && !r.bad; k++ {
		symbol, ahead := r.code(h)
		zeros, size := symbol>>4, symbol&15
		if size == 0 && zeros < 15 {
			r.endOfBand(zeros, ahead)
			return
		}
		r.pos += size
		k += zeros
		if r.bad = r.bad || k > r.se; size > 0 && k < 64 {
			*b.nonzero |= 1 << k
			if b.values != nil {
				b.values[k] = extend(ahead, size) << r.al
			}
		}
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
func (r *blockReader) acRefine(h *huffman, b progressiveBlock) {
	known := *b.nonzero
	k := r.ss
	for ; k <= r.se && r.run == 0 && !r.bad; k++ {
		symbol, ahead := r.code(h)
		zeros, size := symbol>>4, symbol&15
		if size == 0 && zeros < 15 {
			r.endOfBand(zeros, ahead)
			r.run++
			break
		}
		r.bad = r.bad || size > 1
		r.pos += size
		for ; k <= r.se; k++ {
			if known>>k&1 == 1 {
				r.correct(b, k)
			} else if zeros--; zeros < 0 {
				break
			}
		}
		if r.bad = r.bad || k > r.se; size > 0 && k < 64 {
			*b.nonzero |= 1 << k
			if b.values != nil {
				b.values[k] = int32(ahead>>63)<<(r.al+1) - 1<<r.al
			}
		}
	}
	if r.run == 0 {
		return
	}
	r.run--
	rest := known >> k << k & (1<<(r.se+1) - 1)
	if b.values == nil {
		r.pos += bits.OnesCount64(rest)
		return
	}
	for ; rest != 0; rest &= rest - 1 {
		r.correct(b, bits.TrailingZeros64(rest))
	}
}

// correct reads one bit more of coefficient k.
func (r *blockReader) correct(b progressiveBlock, k int) {
	more := r.bit() << r.al
	if b.values == nil {
		return
	}
	if v := &b.values[k]; *v >= 0 {
		*v += more
	} else {
		*v -= more
	}
}

// refine reads n MCUs of a progressive scan, from number first on, whose data
// is the last interval in d.entropy.
func (d *Decoder) refine(s *scan, first, n int) error {
	r := blockReader{scan: s, data: d.interval()}
	size := len(r.data) - maxBlock
	var dc [4]int32
	x, y := first%s.across, first/s.across
	for i := range n {
		for j := range d.blocks {
			b := &d.blocks[j]
			at := image.Pt(x*b.perMCU.X+b.dx, y*b.perMCU.Y+b.dy)
			state := b.progressive(at, d.blocksAcross(b.plane))
			switch {
			case s.ss == 0 && s.ah == 0:
				dc[b.index] += r.dcFirst(b.dc)
				if state.values != nil {
					state.values[0] = dc[b.index] << s.al
				}
			case s.ss == 0:
				if bit := r.bit(); state.values != nil {
					state.values[0] |= bit << s.al
				}
			case s.ah == 0:
				r.acFirst(b.ac, state)
			default:
				r.acRefine(b.ac, state)
			}
			if r.bad {
				return damagef("no code at byte %d of %d, in MCU %d of %d", r.pos/8, size, i, n)
			}
			if r.pos > 8*size {
				return damagef("%d bytes are the data of %d MCUs instead of %d", size, i, n)
			}
		}
		if x++; x == s.across {
			x, y = 0, y+1
		}
	}
	if r.run > 0 {
		return damagef("%d blocks more than there are", r.run)
	}
	return d.used(r.pos, n)
}

// blocksAcross is how many blocks a row of a component has, with those that
// fill up MCUs.
func (d *Decoder) blocksAcross(p *plane) int { return p.h * ceil(d.width, 8*d.hMax) }

// progressive returns what is known of the block of a component at a place, in
// blocks.
func (p *plane) progressive(at image.Point, columns int) progressiveBlock {
	b := progressiveBlock{nonzero: &p.nonzero[at.Y*columns+at.X]}
	if at.In(p.blocks) {
		at = at.Sub(p.blocks.Min)
		b.values = (*[64]int32)(p.values[64*(at.Y*p.blocks.Dx()+at.X):])
	}
	return b
}

// transform makes the pixels of a progressive picture.
func (d *Decoder) transform() {
	var coefficients coefficients
	for i := range d.components {
		p := &d.planes[i]
		p.terms.set(p.nx, p.ny, &d.quant[p.tq].steps)
		columns := d.blocksAcross(p)
		for y := p.blocks.Min.Y; y < p.blocks.Max.Y; y++ {
			for x := p.blocks.Min.X; x < p.blocks.Max.X; x++ {
				b := p.progressive(image.Pt(x, y), columns)
				for known := *b.nonzero | 1; known != 0; known &= known - 1 {
					k := bits.TrailingZeros64(known)
					t := p.terms[k]
					coefficients[t.at] += b.values[k] * t.weight
				}
				p.put(x-p.blocks.Min.X, y-p.blocks.Min.Y, &coefficients)
			}
		}
	}
}

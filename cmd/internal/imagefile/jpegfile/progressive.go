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

// A progressiveBlock is what is known of a block. Scan by scan a coefficient
// grows by a bit, and each time what is new of it is added to the coefficients
// of the smaller transform, as its term says. So what is kept of a reduced
// picture is as much smaller as that is.
type progressiveBlock struct {
	// nonzero says in bit k that coefficient k, in zigzag order, is known
	// not to be zero, and negative that it is less. Of a block that is not
	// wanted only the first is kept: it decides which bits there are.
	nonzero, negative *uint64
	sums              []int32 // nil: not wanted
	terms             *terms
}

// add adds v to coefficient k.
func (b *progressiveBlock) add(k int, v int32) {
	if b.sums == nil {
		return
	}
	if t := &b.terms[k]; t.weight != 0 {
		b.sums[t.at] += v * t.weight
	}
}

// begin is add for a coefficient that was zero until now.
func (b *progressiveBlock) begin(k int, v int32) {
	*b.nonzero |= 1 << k
	if b.sums == nil {
		return
	}
	if v < 0 {
		*b.negative |= 1 << k
	}
	b.add(k, v)
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
func (r *blockReader) acFirst(h *huffman, b *progressiveBlock) {
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
			b.begin(k, extend(ahead, size)<<r.al)
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
func (r *blockReader) acRefine(h *huffman, b *progressiveBlock) {
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
			b.begin(k, int32(ahead>>63)<<(r.al+1)-1<<r.al)
		}
	}
	if r.run == 0 {
		return
	}
	r.run--
	rest := known >> k << k & (1<<(r.se+1) - 1)
	if b.sums == nil {
		r.pos += bits.OnesCount64(rest)
		return
	}
	for ; rest != 0; rest &= rest - 1 {
		r.correct(b, bits.TrailingZeros64(rest))
	}
}

// correct reads one bit more of coefficient k.
func (r *blockReader) correct(b *progressiveBlock, k int) {
	more := r.bit() << r.al
	if b.sums == nil {
		return
	}
	if *b.negative>>k&1 == 1 {
		more = -more
	}
	b.add(k, more)
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
			state := b.progressive(at, d.blocksAcross(b.component), s.ss > 0)
			switch {
			case s.ss == 0 && s.ah == 0:
				dc[b.index] += r.dcFirst(b.dc)
				state.add(0, dc[b.index]<<s.al)
			case s.ss == 0:
				state.add(0, r.bit()<<s.al)
			case s.ah == 0:
				r.acFirst(b.ac, &state)
			default:
				r.acRefine(b.ac, &state)
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

// progressive returns what is known of the block of a component at a place, in
// blocks. The mean of a block is its DC coefficient alone: where that is all the
// picture takes, the block is not wanted in scans of AC coefficients.
func (p *plane) progressive(at image.Point, columns int, ac bool) progressiveBlock {
	b := progressiveBlock{nonzero: &p.nonzero[at.Y*columns+at.X]}
	if n := p.nx * p.ny; at.In(p.band) && (n > 1 || !ac) {
		at = at.Sub(p.band.Min)
		i := at.Y*p.band.Dx() + at.X
		if n > 1 {
			b.negative = &p.negative[i]
		}
		b.sums, b.terms = p.sums[n*i:][:n], &p.terms
	}
	return b
}

// maxBand bounds the memory for the coefficients of a progressive picture, in
// bytes, unless one row of MCUs has more.
const maxBand = 32 << 20

// beginBand makes room for the coefficients of the next rows of MCUs of the
// window: for a large one the file is read several times, each time for some of
// its rows.
func (d *Decoder) beginBand() {
	most := maxBand
	if d.band > 0 {
		most = d.band
	}
	rows := most / max(1, d.bandRow(d.wanted.Dx(), d.image.Scale))
	from := max(d.done, d.wanted.Min.Y)
	to := min(from+max(1, rows), d.wanted.Max.Y)
	for i := range d.components {
		p := &d.planes[i]
		p.band = p.blocks
		p.band.Min.Y, p.band.Max.Y = from*p.v, to*p.v
		p.nonzero = grow(p.nonzero, d.blocksOf(p.component))
		n := p.nx * p.ny
		p.negative = grow(p.negative, p.band.Dx()*p.band.Dy()*min(n-1, 1))
		p.sums = grow(p.sums, p.band.Dx()*p.band.Dy()*n)
		clear(p.nonzero)
		clear(p.negative)
		clear(p.sums)
	}
	d.done = to
}

// transform makes the pixels of a band of a progressive picture.
func (d *Decoder) transform() {
	var coefficients coefficients
	for i := range d.components {
		p := &d.planes[i]
		sums := p.sums
		for y := p.band.Min.Y; y < p.band.Max.Y; y++ {
			for x := p.band.Min.X; x < p.band.Max.X; x++ {
				sums = sums[copy(coefficients[:p.nx*p.ny], sums):]
				p.put(x-p.blocks.Min.X, y-p.blocks.Min.Y, &coefficients)
			}
		}
	}
}

package jpegfile

import (
	"bytes"
	"image"
	"io"
)

// A Decoder decodes one file after another, with the same memory. It must not
// be used by several goroutines at a time.
type Decoder struct {
	frame
	data    []byte
	in      segments // of data
	window  image.Rectangle
	image   Image
	planes  [4]plane
	wanted  image.Rectangle // the MCUs of the window, in MCUs of all components
	done    int             // of a progressive picture: rows of MCUs that have their pixels, or get them
	band    int             // in place of maxBand, for tests
	quant   [4]quantTable
	huffman [2][4]*huffman // for DC and AC
	defined [2][4]bool     // those of huffman that this file has
	coded   [4]bool        // the components of which there was a scan
	blocks  []block        // of an MCU of the scan
	// entropy is the coded data without stuffing: of the last interval, or
	// of all of them, if again is true. Each has room after it to read
	// ahead.
	entropy []byte
	start   int // where the last interval begins

	// Where a picture is a single scan of whole rows, as nearly all are,
	// its rows are written down, so that another window of the same file
	// need not read what is above it.
	again bool
	rows  []rowStart
	last  []byte // a copy of that file; empty: there is none
}

// maxRemembered is how many bytes a file may have that is kept for the case that
// it comes again.
const maxRemembered = 4 << 20

// maxScans is more than any writer makes, and few enough that a small file of
// a large picture does not take minutes.
const maxScans = 1000

// Check reads a whole file and says whether its coded data is whole, as Decode
// does, without making pixels of it.
func Check(data []byte) error {
	_, err := new(Decoder).Decode(data, image.Rectangle{}, 1)
	return err
}

// Decode reads a whole file and decodes a window of its picture, given in
// pixels of the file, to a scale of 1, 2, 4 or 8. The part of the window
// outside the picture counts for nothing. The window of the result is rounded
// outwards to whole pixels of that scale, each the mean of scale by scale
// pixels of the file.
//
// Whatever the window and the scale, all coded data must be whole: each scan
// has the blocks that it must have, and nothing after them. Bytes after the
// end-of-image marker, which phones add, do no harm. An error is an
// UnsupportedError, ErrDamaged or io.ErrUnexpectedEOF. It panics for another
// scale.
//
// It allocates what Header.Memory says: whoever calls it has bounded that.
func (d *Decoder) Decode(data []byte, window image.Rectangle, scale int) (*Image, error) {
	switch scale {
	case 1, 2, 4, 8:
	default:
		panic("jpegfile: a scale that is not 1, 2, 4 or 8")
	}
	d.window = window
	d.image = Image{Scale: scale}
	if d.Knows(data) {
		d.allocate()
		d.reread()
		return &d.image, nil
	}
	d.done = 0
	for more := true; more; more = d.progressive() && d.done < d.wanted.Max.Y {
		d.reset(data)
		err := d.decode()
		d.data, d.in = nil, segments{}
		if err != nil {
			return nil, err
		}
	}
	return &d.image, nil
}

// reset forgets the last file.
func (d *Decoder) reset(data []byte) {
	d.frame = frame{components: d.components[:0], current: d.current}
	d.data = data
	d.in = segments{size: int64(len(data)), window: data} // all of it
	d.defined, d.coded = [2][4]bool{}, [4]bool{}
	for i := range d.quant {
		d.quant[i].there = false
	}
	d.again, d.last, d.rows = false, d.last[:0], d.rows[:0]
}

// Knows says whether a window of the file would be read faster than that of
// another file, because it is the last one that was decoded.
func (d *Decoder) Knows(data []byte) bool { return len(d.last) > 0 && bytes.Equal(d.last, data) }

// Held returns about how many bytes of memory the Decoder holds.
func (d *Decoder) Held() int {
	n := cap(d.entropy) + cap(d.last)
	for i := range d.planes {
		p := &d.planes[i]
		n += cap(p.pix) + 8*cap(p.nonzero) + 8*cap(p.negative) + 4*cap(p.sums)
	}
	return n
}

func (d *Decoder) decode() error {
	for scans := 0; ; {
		g, err := d.in.read()
		if err != nil {
			return err
		}
		if scans > 0 && g.stray > 0 {
			// Before the first scan some writers get a length
			// wrong; that takes nothing from the picture if its
			// tables are there.
			return damagef("%d bytes of no segment before the marker %#02x", g.stray, g.marker)
		}
		if scans > 0 && g.marker == markerEOI {
			return d.complete()
		}
		d.again = false // only if nothing comes after the first scan
		s, err := d.take(&d.in, g)
		switch {
		case err != nil:
			return err
		case g.marker == markerDQT || g.marker == markerDHT:
			err = d.tables(g)
		case s != nil:
			if scans++; scans > maxScans {
				return damagef("more than %d scans", maxScans)
			}
			d.again = scans == 1 && !d.progressive() && len(s.components) == len(d.components)
			if scans == 1 {
				d.allocate()
			}
			err = d.scan(s)
		}
		if err != nil {
			return err
		}
	}
}

// complete ends a picture, or returns an error if a component was not coded.
// Not every bit of its coefficients has to be there.
func (d *Decoder) complete() error {
	for i, o := range d.components {
		if !d.coded[i] {
			return damagef("no scan of component %d", o.id)
		}
	}
	if d.progressive() {
		d.transform()
	}
	if d.again = d.again && len(d.data) <= maxRemembered; d.again {
		d.last = append(d.last, d.data...)
	}
	return nil
}

// allocate makes room for the window's pixels.
func (d *Decoder) allocate() {
	m := &d.image
	m.Width, m.Height = d.width, d.height
	m.colours = d.colours()
	m.planes = d.planes[:len(d.components)]
	m.rect, d.wanted = image.Rectangle{}, d.wantedOf(d.window)
	if w := d.window.Intersect(image.Rect(0, 0, d.width, d.height)); !w.Empty() {
		m.rect = outwards(w, m.Scale, m.Scale)
	}
	for i, c := range d.components {
		p := &d.planes[i]
		p.component = c
		p.nx, p.ny = d.transformOf(c, m.Scale)
		p.columns = mappingOf(p.nx, c.h, d.hMax, m.Scale, d.width)
		p.rows = mappingOf(p.ny, c.v, d.vMax, m.Scale, d.height)
		p.blocks = image.Rect(d.wanted.Min.X*c.h, d.wanted.Min.Y*c.v, d.wanted.Max.X*c.h, d.wanted.Max.Y*c.v)
		p.stride = p.blocks.Dx() * p.nx
		p.pix = grow(p.pix, p.stride*p.blocks.Dy()*p.ny)
		p.latched = false
	}
	if d.progressive() {
		d.beginBand()
	}
}

// outwards returns r in units of w by h.
func outwards(r image.Rectangle, w, h int) image.Rectangle {
	return image.Rect(r.Min.X/w, r.Min.Y/h, ceil(r.Max.X, w), ceil(r.Max.Y, h))
}

// points returns how many points the transform of a component has on an axis,
// given its sampling factor and the largest one: at least as many as give a
// sample for each pixel at that scale, if there are.
func points(factor, largest, scale int) int {
	n := 1
	for n < 8 && n*factor*scale < 8*largest {
		n *= 2
	}
	return n
}

// mappingOf returns the mapping to the samples of a component on an axis of
// that size, with transforms of n points.
func mappingOf(n, factor, largest, scale, size int) mapping {
	m := mapping{num: scale * factor * n, den: 16 * largest}
	for _, k := range []int{2, 3} {
		for m.num%k == 0 && m.den%k == 0 {
			m.num /= k
			m.den /= k
		}
	}
	m.last = (ceil(size*factor, largest) - 1) * n / 8
	return m
}

// scan reads the data of a scan, which comes next.
func (d *Decoder) scan(s *scan) error {
	if err := d.supported(); err != nil {
		return err
	}
	if err := d.required(s); err != nil {
		return err
	}
	d.prepare(s)
	total := s.across * s.down
	d.again = d.again && d.restart%s.across == 0
	d.entropy = d.entropy[:0]
	for done, interval := 0, 0; ; interval++ {
		n := total - done
		if d.restart > 0 {
			n = min(n, d.restart)
		}
		if err := d.unstuff(); err != nil {
			return err
		}
		read := d.sequential
		if d.progressive() {
			read = d.refine
		}
		if err := read(s, done, n); err != nil {
			return err
		}
		if done += n; done == total {
			return nil
		}
		g, err := d.in.read()
		if err != nil {
			return err
		}
		if want := markerRST0 + byte(interval%8); g.marker != want {
			return damagef("the marker %#02x where %#02x is due", g.marker, want)
		}
	}
}

// required returns an error if a table that a scan needs is missing.
func (d *Decoder) required(s *scan) error {
	for _, o := range s.components {
		tq := d.planes[o.index].tq
		if !d.quant[tq].there {
			return damagef("no quantization table %d", tq)
		}
		if s.ss == 0 && s.ah == 0 && !d.defined[0][o.td] {
			return damagef("no Huffman table %d for DC", o.td)
		}
		if s.se > 0 && !d.defined[1][o.ta] {
			return damagef("no Huffman table %d for AC", o.ta)
		}
		if s.ss == 0 {
			d.coded[o.index] = true
		}
	}
	return nil
}

// prepare makes the tables of a scan.
func (d *Decoder) prepare(s *scan) {
	for _, o := range s.components {
		p := &d.planes[o.index]
		if !p.latched {
			p.terms.set(p.nx, p.ny, &d.quant[p.tq].steps)
			p.latched = d.progressive()
		}
		if !d.progressive() {
			d.huffman[0][o.td].prepareDC()
			d.huffman[1][o.ta].prepareAC()
		}
	}
	d.layOut(s)
}

// layOut determines the MCUs of a scan (A.2). In a scan of one component each
// is one block.
func (d *Decoder) layOut(s *scan) {
	d.blocks = d.blocks[:0]
	if len(s.components) == 1 {
		o := s.components[0]
		p := &d.planes[o.index]
		s.across = ceil(ceil(d.width*p.h, d.hMax), 8)
		s.down = ceil(ceil(d.height*p.v, d.vMax), 8)
		s.wanted = p.blocks
		p.perMCU = image.Pt(1, 1)
		d.blocks = append(d.blocks, block{plane: p, index: o.index, dc: d.huffman[0][o.td], ac: d.huffman[1][o.ta]})
		return
	}
	s.across, s.down = ceil(d.width, 8*d.hMax), ceil(d.height, 8*d.vMax)
	s.wanted = d.wanted
	for _, o := range s.components {
		p := &d.planes[o.index]
		p.perMCU = image.Pt(p.h, p.v)
		for dy := range p.v {
			for dx := range p.h {
				d.blocks = append(d.blocks, block{p, o.index, dx, dy, d.huffman[0][o.td], d.huffman[1][o.ta]})
			}
		}
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// maxBlock is more than the bytes that a block's data takes: 64 codes of 16
// bits, each with 16 bits after it, and what is read ahead.
const maxBlock = 64*4 + 16

// unstuff puts the data up to the next marker into d.entropy, with room to read
// ahead: the next interval.
func (d *Decoder) unstuff() error {
	var padding [maxBlock]byte
	in := d.data[d.in.next:]
	if !d.again {
		d.entropy = d.entropy[:0]
	}
	d.start = len(d.entropy)
	most := d.start + len(in) + maxBlock
	if !d.again || d.restart == 0 { // else more of it follows
		most = d.start + endOfData(in) + maxBlock
	}
	if cap(d.entropy) < most {
		d.entropy = append(make([]byte, 0, most), d.entropy...)
	}
	for {
		n := bytes.IndexByte(in, 0xff)
		if n < 0 || n+1 == len(in) {
			return io.ErrUnexpectedEOF
		}
		if in[n+1] != 0 {
			d.entropy = append(append(d.entropy, in[:n]...), padding[:]...)
			d.in.next = int64(len(d.data) - len(in) + n)
			return nil
		}
		d.entropy = append(d.entropy, in[:n+1]...)
		in = in[n+2:]
	}
}

// endOfData returns where the data up to the next marker ends.
func endOfData(in []byte) int {
	at := 0
	for {
		n := bytes.IndexByte(in[at:], 0xff)
		if n < 0 || at+n+1 == len(in) {
			return len(in)
		}
		if at += n; in[at+1] != 0 {
			return at
		}
		at += 2
	}
}

// interval is the data of the last interval.
func (d *Decoder) interval() []byte { return d.entropy[d.start:] }

// used returns an error unless so many bits, which n MCUs took, are all the
// data of the interval.
func (d *Decoder) used(bits, n int) error {
	rest := d.interval()
	rest = rest[(bits+7)/8 : len(rest)-maxBlock]
	if len(rest) == 1 && rest[0] == 0xff {
		rest = nil // one bits to fill up a byte that was full: some writers do
	}
	if len(rest) > 0 {
		return damagef("%d bytes left over after the last of %d MCUs", len(rest), n)
	}
	return nil
}

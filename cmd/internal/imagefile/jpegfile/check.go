package jpegfile

import (
	"bytes"
	"io"
)

// A checker checks the scans of one file.
type checker struct {
	frame
	data   []byte
	in     segments // of data
	quant  [4]bool  // the quantization tables that are there
	dc, ac [4]*huffman
	coded  [4]bool // the components of which there was a scan
	// nonzero has, by component of a progressive picture, a word for each
	// block: bit k says that coefficient k is known not to be zero.
	nonzero [4][]uint64
	entropy []byte // the coded data of one interval, without stuffing
}

// maxScans is more than any writer makes, and few enough that a small file of
// a large picture does not take minutes.
const maxScans = 1000

// Check reads a whole file and says whether its coded data is whole: each scan
// has the blocks that it must have, and nothing after them. Bytes after the
// end-of-image marker, which phones add, do no harm. An error is an
// UnsupportedError, ErrDamaged or io.ErrUnexpectedEOF.
//
// It allocates 8 bytes for each block of a progressive picture: whoever calls
// it has bounded the number of pixels.
func Check(data []byte) error {
	c := &checker{data: data, in: segments{r: bytes.NewReader(data), size: int64(len(data))}}
	for scans := 0; ; {
		g, err := c.in.read()
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
			return c.complete()
		}
		s, err := c.take(&c.in, g)
		switch {
		case err != nil:
			return err
		case g.marker == markerDQT || g.marker == markerDHT:
			err = c.tables(g)
		case s != nil:
			if scans++; scans > maxScans {
				return damagef("more than %d scans", maxScans)
			}
			err = c.scan(s)
		}
		if err != nil {
			return err
		}
	}
}

// complete returns an error for a picture of which a component was not coded.
// Not every bit of its coefficients has to be there.
func (c *checker) complete() error {
	for i, o := range c.components {
		if !c.coded[i] {
			return damagef("no scan of component %d", o.id)
		}
	}
	return nil
}

// scan checks the data of a scan, which comes next.
func (c *checker) scan(s *scan) error {
	if err := c.supported(s); err != nil {
		return err
	}
	if err := c.prepare(s); err != nil {
		return err
	}
	total := c.units(s)
	for done, interval := 0, 0; ; interval++ {
		n := total - done
		if c.restart > 0 {
			n = min(n, c.restart)
		}
		if err := c.unstuff(); err != nil {
			return err
		}
		if err := c.interval(s, done, n); err != nil {
			return err
		}
		if done += n; done == total {
			return nil
		}
		g, err := c.in.read()
		if err != nil {
			return err
		}
		if want := markerRST0 + byte(interval%8); g.marker != want {
			return damagef("the marker %#02x where %#02x is due", g.marker, want)
		}
	}
}

// prepare returns an error if a table that the scan needs is missing.
func (c *checker) prepare(s *scan) error {
	for _, o := range s.components {
		if !c.quant[c.components[o.index].tq] {
			return damagef("no quantization table %d", c.components[o.index].tq)
		}
		if s.ss == 0 && s.ah == 0 && c.dc[o.td] == nil {
			return damagef("no Huffman table %d for DC", o.td)
		}
		if s.se > 0 && c.ac[o.ta] == nil {
			return damagef("no Huffman table %d for AC", o.ta)
		}
		if s.ss == 0 {
			c.coded[o.index] = true
		} else if c.nonzero[o.index] == nil {
			c.nonzero[o.index] = make([]uint64, c.units(s))
		}
	}
	return nil
}

// units returns how many MCUs a scan has (A.2); in a scan of one component
// each is one block.
func (c *checker) units(s *scan) int {
	if len(s.components) > 1 {
		return ceil(c.width, 8*c.hMax) * ceil(c.height, 8*c.vMax)
	}
	o := c.components[s.components[0].index]
	return ceil(ceil(c.width*o.h, c.hMax), 8) * ceil(ceil(c.height*o.v, c.vMax), 8)
}

func ceil(a, b int) int { return (a + b - 1) / b }

// unstuff puts the data up to the next marker into c.entropy, with room to read
// ahead.
func (c *checker) unstuff() error {
	var padding [maxBlock]byte
	in := c.data[c.in.next:]
	if c.entropy == nil {
		c.entropy = make([]byte, 0, len(in)+maxBlock)
	}
	c.entropy = c.entropy[:0]
	for {
		n := bytes.IndexByte(in, 0xff)
		if n < 0 || n+1 == len(in) {
			return io.ErrUnexpectedEOF
		}
		if in[n+1] != 0 {
			c.entropy = append(append(c.entropy, in[:n]...), padding[:]...)
			c.in.next = int64(len(c.data) - len(in) + n)
			return nil
		}
		c.entropy = append(c.entropy, in[:n+1]...)
		in = in[n+2:]
	}
}

// interval checks that c.entropy is the data of n MCUs, from number first on.
func (c *checker) interval(s *scan, first, n int) error {
	size := len(c.entropy) - maxBlock
	r := blockReader{data: c.entropy}
	alone := len(s.components) == 1
	for i := first; i < first+n; i++ {
		for _, o := range s.components {
			blocks := 1
			if !alone {
				blocks = c.components[o.index].h * c.components[o.index].v
			}
			for range blocks {
				switch {
				case !c.progressive():
					r.dcFirst(c.dc[o.td])
					r.acAll(c.ac[o.ta])
				case s.ss == 0 && s.ah == 0:
					r.dcFirst(c.dc[o.td])
				case s.ss == 0:
					r.pos++
				case s.ah == 0:
					r.acFirst(c.ac[o.ta], s.ss, s.se, &c.nonzero[o.index][i])
				default:
					r.acRefine(c.ac[o.ta], s.ss, s.se, &c.nonzero[o.index][i])
				}
				if r.bad {
					return damagef("no code at byte %d of %d, in MCU %d of %d", r.pos/8, size, i-first, n)
				}
				if r.pos > 8*size {
					return damagef("%d bytes are the data of %d MCUs instead of %d", size, i-first, n)
				}
			}
		}
	}
	if r.run > 0 {
		return damagef("%d blocks more than there are", r.run)
	}
	rest := c.entropy[(r.pos+7)/8 : size]
	if len(rest) == 1 && rest[0] == 0xff {
		rest = nil // one bits to fill up a byte that was full: some writers do
	}
	if len(rest) > 0 {
		return damagef("%d bytes left over after the last of %d MCUs", len(rest), n)
	}
	return nil
}

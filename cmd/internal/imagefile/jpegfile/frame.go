package jpegfile

import (
	"fmt"
	"image"
	"slices"
)

// A component is one plane of a picture: luma, say.
type component struct {
	id   byte
	h, v int  // its blocks in an MCU across and down: the sampling factors
	tq   byte // its quantization table
}

// A frame is what the headers before a scan say of the picture.
type frame struct {
	marker        byte // SOFn; 0: there was none yet
	width, height int
	components    []component
	hMax, vMax    int
	adobe         bool // there is Adobe's APP14, which says what the components are
	adobeKind     byte // what it says; 0: no YCbCr
	jfif          bool // there is JFIF's APP0: three components are YCbCr
	huffman       bool // there is a Huffman table
	restart       int  // MCUs from one restart marker to the next; 0: there are none
	current       scan
}

// A scan is what the header of a scan says.
type scan struct {
	components []scanComponent
	ss, se     int // the first and last coefficient, in zigzag order
	ah, al     int // successive approximation: bit positions before and now

	across, down int             // its MCUs
	wanted       image.Rectangle // those of them that are in the window
}

type scanComponent struct {
	index  int // in the frame's components
	td, ta int // the Huffman tables for DC and AC
}

func (f *frame) progressive() bool { return f.marker == markerSOF2 }

// wantedOf returns the MCUs of a window, in MCUs of all components.
func (f *frame) wantedOf(window image.Rectangle) image.Rectangle {
	w := window.Intersect(image.Rect(0, 0, f.width, f.height))
	if w.Empty() {
		return image.Rectangle{}
	}
	return outwards(w, 8*f.hMax, 8*f.vMax)
}

// blocksAcross is how many blocks a row of a component has, with those that
// fill up MCUs.
func (f *frame) blocksAcross(c component) int { return c.h * ceil(f.width, 8*f.hMax) }

// blocksOf is how many blocks a component has.
func (f *frame) blocksOf(c component) int { return f.blocksAcross(c) * c.v * ceil(f.height, 8*f.vMax) }

// take reads a segment. It returns the scan that the segment begins, if it
// does. Tables are left to the Decoder.
func (f *frame) take(in *segments, g segment) (*scan, error) {
	var body []byte
	var err error
	switch m := g.marker; {
	case m < markerSOF0:
		return nil, damagef("the unknown marker %#02x", m)
	case m == markerSOI:
		if g.offset != 2 {
			return nil, damagef("a second beginning")
		}
	case m == markerEOI:
		return nil, damagef("no picture in it")
	case m == markerDHT:
		f.huffman = true
	case m >= markerSOF0 && m <= markerSOF2:
		if body, err = in.body(g); err == nil {
			f.marker, err = m, f.header(body)
		}
	case m == markerSOS:
		if body, err = in.body(g); err == nil {
			return f.scan(body)
		}
	case m == markerDRI:
		if body, err = in.body(g); err == nil && len(body) != 2 {
			err = damagef("a restart interval of %d bytes", len(body))
		} else if err == nil {
			f.restart = int(body[0])<<8 | int(body[1])
		}
	case m == markerAPP0:
		if body, err = in.bytes(g.offset, min(g.n, 5)); err == nil && string(body) == "JFIF\x00" {
			f.jfif = true
		}
	case m == markerAPP14:
		if body, err = in.bytes(g.offset, min(g.n, 12)); err == nil && len(body) == 12 && string(body[:5]) == "Adobe" {
			f.adobe, f.adobeKind = true, body[11]
		}
	default:
		if feature := featureOf(m); feature != "" {
			err = UnsupportedError(feature)
		}
	}
	return nil, err
}

// featureOf names what a marker stands for that the Decoder does not read.
func featureOf(marker byte) string {
	switch m := marker; {
	case m == 0xc3:
		return "lossless coding"
	case m >= 0xc5 && m <= 0xc7, m == markerDHP, m == markerEXP:
		return "hierarchical coding"
	case m >= 0xc9 && m <= 0xcf: // DAC too
		return "arithmetic coding"
	case m == markerDNL:
		return dnlFeature
	case m == markerJPG, m >= markerJPG0 && m <= markerJPG13:
		return fmt.Sprintf("the extension %#02x", m)
	}
	return ""
}

const dnlFeature = "its height after the first scan (DNL)"

// header reads a frame header (B.2.2).
func (f *frame) header(b []byte) error {
	if f.marker != 0 {
		return damagef("a second frame header")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) || b[5] == 0 {
		return damagef("a frame header of %d bytes", len(b))
	}
	f.height, f.width = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	for b := b[6:]; len(b) > 0; b = b[3:] {
		c := component{id: b[0], h: int(b[1] >> 4), v: int(b[1] & 15), tq: b[2]}
		if slices.ContainsFunc(f.components, func(o component) bool { return o.id == c.id }) {
			return damagef("two components %d", c.id)
		}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return damagef("component %d with factors %dx%d and table %d", c.id, c.h, c.v, c.tq)
		}
		f.components = append(f.components, c)
		f.hMax, f.vMax = max(f.hMax, c.h), max(f.vMax, c.v)
	}
	switch {
	case b[0] != 8:
		return UnsupportedError(fmt.Sprintf("%d bits a sample", b[0]))
	case f.width == 0:
		return damagef("a width of 0")
	case f.height == 0:
		return UnsupportedError(dnlFeature)
	}
	if n := len(f.components); n != 1 && n != 3 && n != 4 {
		return UnsupportedError(fmt.Sprintf("%d components", n))
	}
	return nil
}

// supported returns an error for a picture that the Decoder does not read.
func (f *frame) supported() error {
	if !f.huffman {
		return UnsupportedError("no Huffman tables of its own")
	}
	return nil
}

// colours returns how the components make colours, as libjpeg and image/jpeg
// decide it.
func (f *frame) colours() colours {
	c := f.components
	switch {
	case len(c) == 1:
		return grey
	case len(c) == 4 && f.adobe && f.adobeKind != 0:
		return ycck
	case len(c) == 4:
		return cmyk
	case f.jfif:
		return yCbCr
	case f.adobe && f.adobeKind == 0, c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B':
		return rgb
	}
	return yCbCr
}

// scan reads a scan header (B.2.3).
func (f *frame) scan(b []byte) (*scan, error) {
	if f.marker == 0 {
		return nil, damagef("a scan before the frame header")
	}
	if len(b) < 1 || b[0] < 1 || int(b[0]) > len(f.components) || len(b) != 4+2*int(b[0]) {
		return nil, damagef("a scan header of %d bytes", len(b))
	}
	s, units := &f.current, 0
	*s = scan{components: s.components[:0]}
	rest := b[1:]
	for range b[0] {
		c := scanComponent{td: int(rest[1] >> 4), ta: int(rest[1] & 15)}
		c.index = slices.IndexFunc(f.components, func(o component) bool { return o.id == rest[0] })
		again := func(o scanComponent) bool { return o.index == c.index }
		if c.index < 0 || c.td > 3 || c.ta > 3 || slices.ContainsFunc(s.components, again) {
			return nil, damagef("a scan of component %d", rest[0])
		}
		units += f.components[c.index].h * f.components[c.index].v
		s.components = append(s.components, c)
		rest = rest[2:]
	}
	if len(s.components) > 1 && units > 10 {
		return nil, damagef("%d blocks in an MCU", units)
	}
	if !f.progressive() {
		s.se = 63 // whatever the header says
		return s, nil
	}
	s.ss, s.se, s.ah, s.al = int(rest[0]), int(rest[1]), int(rest[2]>>4), int(rest[2]&15)
	switch {
	case s.se > 63 || s.ss > s.se || s.ss == 0 && s.se != 0 || s.ss > 0 && len(s.components) > 1:
		return nil, damagef("a scan of coefficients %d to %d", s.ss, s.se)
	case s.al > 13 || s.ah != 0 && s.ah != s.al+1:
		return nil, damagef("a scan of bits %d to %d", s.ah, s.al)
	}
	return s, nil
}

package jpegfile

import (
	"errors"
	"io"
)

// The markers that mean something here (T.81, table B.1).
const (
	markerTEM   = 0x01
	markerSOF0  = 0xc0 // baseline sequential
	markerSOF1  = 0xc1 // extended sequential
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDNL   = 0xdc // number of lines, after the first scan
	markerDRI   = 0xdd
	markerDHP   = 0xde // hierarchical
	markerEXP   = 0xdf // likewise
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
	markerAPP14 = 0xee
	markerJPG0  = 0xf0
	markerJPG13 = 0xfd
)

// windowSize is how many bytes are read at a time. The segments of a photo
// without EXIF fit.
const windowSize = 4 << 10

// segments reads the marker segments of a file one by one.
type segments struct {
	r      io.ReaderAt
	size   int64
	next   int64 // offset of the next marker
	window []byte
	start  int64 // of the window
}

// A segment is a marker and the n bytes from offset on that belong to it.
type segment struct {
	marker byte
	offset int64
	n      int
	stray  int64 // bytes before the marker that belong to no segment
}

// bytes returns n bytes at offset, until the next call. It returns
// io.ErrUnexpectedEOF if the file ends before.
func (s *segments) bytes(offset int64, n int) ([]byte, error) {
	if offset+int64(n) > s.size {
		return nil, io.ErrUnexpectedEOF
	}
	if at := offset - s.start; at >= 0 && at+int64(n) <= int64(len(s.window)) {
		return s.window[at:][:n], nil
	}
	want := int(min(int64(max(n, windowSize)), s.size-offset))
	if cap(s.window) < want {
		s.window = make([]byte, want)
	}
	read, err := s.r.ReadAt(s.window[:want], offset)
	s.window, s.start = s.window[:read], offset
	switch {
	case read >= n:
		return s.window[:n], nil
	case errors.Is(err, io.EOF): // the file shrank
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}

// read returns the next segment. A marker may have any number of fill bytes
// before it; other bytes between segments are counted as stray.
func (s *segments) read() (segment, error) {
	var g segment
	for filled := false; ; {
		b, err := s.bytes(s.next, 2)
		if err != nil {
			return g, err
		}
		switch {
		case s.next == 0 && (b[0] != 0xff || b[1] != markerSOI):
			return g, damagef("no beginning")
		case b[0] != 0xff:
			s.next++
			g.stray++
			continue
		case b[1] == 0xff: // a fill byte
			s.next++
			filled = true
			continue
		case b[1] == 0 && filled:
			return g, damagef("fill bytes without a marker")
		case b[1] == 0:
			s.next += 2
			g.stray += 2
			continue
		}
		g.marker = b[1]
		s.next += 2
		break
	}
	g.offset = s.next
	if g.marker == markerTEM || g.marker >= markerRST0 && g.marker <= markerEOI {
		return g, nil // no length follows
	}
	b, err := s.bytes(s.next, 2)
	if err != nil {
		return g, err
	}
	length := int(b[0])<<8 | int(b[1])
	if length < 2 {
		return g, damagef("a segment of %d bytes", length)
	}
	g.offset, g.n = s.next+2, length-2
	s.next += int64(length)
	return g, nil
}

// body returns the bytes of a segment, until the next call of bytes.
func (s *segments) body(g segment) ([]byte, error) { return s.bytes(g.offset, g.n) }

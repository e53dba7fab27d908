package jpegfile

import (
	"image"
	"io"
)

// A Header is what is known of a picture before its first scan.
type Header struct {
	Width, Height int   // in pixels
	Data          int64 // offset of the scan's data in the file
	frame         frame
}

// ReadHeader reads a file up to its first scan. An error is an
// UnsupportedError, ErrDamaged, io.ErrUnexpectedEOF for a file that ends
// before, or what reading gives.
func ReadHeader(r io.ReaderAt, size int64) (Header, error) {
	in, f := segments{r: r, size: size}, frame{}
	for {
		g, err := in.read()
		if err != nil {
			return Header{}, err
		}
		s, err := f.take(&in, g)
		if err != nil {
			return Header{}, err
		}
		if s != nil {
			return Header{f.width, f.height, in.next, f}, f.supported()
		}
	}
}

// Memory returns the most bytes that a Decoder allocates for a window at a
// scale, in addition to a file of size bytes: the file's data again, a byte for
// each sample, and for a progressive picture 4 bytes for each sample of the
// window, or of some of its rows, and a bit for each of the whole picture.
func (h *Header) Memory(size int64, window image.Rectangle, scale int) int64 {
	f := &h.frame
	wanted := f.wantedOf(window)
	n := size + min(size, maxRemembered)
	for _, c := range f.components {
		nx, ny := f.transformOf(c, scale)
		n += int64(wanted.Dx()*c.h*nx) * int64(wanted.Dy()*c.v*ny)
		if f.progressive() {
			n += 8 * int64(f.blocksOf(c))
		}
	}
	if f.progressive() {
		row := int64(f.bandRow(wanted.Dx(), scale))
		n += min(max(row, maxBand), int64(wanted.Dy())*row)
	}
	return n
}

// transformOf returns the points of the transform of a component.
func (f *frame) transformOf(c component, scale int) (nx, ny int) {
	return points(c.h, f.hMax, scale), points(c.v, f.vMax, scale)
}

// bandRow is how many bytes the coefficients of n MCUs of a progressive picture
// take.
func (f *frame) bandRow(n, scale int) int {
	bytes := 0
	for _, c := range f.components {
		nx, ny := f.transformOf(c, scale)
		block := 4 * nx * ny
		if block > 4 {
			block += 8 // the signs
		}
		bytes += n * c.h * c.v * block
	}
	return bytes
}

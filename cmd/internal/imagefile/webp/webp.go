// Package webp reads the still pictures of WebP files that need not be well
// meant, in the colours that libwebp gives them.
package webp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
	"golang.org/x/image/webp"
)

// ErrAnimated is returned for a file that has an animation and no still
// picture.
var ErrAnimated = errors.New("WebP with an animation")

// Is reports whether a file that begins so is a WebP.
func Is(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// A still is where a file's picture is.
type still struct {
	size  image.Point
	alpha chunk // of a lossy picture; no id if there is none
	frame chunk
}

// A Header is what is known of a picture without decoding it.
type Header struct {
	Width, Height int // in pixels
	// PixelBytes is about how many bytes of memory a pixel takes while it
	// is decoded.
	PixelBytes int
}

// ReadHeader reads the header of a picture. The error is io.ErrUnexpectedEOF for
// a file that is shorter than it says. That of golang.org/x/image believes a
// canvas that the picture does not fill, or the first of two; here all of them
// have to agree.
func ReadHeader(r io.ReaderAt, size int64) (Header, error) {
	s, err := find(r, size)
	h := Header{s.size.X, s.size.Y, 2} // a byte of luma and two quarters of chroma
	switch {
	case s.frame.id == "VP8L":
		h.PixelBytes = 8 // RGBA, and again where it is made from a palette
	case s.alpha.id != "":
		h.PixelBytes = 12 // that for the transparency, and RGBA
	}
	return h, err
}

// find finds the picture.
func find(r io.ReaderAt, size int64) (s still, err error) {
	in := chunks{r: r}
	if err := in.begin(size); err != nil {
		return s, err
	}
	var canvas image.Point // zero until there is one
	animated := false
	for {
		c, err := in.read()
		if errors.Is(err, io.EOF) && animated {
			return s, ErrAnimated
		}
		if errors.Is(err, io.EOF) {
			return s, errors.New("no picture in the WebP")
		}
		if err != nil {
			return s, err
		}
		switch c.id {
		case "VP8X":
			var b [10]byte // flags, width-1, height-1
			if err := in.fill(c, b[:]); err != nil {
				return s, err
			}
			size := image.Pt(1+(int(b[4])|int(b[5])<<8|int(b[6])<<16), 1+(int(b[7])|int(b[8])<<8|int(b[9])<<16))
			if canvas != (image.Point{}) && canvas != size {
				return s, fmt.Errorf("WebP with a canvas of %v pixels and one of %v", canvas, size)
			}
			canvas = size
		case "ANIM", "ANMF":
			animated = true
		case "ALPH":
			s.alpha = c
		case "VP8 ", "VP8L":
			s.frame = c
			if s.size, err = frameSize(&in, c); err != nil {
				return s, err
			}
			if canvas != (image.Point{}) && canvas != s.size {
				return s, fmt.Errorf("WebP with a picture of %v pixels on a canvas of %v", s.size, canvas)
			}
			return s, nil
		}
	}
}

// frameSize reads the header of a picture.
func frameSize(in *chunks, c chunk) (image.Point, error) {
	var b [10]byte
	if c.id == "VP8L" {
		if err := in.fill(c, b[:5]); err != nil {
			return image.Point{}, err
		}
		config, err := vp8l.DecodeConfig(bytes.NewReader(b[:5]))
		return image.Pt(config.Width, config.Height), err
	}
	if err := in.fill(c, b[:]); err != nil {
		return image.Point{}, err
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(b[:]), len(b))
	h, err := d.DecodeFrameHeader()
	if err == nil && !h.KeyFrame {
		err = errors.New("WebP with a picture that is the change of another")
	}
	return image.Pt(h.Width, h.Height), err
}

// Decode decodes a picture whose size the caller has looked at. The result is
// an *image.NRGBA, or an *Image where there is no transparency.
func Decode(data []byte) (image.Image, error) {
	s, err := find(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	img, err := webp.Decode(bytes.NewReader(s.file(data)))
	if err != nil {
		return nil, err
	}
	switch img := img.(type) {
	case *image.NRGBA:
		return img, nil
	case *image.YCbCr:
		return &Image{img}, nil
	case *image.NYCbCrA:
		return withAlpha(img), nil
	}
	return nil, fmt.Errorf("WebP decoded as %T", img)
}

// file returns a file of the picture alone: golang.org/x/image refuses what
// readers of WebP are to ignore, such as a flag for transparency without any.
func (s *still) file(data []byte) []byte {
	var b []byte
	add := func(c chunk, body []byte) {
		b = append(b, c.id...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
		b = append(b, body...)
		b = append(b, make([]byte, len(body)&1)...)
	}
	if s.frame.id == "VP8 " && s.alpha.id != "" {
		w, h := s.size.X-1, s.size.Y-1
		const alphaFlag = 1 << 4
		add(chunk{id: "VP8X"}, []byte{alphaFlag, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
		add(s.alpha, s.alpha.body(data))
	}
	add(s.frame, s.frame.body(data))
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(b)))
	return append(append(head, "WEBP"...), b...)
}

// EXIF returns the EXIF data of a whole file, or nil.
func EXIF(data []byte) []byte { return first(bodies(data, "EXIF")) }

// ICC returns the ICC profile of a whole file, or nil.
func ICC(data []byte) []byte { return first(bodies(data, "ICCP")) }

func first(all [][]byte) []byte {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// Metadata returns the EXIF data and the XMP packets of a whole file: parts of
// data, not copies.
func Metadata(data []byte) [][]byte { return bodies(data, "EXIF", "XMP ") }

// bodies returns those of the chunks that have one of the names.
func bodies(data []byte, names ...string) (all [][]byte) {
	in := chunks{r: bytes.NewReader(data)}
	if in.begin(int64(len(data))) != nil {
		return nil
	}
	for {
		c, err := in.read()
		if err != nil {
			return all
		}
		if slices.Contains(names, c.id) {
			all = append(all, c.body(data))
		}
	}
}

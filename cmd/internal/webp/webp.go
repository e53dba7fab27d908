// Package webp reads the still pictures of WebP files that need not be well
// meant.
package webp

import (
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/riff"
	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
	"golang.org/x/image/webp"
)

// Is reports whether a file that begins so is a WebP.
func Is(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// Decode decodes a picture that DecodeConfig has looked at.
func Decode(r io.Reader) (image.Image, error) { return webp.Decode(r) }

// DecodeConfig returns the size of a picture without decoding it. That of
// golang.org/x/image believes the first canvas, while its decoder makes room for
// a larger one, or a larger picture, that stands behind it. Here all of them have to
// agree, and there has to be a still picture.
func DecodeConfig(r io.Reader) (image.Config, error) {
	_, chunks, err := riff.NewReader(r)
	if err != nil {
		return image.Config{}, err
	}
	var canvas image.Point // zero until there is one
	for {
		id, size, data, err := chunks.Next()
		if errors.Is(err, io.EOF) {
			return image.Config{}, errors.New("webp: no still picture in it")
		}
		if err != nil {
			return image.Config{}, err
		}
		var frame image.Config
		switch string(id[:]) {
		case "VP8X":
			var b [10]byte // flags, width-1, height-1
			if _, err := io.ReadFull(data, b[:]); err != nil {
				return image.Config{}, err
			}
			c := image.Pt(1+(int(b[4])|int(b[5])<<8|int(b[6])<<16), 1+(int(b[7])|int(b[8])<<8|int(b[9])<<16))
			if canvas != (image.Point{}) && canvas != c {
				return image.Config{}, fmt.Errorf("webp: a canvas of %v pixels and one of %v", canvas, c)
			}
			canvas = c
			continue
		case "VP8 ":
			d := vp8.NewDecoder()
			d.Init(data, int(size))
			h, err := d.DecodeFrameHeader()
			if err != nil {
				return image.Config{}, err
			}
			frame.Width, frame.Height = h.Width, h.Height
		case "VP8L":
			if frame, err = vp8l.DecodeConfig(data); err != nil {
				return image.Config{}, err
			}
		default:
			continue
		}
		if size := image.Pt(frame.Width, frame.Height); canvas != (image.Point{}) && canvas != size {
			return image.Config{}, fmt.Errorf("webp: a picture of %v pixels on a canvas of %v", size, canvas)
		}
		return frame, nil
	}
}

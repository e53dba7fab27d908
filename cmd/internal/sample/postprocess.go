package sample

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// blur blurs with the kernel 1-2-1 in both directions, once: a lens, and the
// end of jagged edges.
func (p *pixels) blur() {
	stride := 3 * p.w
	row := make([]uint8, stride)
	above := make([]uint16, stride)
	here := make([]uint16, stride)
	below := make([]uint16, stride)
	across := func(dst []uint16, y int) {
		src := p.rgb[min(y, p.h-1)*stride:][:stride]
		for c := range 3 {
			dst[c] = 3*uint16(src[c]) + uint16(src[c+3])
			dst[stride-3+c] = 3*uint16(src[stride-3+c]) + uint16(src[stride-6+c])
		}
		for i := 3; i < stride-3; i++ {
			dst[i] = uint16(src[i-3]) + 2*uint16(src[i]) + uint16(src[i+3])
		}
	}
	across(here, 0)
	copy(above, here)
	for y := range p.h {
		across(below, y+1)
		for i := range row {
			row[i] = uint8((above[i] + 2*here[i] + below[i] + 8) >> 4)
		}
		copy(p.rgb[y*stride:], row)
		above, here, below = here, below, above
	}
}

// addNoise adds sensor noise of about the given strength, in 8-bit steps.
func (p *pixels) addNoise(seed uint64, strength int) {
	for i := 0; i < len(p.rgb); i += 3 {
		h := rng.Mix(seed + uint64(i))
		all := int(h&255) + int(h>>8&255) - 255
		for c := range 3 {
			one := int(h>>(16+8*c)&255) - 128
			v := int(p.rgb[i+c]) + (2*all+one)*strength>>9
			p.rgb[i+c] = uint8(max(0, min(255, v)))
		}
	}
}

// rotated is the picture rotated clockwise by a multiple of 90 degrees.
func (p *pixels) rotated(degrees int) *pixels {
	if degrees == 0 {
		return p
	}
	out := &pixels{p.w, p.h, make([]uint8, len(p.rgb))}
	if degrees != 180 {
		out.w, out.h = p.h, p.w
	}
	for y := range p.h {
		for x := range p.w {
			u, v := rotatePixel(degrees, x, y, p.w, p.h)
			copy(out.rgb[3*(v*out.w+u):], p.rgb[3*(y*p.w+x):][:3])
		}
	}
	return out
}

// rotatePixel is where pixel x, y of a w by h picture lies once the picture is
// rotated clockwise.
func rotatePixel(degrees, x, y, w, h int) (u, v int) {
	switch degrees {
	case 90:
		return h - 1 - y, x
	case 180:
		return w - 1 - x, h - 1 - y
	case 270:
		return y, w - 1 - x
	}
	return x, y
}

// jpeg encodes the picture.
func (p *pixels) jpeg(quality int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	for i, o := 0, 0; i < len(p.rgb); i, o = i+3, o+4 {
		img.Pix[o], img.Pix[o+1], img.Pix[o+2], img.Pix[o+3] = p.rgb[i], p.rgb[i+1], p.rgb[i+2], 255
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode a drawing: %w", err)
	}
	return out.Bytes(), nil
}

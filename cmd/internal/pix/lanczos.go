//go:build !js

package pix

import (
	"image"

	"github.com/disintegration/imaging"
)

// lanczos is resize with that filter.
func (p *Picture) lanczos(x, y, w, h, outW, outH int) []byte {
	pixels := p.RGB(x, y, w, h)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		copy(img.Pix[4*i:], pixels[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	resized := imaging.Resize(img, outW, outH, imaging.Lanczos)
	out := make([]byte, 0, 3*outW*outH)
	for i := range outW * outH {
		out = append(out, resized.Pix[4*i:4*i+3]...)
	}
	return out
}

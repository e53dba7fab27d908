//go:build !js

package pix

import (
	"image"

	"github.com/disintegration/imaging"
)

// lanczos is resize with that filter.
func (p *Picture) lanczos(x, y, w, h, outW, outH int) []byte {
	p.check(x, y, w, h)
	if p.scale != 1 {
		panic("pix: Lanczos of a reduced picture")
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	p.fill(img, x, y)
	resized := imaging.Resize(img, outW, outH, imaging.Lanczos)
	out := make([]byte, 0, 3*outW*outH)
	for i := range outW * outH {
		out = append(out, resized.Pix[4*i:4*i+3]...)
	}
	return out
}

package pix

import (
	"image"
	"image/png"
	"io"
)

// EncodePNG writes width*height*3 bytes, RGB row by row, as a PNG picture. It
// panics if there are fewer.
func EncodePNG(w io.Writer, pix []byte, width, height int) error {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(img.Pix[4*i:], pix[3*i:][:3])
		img.Pix[4*i+3] = 255
	}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(w, img)
}

package webp

import "image"

// rgb returns a lossy picture in RGB, as libwebp does, to the bit. Its YCbCr is
// that of BT.601 in the limited range of video, 16 to 235 and 16 to 240, where
// image.YCbCr means JPEG's, 0 to 255. Chroma between two samples is weighted by
// its distance from them. alpha may be nil.
func rgb(img *image.YCbCr, alpha []byte, stride int) *image.NRGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	cb, cr := make([]byte, w), make([]byte, w)
	last := (h - 1) / 2
	for y := range h {
		// A row lies between the chroma rows next to it, a quarter from
		// one.
		near := y / 2
		far := max(0, min(near-1+2*(y&1), last))
		near *= img.CStride
		far *= img.CStride
		upsample(cb, img.Cb[near:], img.Cb[far:])
		upsample(cr, img.Cr[near:], img.Cr[far:])
		luma, row := img.Y[y*img.YStride:], out.Pix[y*out.Stride:]
		for x := range w {
			p := row[4*x:][:4]
			p[0], p[1], p[2] = convert(int(luma[x]), int(cb[x]), int(cr[x]))
			p[3] = 255
			if alpha != nil {
				p[3] = alpha[y*stride+x]
			}
		}
	}
	return out
}

// upsample makes a row of len(dst) chroma samples out of half as many, from the
// row that is near and the one that is far: 9, 3, 3 and 1 sixteenths of the
// four samples around each, rounded twice, and at the ends 3 and 1 quarters of
// two.
func upsample(dst, near, far []byte) {
	w := len(dst)
	n0, f0 := int(near[0]), int(far[0])
	dst[0] = byte((3*n0 + f0 + 2) >> 2)
	for i := 1; 2*i-1 < w; i++ {
		if 2*i == w {
			dst[w-1] = byte((3*n0 + f0 + 2) >> 2)
			return
		}
		n1, f1 := int(near[i]), int(far[i])
		sum := n0 + n1 + f0 + f1 + 8
		dst[2*i-1] = byte(((sum+2*(n1+f0))>>3 + n0) >> 1)
		dst[2*i] = byte(((sum+2*(n0+f1))>>3 + n1) >> 1)
		n0, f0 = n1, f1
	}
}

// convert is libwebp's conversion: factors in 1/16384 of a 64th.
func convert(y, cb, cr int) (r, g, b byte) {
	y = y * 19077 >> 8
	r = clamp(y + cr*26149>>8 - 14234)
	g = clamp(y - cb*6419>>8 - cr*13320>>8 + 8708)
	b = clamp(y + cb*33050>>8 - 17685)
	return r, g, b
}

// clamp brings a number of 64ths within a byte.
func clamp(v int) byte { return byte(max(0, min(v>>6, 255))) }

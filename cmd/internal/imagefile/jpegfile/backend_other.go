//go:build !amd64 || noasm

package jpegfile

// inverse8x8 transforms a whole block and clears it.
func inverse8x8(b *coefficients, dst []byte, stride int) { inverse8x8Go(b, dst, stride) }

// yCbCrToRGB is color.YCbCrToRGB over a row.
func yCbCrToRGB(dst, y, cb, cr []byte) { yCbCrToRGBGo(dst, y, cb, cr) }

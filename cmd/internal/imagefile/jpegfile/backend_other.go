//go:build !amd64 || noasm

package jpegfile

// inverse8x8 transforms a whole block and clears it.
func inverse8x8(b *coefficients, dst []byte, stride int) { inverse8x8Go(b, dst, stride) }

// inverse4x4 transforms a block of 4 by 4 points and clears it.
func inverse4x4(b *coefficients, dst []byte, stride int) { inverse(b, 4, 4, dst, stride) }

// yCbCrToRGB is color.YCbCrToRGB over a row.
func yCbCrToRGB(dst, y, cb, cr []byte) { yCbCrToRGBGo(dst, y, cb, cr) }

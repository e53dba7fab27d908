//go:build amd64 && !noasm

package jpegfile

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../tools/avo ./jpegfile -out ../../imagefile/jpegfile/kernels_amd64.s -stubs ../../imagefile/jpegfile/kernels_amd64.go -pkg jpegfile

// inverse8x8 transforms a whole block and clears it.
func inverse8x8(b *coefficients, dst []byte, stride int) {
	if cpu.X86.HasAVX2 {
		_ = dst[7*stride+7]
		inverse8x8AVX2((*[128]int32)(b), dst, stride)
		return
	}
	inverse8x8Go(b, dst, stride)
}

// inverse4x4 transforms a block of 4 by 4 points and clears it.
func inverse4x4(b *coefficients, dst []byte, stride int) {
	if cpu.X86.HasAVX2 {
		_ = dst[3*stride+3]
		b[0] += level
		inverse4x4AVX2((*[128]int32)(b), dst, stride)
		return
	}
	inverse(b, 4, 4, dst, stride)
}

// yCbCrToRGB is color.YCbCrToRGB over a row.
func yCbCrToRGB(dst, y, cb, cr []byte) {
	n := 0
	if cpu.X86.HasAVX2 {
		// The kernel writes into the next two pixels.
		if n = (len(y) - 2) &^ 7; n > 0 {
			_, _, _ = dst[3*n+3], cb[n-1], cr[n-1]
			yCbCrToRGBAVX2(dst, y, cb, cr, n)
		}
		n = max(n, 0)
	}
	yCbCrToRGBGo(dst[3*n:], y[n:], cb[n:], cr[n:])
}

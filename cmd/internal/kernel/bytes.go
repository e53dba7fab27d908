package kernel

// bytePattern is the number of values after which the channels of a vector
// repeat, for 1 or 3 channels and vectors of 8 or 16.
const bytePattern = 48

// ScaleBytes sets dst to src*factor + offset, as the first step of a network
// that takes bytes: dst and src are [pixels][channels], factor and offset hold
// a number for each channel. The product is rounded before the sum; all
// backends give the same bits.
func ScaleBytes(ws *Workers, dst []float32, src []uint8, factor, offset []float32) {
	mustLen("src", src, len(dst))
	mustLen("offset", offset, len(factor))
	channels := len(factor)
	if channels == 0 || len(dst)%channels != 0 {
		panic("kernel: pixels of incomplete channels")
	}
	j := &ws.bytes
	*j = bytesJob{dst: dst, src: src, channels: channels}
	j.factor = grow(&ws.packed, 2*bytePattern*channels)
	j.offset = j.factor[bytePattern*channels:]
	j.factor = j.factor[:bytePattern*channels]
	for i := range j.factor {
		j.factor[i], j.offset[i] = factor[i%channels], offset[i%channels]
	}
	j.span = bytePattern * channels * max(1, elementChunk/(bytePattern*channels))
	ws.run((len(dst)+j.span-1)/j.span, j)
}

// bytesJob scales a span of values, which begins with a first channel. factor
// and offset are repeated to whole patterns.
type bytesJob struct {
	dst            []float32
	src            []uint8
	factor, offset []float32
	channels, span int
}

func (j *bytesJob) task(i int, ws *Workers, _ *worker) {
	from, to := i*j.span, min((i+1)*j.span, len(j.dst))
	if bytePattern%j.channels == 0 {
		ws.backend.scaleBytes(j.dst[from:to], j.src[from:to], j.factor[:bytePattern], j.offset[:bytePattern])
		return
	}
	scaleBytesRef(j.dst[from:to], j.src[from:to], j.factor, j.offset)
}

// scaleBytesRef sets dst to src*factor + offset, which repeat.
func scaleBytesRef(dst []float32, src []uint8, factor, offset []float32) {
	offset = offset[:len(factor)]
	for len(dst) > 0 {
		n := min(len(dst), len(factor))
		d, s := dst[:n], src[:n]
		for i, v := range s {
			d[i] = float32(float32(v)*factor[i]) + offset[i]
		}
		dst, src = dst[n:], src[n:]
	}
}

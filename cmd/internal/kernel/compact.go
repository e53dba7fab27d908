package kernel

// The gradient of a pooled convolution is zero except at the largest value of
// each pooling window, and there too if that was not positive (idx 4). The
// functions of this file compact it: what is not zero becomes the entries of
// sparse rows.

// compactWindowsRef makes a sparse row for each pixel of two rows of the
// convolution's output, from one row of pooling windows. dy and idx are
// [windows][channels]. The entry (dy, c*wStep) of channel c of window q goes to
// sparse row 2q+i, of the upper pixels, if idx is i, and to 2*windows+2q+i, of
// the lower pixels, if idx is 2+i. counts has 4*windows elements and is
// overwritten; capacity must be at least channels rounded up to 8, plus 8,
// since vals and offs beyond the counts may be written.
func compactWindowsRef(s sparseRows, dy []float32, idx []uint8, channels, windows, wStep int) {
	clear(s.counts)
	for q := range windows {
		dy, idx := dy[q*channels:][:channels], idx[q*channels:][:channels]
		for c, v := range dy {
			i := int(idx[c])
			if i > 3 || v == 0 {
				continue
			}
			l := (i>>1)*2*windows + 2*q + i&1
			at := l*s.capacity + int(s.counts[l])
			s.vals[at], s.offs[at] = v, int32(c*wStep)
			s.counts[l]++
		}
	}
}

// compactChannelsRef appends to the sparse row of each channel, one for each
// element of counts, from a row of pooling windows. Of channel l, window q < n
// has dy and idx at l+q*stride; its entry is (dy, base + q*step + delta[idx]).
// vals and offs may be written one element beyond the counts.
func compactChannelsRef(s sparseRows, dy []float32, idx []uint8, stride, n, base, step int, delta *[8]int32) {
	for l := range s.counts {
		k := int(s.counts[l])
		vals, offs := s.vals[l*s.capacity:][:s.capacity], s.offs[l*s.capacity:][:s.capacity]
		at, from := l, base
		for range n {
			v, i := dy[at], idx[at]
			if i < 4 && v != 0 {
				vals[k], offs[k] = v, int32(from)+delta[i]
				k++
			}
			at += stride
			from += step
		}
		s.counts[l] = int32(k)
	}
}

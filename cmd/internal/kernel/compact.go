package kernel

// compactWindowsRef sorts the gradients of one row of pooling windows into
// lists by position in the convolution's output. dy and idx are
// [windows][channels]. The entry (dy, c*wStep) of channel c of window q goes to
// list 2q+dx of the upper row of windows if idx is dx, and to list
// 2*windows+2q+dx if idx is 2+dx. Closed windows (idx 4) and zeros go nowhere.
// counts has 4*windows elements and is overwritten; capacity must be at least
// channels rounded up to 8, plus 8, since vals and offs beyond the counts may
// be written.
func compactWindowsRef(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, channels, windows, wStep int) {
	clear(counts)
	for q := range windows {
		dy, idx := dy[q*channels:][:channels], idx[q*channels:][:channels]
		for c, v := range dy {
			i := int(idx[c])
			if i > 3 || v == 0 {
				continue
			}
			l := (i>>1)*2*windows + 2*q + i&1
			at := l*capacity + int(counts[l])
			vals[at], offs[at] = v, int32(c*wStep)
			counts[l]++
		}
	}
}

// compactChannelsRef appends gradients to lists, one for each element of
// counts. Of list l, candidate q < n is dy and idx at l*listStride+q*stride;
// its entry is (dy, base + q*step + delta[idx]). Closed windows (idx 4) and
// zeros are left out. vals and offs may be written one element beyond the
// counts.
func compactChannelsRef(vals []float32, offs, counts []int32, capacity int, dy []float32, idx []uint8, listStride, stride, n, base, step int, delta *[8]int32) {
	for l := range counts {
		k := int(counts[l])
		vals, offs := vals[l*capacity:][:capacity], offs[l*capacity:][:capacity]
		at, from := l*listStride, base
		for range n {
			v, i := dy[at], idx[at]
			if i < 4 && v != 0 {
				vals[k], offs[k] = v, int32(from)+delta[i]
				k++
			}
			at += stride
			from += step
		}
		counts[l] = int32(k)
	}
}

package pngfile

import "fmt"

// unfilter restores a row's bytes from those that its filter has made, given
// the row above it and the bytes from a pixel to the next (ISO/IEC 15948, 9).
func unfilter(filter byte, row, above []byte, step int) error {
	above = above[:len(row)]
	switch filter {
	case 0:
	case 1:
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i := range step {
			row[i] += above[i] / 2
		}
		for i := step; i < len(row); i++ {
			row[i] += byte((int(row[i-step]) + int(above[i])) / 2)
		}
	case 4:
		if step == 3 {
			paeth3(row, above)
			return nil
		}
		for i := range step {
			row[i] += above[i]
		}
		for i := step; i < len(row); i++ {
			row[i] += byte(paeth(int(row[i-step]), int(above[i]), int(above[i-step])))
		}
	default:
		return fmt.Errorf("PNG with a row of the filter %d", filter)
	}
	return nil
}

// paeth returns which of the values to the left, above and above to the left is
// nearest to left + above - corner.
func paeth(left, above, corner int) int {
	pa, pb := above-corner, left-corner
	pc := pa + pb
	pa, pb, pc = max(pa, -pa), max(pb, -pb), max(pc, -pc)
	if pb < pa {
		pa, left = pb, above
	}
	if pc < pa {
		left = corner
	}
	return left
}

// paeth3 undoes the last filter for RGB of 8 bits, which nearly all photos are.
func paeth3(row, above []byte) {
	var r, g, b, r1, g1, b1 int // to the left, and above to it
	for len(row) >= 3 && len(above) >= 3 {
		r2, g2, b2 := int(above[0]), int(above[1]), int(above[2])
		r = (paeth(r, r2, r1) + int(row[0])) & 255
		g = (paeth(g, g2, g1) + int(row[1])) & 255
		b = (paeth(b, b2, b1) + int(row[2])) & 255
		row[0], row[1], row[2] = byte(r), byte(g), byte(b)
		r1, g1, b1 = r2, g2, b2
		row, above = row[3:], above[3:]
	}
}

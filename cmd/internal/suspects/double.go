package suspects

import "github.com/opensandwich/oi/record"

// sameObject is the overlap above which two boxes are of one object.
const sameObject = 0.7

// SameObject reports whether two boxes of one photo are of one object: whether
// what they have in common is more than 0.7 of what they cover together. Either
// may be nil, which is no box.
func SameObject(a, b *record.Box) bool {
	if a == nil || b == nil {
		return false
	}
	width := min(a.XMax, b.XMax) - max(a.XMin, b.XMin)
	height := min(a.YMax, b.YMax) - max(a.YMin, b.YMin)
	if !(width > 0 && height > 0) {
		return false
	}
	common := width * height
	area := func(b *record.Box) float64 { return (b.XMax - b.XMin) * (b.YMax - b.YMin) }
	return common > sameObject*(area(a)+area(b)-common)
}

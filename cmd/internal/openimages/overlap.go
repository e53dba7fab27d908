package openimages

import (
	"math"

	"github.com/opensandwich/oi/record"
)

// MinOverlap is the share of their union than which two boxes on one object of a
// photo meet in more.
const MinOverlap = 0.7

// OneObject reports whether two boxes meet in more than MinOverlap of their
// union. Coordinates are decimals, and 0.8 - 0.1 is to be 0.7: near the limit
// the areas are compared as integers. Either may be nil, which is no box.
func OneObject(a, b *record.Box) bool {
	if a == nil || b == nil {
		return false
	}
	const near = 1e-4
	if v := IoU(a, b); math.Abs(v-MinOverlap) > near {
		return v > MinOverlap
	}
	const scale = 1e8 // the lists have six decimals, or eight; areas are below 1e16
	whole := func(v float64) int64 { return int64(math.Round(v * scale)) }
	area := func(b *record.Box) int64 {
		return (whole(b.XMax) - whole(b.XMin)) * (whole(b.YMax) - whole(b.YMin))
	}
	both := (whole(min(a.XMax, b.XMax)) - whole(max(a.XMin, b.XMin))) *
		(whole(min(a.YMax, b.YMax)) - whole(max(a.YMin, b.YMin)))
	return 10*both > 7*(area(a)+area(b)-both)
}

// IoU is the area in which two boxes meet, divided by that of their union
// (intersection over union).
func IoU(a, b *record.Box) float64 {
	width := min(a.XMax, b.XMax) - max(a.XMin, b.XMin)
	height := min(a.YMax, b.YMax) - max(a.YMin, b.YMin)
	if width <= 0 || height <= 0 {
		return 0
	}
	both := width * height
	union := (a.XMax-a.XMin)*(a.YMax-a.YMin) + (b.XMax-b.XMin)*(b.YMax-b.YMin) - both
	return both / union
}

package oitest

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
)

// ReadFloats reads a file of little-endian float32.
func ReadFloats(t testing.TB, path string) []float32 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]float32, len(data)/4)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return list
}

// RelativeDifference is the largest difference between two lists of the same
// length, divided by the largest number wanted; infinity where one is no number.
func RelativeDifference(t testing.TB, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers where %d were expected", len(got), len(want))
	}
	var off, most float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		off = max(off, d)
		most = max(most, math.Abs(float64(w)))
	}
	return off / most
}

package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Memory is a number of bytes as people write it: 300M, 1GiB, 0. It is a
// flag value.
type Memory int64

var units = []struct {
	name  string
	bytes int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}}

// Set reads a number of bytes. K, M and G, also as KiB and so on, are powers
// of 1024.
func (m *Memory) Set(text string) error {
	number := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I")
	for _, unit := range units {
		digits, ok := strings.CutSuffix(number, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.bytes {
			break
		}
		*m = Memory(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is no number of bytes: want something like 500M or 2G", text)
}

// String writes the number with the largest unit that divides it.
func (m *Memory) String() string {
	n := int64(*m)
	for _, unit := range units {
		if n != 0 && n%unit.bytes == 0 && unit.name != "" {
			return fmt.Sprintf("%d%siB", n/unit.bytes, unit.name)
		}
	}
	return strconv.FormatInt(n, 10)
}

// Type names the value in help texts.
func (m *Memory) Type() string { return "BYTES" }

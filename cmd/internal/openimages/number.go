package openimages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

var errNoNumber = errors.New("not a finite number")

// parseNumber reads a finite number, with or without blanks around it. There is
// one zero: -0 is 0.
func parseNumber(field []byte) (float64, error) {
	v, err := strconv.ParseFloat(string(bytes.TrimSpace(field)), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, errNoNumber
	}
	if v == 0 {
		return 0, nil
	}
	return v, nil
}

// parseWhole reads a whole number. A program that keeps a column with gaps as
// floats writes 1 as 1.0.
func parseWhole(field []byte) (int64, error) {
	if n, err := strconv.ParseInt(string(field), 10, 64); err == nil {
		return n, nil
	}
	const exact = 1 << 53
	v, err := parseNumber(field)
	if err == nil && (v != math.Trunc(v) || math.Abs(v) > exact) {
		err = errors.New("not a whole number")
	}
	return int64(v), err
}

const (
	// minDecimals are the decimals of most official lists.
	minDecimals = 6
	// maxExact are the digits of a decimal of which no two have the same
	// float64.
	maxExact = 15
)

// appendCoordinate appends the form in which a coordinate is hashed: the
// shortest decimal that reads back as the same float64, without an exponent,
// with zeros up to six decimals. So a list that another program has read and
// saved again names the same boxes. A field that is no number is appended as it
// stands.
func appendCoordinate(dst, field []byte) []byte {
	if sixDecimals(field) {
		return append(dst, field...)
	}
	if decimals, ok := shortest(field); ok {
		return appendZeros(append(dst, field...), decimals)
	}
	v, err := parseNumber(field)
	if err != nil {
		return append(dst, field...)
	}
	begin := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	point := bytes.IndexByte(dst[begin:], '.')
	if point < 0 {
		dst = append(dst, '.')
		return appendZeros(dst, 0)
	}
	return appendZeros(dst, len(dst)-begin-point-1)
}

// appendZeros fills decimals up.
func appendZeros(dst []byte, decimals int) []byte {
	for ; decimals < minDecimals; decimals++ {
		dst = append(dst, '0')
	}
	return dst
}

// sixDecimals reports whether a field is a digit, a point and six digits, as in
// most official lists. It looks at all of them at once.
func sixDecimals(field []byte) bool {
	if len(field) != 8 || field[1] != '.' {
		return false
	}
	const (
		point  = ('.' ^ '0') << 8 // makes the point a digit
		zeros  = 0x3030303030303030
		high   = 0xf0f0f0f0f0f0f0f0
		beyond = 0x0606060606060606 // 9 plus 6 has no other high half, 10 plus 6 has
	)
	word := binary.LittleEndian.Uint64(field) ^ point
	return word&high == zeros && (word+beyond)&high == zeros
}

// shortest reports whether a field is, but for zeros at its end, the shortest
// decimal of its value, as nearly all are, and its number of decimals: one
// digit, a point, and no more digits than are exact.
func shortest(field []byte) (decimals int, ok bool) {
	decimals = len(field) - 2
	if decimals < 0 || decimals >= maxExact || field[1] != '.' ||
		decimals > minDecimals && field[len(field)-1] == '0' {
		return 0, false
	}
	for i, c := range field {
		if i != 1 && (c < '0' || c > '9') {
			return 0, false
		}
	}
	return decimals, true
}

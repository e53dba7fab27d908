package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/dataset"
)

// A side is the size of the crops: N, or WIDTHxHEIGHT.
type side dataset.Size

// String implements the flag's value, as it stands in the trail.
func (s *side) String() string {
	if *s == (side{}) {
		return ""
	}
	if s.Width == s.Height {
		return strconv.Itoa(s.Width)
	}
	return fmt.Sprintf("%dx%d", s.Width, s.Height)
}

// Set implements the flag's value.
func (s *side) Set(text string) error {
	width, height, two := strings.Cut(text, "x")
	if !two {
		height = width
	}
	w, err1 := strconv.Atoi(width)
	h, err2 := strconv.Atoi(height)
	if err1 != nil || err2 != nil || w < 1 || h < 1 || w > maxSize || h > maxSize {
		return fmt.Errorf("want 1 to %d, or WIDTHxHEIGHT", maxSize)
	}
	s.Width, s.Height = w, h
	return nil
}

// bytes is how many a picture of the size takes.
func (s side) bytes() int { return s.Width * s.Height * 3 }

// Type implements the flag's value.
func (*side) Type() string { return "size" }

// A fraction is a number of 0 or more, also written in percent.
type fraction float64

// String implements the flag's value, as it stands in the trail.
func (f *fraction) String() string { return strconv.FormatFloat(float64(*f), 'g', -1, 64) }

// Set implements the flag's value.
func (f *fraction) Set(text string) error {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		return fmt.Errorf("want 0 or more, or a percentage such as 10%%")
	}
	*f = fraction(v)
	return nil
}

// Type implements the flag's value.
func (*fraction) Type() string { return "fraction" }

// backgrounds say whether background windows are cut, and how many of each
// photo's box.
type backgrounds struct {
	auto   bool // if the stream names one class
	always bool
	number int
}

// maxBackgrounds bounds what is made of one item.
const maxBackgrounds = 100

// String implements the flag's value, as it stands in the trail.
func (b *backgrounds) String() string {
	switch {
	case b.auto:
		return "auto"
	case !b.always:
		return "never"
	case b.number == 1:
		return "always"
	}
	return strconv.Itoa(b.number)
}

// Set implements the flag's value.
func (b *backgrounds) Set(text string) error {
	switch text {
	case "auto":
		*b = backgrounds{auto: true, number: 1}
	case "always":
		*b = backgrounds{always: true, number: 1}
	case "never":
		*b = backgrounds{}
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxBackgrounds {
			return fmt.Errorf("want auto, always, never, or 0 to %d windows a box", maxBackgrounds)
		}
		*b = backgrounds{always: n > 0, number: n}
	}
	return nil
}

// Type implements the flag's value.
func (*backgrounds) Type() string { return "windows" }

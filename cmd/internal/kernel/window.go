package kernel

import (
	"errors"
	"fmt"
	"math"
)

// Window is how a convolution moves over a picture: the size of its kernel, the
// distances between windows (strides) and between the elements of one
// (dilations, 1 for neighbours), and the zero rows and columns around the
// picture.
type Window struct {
	KH, KW                               int
	StrideH, StrideW                     int
	DilationH, DilationW                 int
	PadTop, PadLeft, PadBottom, PadRight int
}

// square is the window of a kernel of k x k, with the same padding on each
// side.
func square(k, stride, pad int) Window {
	return Window{k, k, stride, stride, 1, 1, pad, pad, pad, pad}
}

// OutHW returns the height and width of the output of a picture of h x w:
// (h+PadTop+PadBottom-DilationH*(KH-1)-1)/StrideH + 1, and likewise the width.
func (v Window) OutHW(h, w int) (oh, ow int) {
	return (h+v.PadTop+v.PadBottom-v.DilationH*(v.KH-1)-1)/v.StrideH + 1,
		(w+v.PadLeft+v.PadRight-v.DilationW*(v.KW-1)-1)/v.StrideW + 1
}

// check reports whether the window fits a picture of h x w.
func (v Window) check(h, w int) error {
	for _, f := range []struct {
		name string
		v    int
	}{
		{"height", h}, {"width", w}, {"kernel height", v.KH}, {"kernel width", v.KW},
		{"stride", min(v.StrideH, v.StrideW)}, {"stride", max(v.StrideH, v.StrideW)},
		{"dilation", min(v.DilationH, v.DilationW)},
		{"padding", min(v.PadTop, v.PadLeft, v.PadBottom, v.PadRight) + 1},
	} {
		if f.v < 1 || f.v > math.MaxInt32 {
			return fmt.Errorf("convolution: bad %s %d", f.name, f.v)
		}
	}
	if max(v.PadTop, v.PadLeft, v.PadBottom, v.PadRight, v.KH, v.KW, v.DilationH, v.DilationW) > 1<<16 {
		return errors.New("convolution: kernel, dilation or padding too large")
	}
	if h+v.PadTop+v.PadBottom <= v.DilationH*(v.KH-1) || w+v.PadLeft+v.PadRight <= v.DilationW*(v.KW-1) {
		return fmt.Errorf("convolution: a %dx%d input with its padding is smaller than the window", h, w)
	}
	return nil
}

// checkSize reports a tensor of 2^31 values or more.
func checkSize(dims ...int) error {
	size := int64(1)
	for _, d := range dims {
		if d < 1 || d > math.MaxInt32 {
			return fmt.Errorf("convolution: bad shape %v", dims)
		}
		if size *= int64(d); size > math.MaxInt32 {
			return fmt.Errorf("convolution: a tensor of shape %v is too large", dims)
		}
	}
	return nil
}

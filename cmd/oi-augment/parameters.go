package main

import (
	"errors"
	"math"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

const keras2018 = "keras-2018"

// parameters returns what is recorded of a variant.
func parameters(v pix.Variant) *record.Augment {
	w := v.Warp
	a := &record.Augment{
		Theta: w.Theta, TX: w.TX, TY: w.TY, Shear: w.Shear, ZX: w.ZX, ZY: w.ZY, FlipH: w.FlipH, FlipV: w.FlipV,
		CropRow: w.Crop.Row, CropColumn: w.Crop.Column, CropHeight: w.Crop.Height, CropWidth: w.Crop.Width,
		Brightness: v.Brightness, Contrast: v.Contrast, Saturation: v.Saturation, Hue: v.Hue, Grayscale: v.Grayscale,
		Blur: v.Blur, JPEGQuality: v.JPEGQuality,
		CutoutRow: v.Cutout.Row, CutoutColumn: v.Cutout.Column, CutoutSide: v.Cutout.Side,
	}
	if w.OldCentre {
		a.Centre = keras2018
	}
	if w.Fill != pix.FillNearest {
		a.Fill = w.Fill.String()
	}
	return a
}

// variantOf returns the variant that was recorded.
func variantOf(a *record.Augment) (pix.Variant, error) {
	v := pix.Variant{
		Warp: pix.Warp{
			Theta: a.Theta, TX: a.TX, TY: a.TY, Shear: a.Shear, ZX: a.ZX, ZY: a.ZY, FlipH: a.FlipH, FlipV: a.FlipV,
			OldCentre: a.Centre == keras2018,
			Crop:      pix.Window{Row: a.CropRow, Column: a.CropColumn, Height: a.CropHeight, Width: a.CropWidth},
		},
		Brightness: a.Brightness, Contrast: a.Contrast, Saturation: a.Saturation, Hue: a.Hue, Grayscale: a.Grayscale,
		Blur: a.Blur, JPEGQuality: a.JPEGQuality,
		Cutout: pix.Square{Row: a.CutoutRow, Column: a.CutoutColumn, Side: a.CutoutSide},
	}
	if a.Fill != "" {
		if err := v.Warp.Fill.Set(a.Fill); err != nil {
			return v, err
		}
	}
	for _, x := range []float64{
		a.Theta, a.TX, a.TY, a.Shear, a.ZX, a.ZY, a.CropRow, a.CropColumn, a.CropHeight, a.CropWidth,
		a.Brightness, a.Contrast, a.Saturation, a.Hue,
	} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return v, errors.New("a parameter is not a finite number")
		}
	}
	if !(a.Blur >= 0 && a.Blur <= pix.MaxBlur) {
		return v, errors.New("the blur is out of bounds")
	}
	return v, nil
}

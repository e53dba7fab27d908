package pix

import "math"

// gray returns the lightness of a colour, ITU-R BT.601 as torchvision and
// Pillow have it.
func gray(r, g, b float64) float64 {
	return float64(0.299*r) + float64(0.587*g) + float64(0.114*b)
}

func clamp255(v float64) float64 { return max(0, min(v, 255)) }

// colour changes the colours of RGB pixels, in the order of torchvision's
// ColorJitter: brightness, contrast about the mean lightness, saturation about
// the pixel's own, hue; then it takes the colour away. Values are clamped after
// each and rounded once at the end. The conversions to float64 keep products
// from being fused with sums, which would give other bits on other machines.
func (v *Variant) colour(pixels []byte) {
	brightness, contrast, saturation := 1+v.Brightness, 1+v.Contrast, 1+v.Saturation
	var lit [256]float64 // a value with its new brightness
	for i := range lit {
		lit[i] = clamp255(float64(float64(i) * brightness))
	}
	mean := 0.0
	if v.Contrast != 0 {
		for i := 0; i < len(pixels); i += 3 {
			mean += gray(lit[pixels[i]], lit[pixels[i+1]], lit[pixels[i+2]])
		}
		mean /= float64(len(pixels) / 3)
		offset := float64((1 - contrast) * mean)
		for i, x := range lit {
			lit[i] = clamp255(float64(contrast*x) + offset)
		}
	}
	for i := 0; i < len(pixels); i += 3 {
		r, g, b := lit[pixels[i]], lit[pixels[i+1]], lit[pixels[i+2]]
		if v.Saturation != 0 {
			level := float64((1 - saturation) * gray(r, g, b))
			r, g, b = clamp255(float64(saturation*r)+level), clamp255(float64(saturation*g)+level), clamp255(float64(saturation*b)+level)
		}
		if v.Hue != 0 {
			r, g, b = turnHue(r, g, b, v.Hue)
		}
		if v.Grayscale {
			r = gray(r, g, b)
			g, b = r, r
		}
		pixels[i], pixels[i+1], pixels[i+2] = byte(r+0.5), byte(g+0.5), byte(b+0.5)
	}
}

// turnHue turns the hue of a colour in HSV. The value and the saturation stay.
func turnHue(r, g, b, turns float64) (float64, float64, float64) {
	high, low := max(r, g, b), min(r, g, b)
	chroma := high - low
	if chroma == 0 {
		return r, g, b
	}
	var hue float64 // sixths of a turn
	switch high {
	case r:
		hue = (g - b) / chroma
	case g:
		hue = (b-r)/chroma + 2
	default:
		hue = (r-g)/chroma + 4
	}
	hue += float64(6 * turns)
	hue -= float64(6 * math.Floor(hue/6))
	channel := func(n float64) float64 {
		k := n + hue
		if k >= 6 {
			k -= 6
		}
		return high - float64(chroma*max(0, min(k, 4-k, 1)))
	}
	return channel(5), channel(3), channel(1)
}

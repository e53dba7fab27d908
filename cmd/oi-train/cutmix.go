package main

import (
	"math"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// cutMix pastes a rectangle of one picture into another of the same batch, which
// then has a part of its label, too (Yun and others, "CutMix: Regularization
// strategy to train strong classifiers with localizable features", ICCV 2019).
type cutMix struct {
	share   float64 // of the pictures into which one is pasted
	seed    uint64
	size    dataset.Size
	numbers rng.Source
	buffers [][]byte // of the mixed pictures, reused
}

// cutMixStream sets its random numbers apart from others of the same seed.
const cutMixStream = 0x6375746d6978 // "cutmix"

// newCutMix returns nil where nothing is to be mixed.
func (o *options) newCutMix(size dataset.Size) *cutMix {
	if o.cutMix == 0 {
		return nil
	}
	return &cutMix{share: o.cutMix, seed: o.seed, size: size}
}

// begin starts an epoch, counted from 1, whose numbers are its own.
func (c *cutMix) begin(epoch int) {
	if c != nil {
		c.numbers = rng.Source(rng.At(rng.Mix(c.seed^cutMixStream), uint64(epoch)))
	}
}

// mix mixes pictures of a batch, each with the one after it; the pictures that it
// is given stay as they are. A rectangle has the proportions of the picture and up
// to half of its area, but for rounding, every area as likely, and lies in both at
// one place. What is mixed is valid until the next batch.
func (c *cutMix) mix(b *nn.Batch) {
	n := len(b.Images)
	if c == nil || n < 2 {
		return
	}
	for len(c.buffers) < n {
		c.buffers = append(c.buffers, nil)
	}
	images, seconds, shares := make([][]byte, n), make([]int, n), make([]float32, n)
	for i, image := range b.Images {
		next := (i + 1) % n
		images[i], seconds[i] = image, b.Labels[next]
		if rng.Float64(c.numbers.Uint64()) >= c.share {
			continue
		}
		side := math.Sqrt(rng.Float64(c.numbers.Uint64()) / 2) // of the picture's
		h, w := int(math.Round(side*float64(c.size.Height))), int(math.Round(side*float64(c.size.Width)))
		top := int(rng.Below(c.numbers.Uint64, uint64(c.size.Height-h)+1))
		left := int(rng.Below(c.numbers.Uint64, uint64(c.size.Width-w)+1))
		c.buffers[i] = append(c.buffers[i][:0], image...)
		stride := len(image) / c.size.Height
		pixel := stride / c.size.Width
		for y := top; y < top+h; y++ {
			from, to := y*stride+left*pixel, y*stride+(left+w)*pixel
			copy(c.buffers[i][from:to], b.Images[next][from:to])
		}
		images[i] = c.buffers[i]
		shares[i] = float32(h*w) / float32(c.size.Height*c.size.Width)
	}
	b.Images, b.Seconds, b.Shares = images, seconds, shares
}

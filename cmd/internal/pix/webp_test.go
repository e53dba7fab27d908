package pix_test

import (
	"errors"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/pix"
)

func TestWebP(t *testing.T) {
	data := oitest.WebP()
	p, err := pix.Decode(data, 100)
	if err != nil || p.Width != 1 || p.Height != 1 || len(p.RGB(0, 0, 1, 1)) != 3 {
		t.Errorf("got %+v, %v", p, err)
	}
	for n := range len(data) - 4 { // the last bytes are padding
		if _, err := pix.Decode(data[:n], 100); err == nil {
			t.Errorf("%d of %d bytes are a picture", n, len(data))
		}
	}
	if _, err := pix.Decode(data, 0); !errors.Is(err, pix.ErrTooManyPixels) {
		t.Errorf("got %v, want too many pixels", err)
	}
}

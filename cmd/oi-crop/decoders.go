package main

import (
	"sync"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// decoders are those that no worker uses, the one that was used last at the
// end. Each remembers its last photo, so that the boxes of one photo that
// follow one another share the work.
type decoders struct {
	mu   sync.Mutex
	idle []*pix.Decoder
}

// maxHeld is how much memory a decoder may hold while nobody uses it: that for
// a photo of a few megapixels.
const maxHeld = 16 << 20

// acquire returns a decoder for a photo: the one that knows it, or else the one
// that was not used for the longest time.
func (s *decoders) acquire(data []byte) *pix.Decoder {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.idle) - 1; i >= 0; i-- {
		if s.idle[i].Knows(data) {
			return s.remove(i)
		}
	}
	if len(s.idle) > 0 {
		return s.remove(0)
	}
	return &pix.Decoder{}
}

func (s *decoders) remove(i int) *pix.Decoder {
	d := s.idle[i]
	s.idle = append(s.idle[:i], s.idle[i+1:]...)
	return d
}

// release gives a decoder back.
func (s *decoders) release(d *pix.Decoder) {
	if d.Held() > maxHeld {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, d)
}

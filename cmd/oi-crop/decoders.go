package main

import (
	"slices"
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

// maxIdle is how much memory all decoders that nobody uses may hold.
const maxIdle = 16 << 20

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
	s.idle = slices.Delete(s.idle, i, i+1)
	return d
}

// release gives a decoder back. One that holds much is not kept, and of several
// that hold too much together the oldest are not.
func (s *decoders) release(d *pix.Decoder) {
	held := d.Held()
	if held > maxIdle {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, d)
	for i := len(s.idle) - 2; i >= 0; i-- {
		if held += s.idle[i].Held(); held > maxIdle {
			s.idle = slices.Delete(s.idle, 0, i+1)
			return
		}
	}
}

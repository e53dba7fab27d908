package fetch

import (
	"crypto/sha256"
	"runtime"
	"sync"

	"golang.org/x/sync/singleflight"
)

// maxDead is how many failures are remembered, so that a dead photo with many
// boxes is asked for once. Boxes of one photo stand near each other in all the
// official files; a failure so far back that it was forgotten is found out
// again.
const maxDead = 1 << 16

// A deadList remembers the last failures of a run.
type deadList struct {
	mu    sync.Mutex
	byKey map[[sha256.Size]byte]*Failure
	ring  [][sha256.Size]byte
	next  int
	max   int
}

func newDeadList(n int) *deadList {
	return &deadList{byKey: map[[sha256.Size]byte]*Failure{}, max: n}
}

func (d *deadList) get(key string) (*Failure, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.byKey[sha256.Sum256([]byte(key))]
	return f, ok
}

func (d *deadList) put(key string, f *Failure) {
	k := sha256.Sum256([]byte(key))
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.byKey[k]; ok {
		return
	}
	if len(d.ring) < d.max {
		d.ring = append(d.ring, k)
	} else {
		delete(d.byKey, d.ring[d.next])
		d.ring[d.next] = k
		d.next = (d.next + 1) % d.max
	}
	d.byKey[k] = f
}

// maxPainted is how many painted photos are kept for their other boxes.
const maxPainted = 32

// paintings keeps the last photos of the built-in data set: each is painted
// once however many boxes it has, as those stand together in the stream.
type paintings struct {
	paint   func(subset, id string) ([]byte, error)
	painter chan struct{} // one place a processor: painting takes memory
	flights singleflight.Group
	mu      sync.Mutex
	byName  map[string][]byte
	ring    [maxPainted]string
	next    int
}

func newPaintings(paint func(subset, id string) ([]byte, error)) *paintings {
	return &paintings{paint: paint, painter: make(chan struct{}, runtime.GOMAXPROCS(0)), byName: map[string][]byte{}}
}

// photo returns a photo, which the caller does not change.
func (p *paintings) photo(subset, id string) ([]byte, error) {
	name := subset + "/" + id
	if data, ok := p.kept(name); ok {
		return data, nil
	}
	v, err, _ := p.flights.Do(name, func() (any, error) {
		if data, ok := p.kept(name); ok {
			return data, nil
		}
		p.painter <- struct{}{}
		defer func() { <-p.painter }()
		data, err := p.paint(subset, id)
		if err == nil {
			p.keep(name, data)
		}
		return data, err
	})
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

func (p *paintings) kept(name string) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	data, ok := p.byName[name]
	return data, ok
}

func (p *paintings) keep(name string, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byName, p.ring[p.next])
	p.ring[p.next] = name
	p.next = (p.next + 1) % maxPainted
	p.byName[name] = data
}

package fetch

import "sync"

// A fifoCache holds the values that were put last, up to a weight in all. The
// newest stays whatever it weighs.
type fifoCache[T any] struct {
	maxWeight int64

	mu     sync.Mutex
	byName map[string]T
	queue  []fifoEntry // oldest first
	weight int64
}

type fifoEntry struct {
	name   string
	weight int64
}

func newFIFOCache[T any](maxWeight int64) *fifoCache[T] {
	return &fifoCache[T]{maxWeight: maxWeight, byName: map[string]T{}}
}

func (c *fifoCache[T]) get(name string) (v T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok = c.byName[name]
	return v, ok
}

// put adds a value; one of that name stays as it is.
func (c *fifoCache[T]) put(name string, v T, weight int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byName[name]; ok {
		return
	}
	c.byName[name] = v
	c.queue = append(c.queue, fifoEntry{name, weight})
	c.weight += weight
	for c.weight > c.maxWeight && len(c.queue) > 1 {
		oldest := c.queue[0]
		c.queue = c.queue[1:]
		c.weight -= oldest.weight
		delete(c.byName, oldest.name)
	}
}

package fetch

import "sync"

// A recent holds the values that were put last, up to a weight in all. The
// newest stays whatever it weighs.
type recent[T any] struct {
	max int64

	mu     sync.Mutex
	byName map[string]T
	queue  []weighed // oldest first
	weight int64
}

type weighed struct {
	name   string
	weight int64
}

func newRecent[T any](max int64) *recent[T] {
	return &recent[T]{max: max, byName: map[string]T{}}
}

func (r *recent[T]) get(name string) (v T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok = r.byName[name]
	return v, ok
}

// put adds a value; one of that name stays as it is.
func (r *recent[T]) put(name string, v T, weight int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.byName[name]; ok {
		return
	}
	r.byName[name] = v
	r.queue = append(r.queue, weighed{name, weight})
	r.weight += weight
	for r.weight > r.max && len(r.queue) > 1 {
		oldest := r.queue[0]
		r.queue = r.queue[1:]
		r.weight -= oldest.weight
		delete(r.byName, oldest.name)
	}
}

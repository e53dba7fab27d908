package dataset

import "math/bits"

// A table finds numbers by hashes of what they stand for, which it does not
// keep: it takes five to eight bytes a number. The zero table is empty.
type table struct {
	slots []int32 // a number plus one, 0 where there is none
	n     int
}

// find returns the number of a hash for which same is true.
func (t *table) find(hash uint64, same func(int32) bool) (int32, bool) {
	if t.n == 0 {
		return 0, false
	}
	for at := t.slot(hash); t.slots[at] != 0; at = t.next(at) {
		if number := t.slots[at] - 1; same(number) {
			return number, true
		}
	}
	return 0, false
}

// add adds a number that is not there. hashOf returns the hash of each of them.
func (t *table) add(number int32, hashOf func(int32) uint64) {
	if t.n >= len(t.slots)/4*3 {
		before := t.slots
		t.slots = make([]int32, max(64, len(before)/2*3))
		for _, slot := range before {
			if slot != 0 {
				t.put(slot, hashOf(slot-1))
			}
		}
	}
	t.put(number+1, hashOf(number))
	t.n++
}

func (t *table) put(slot int32, hash uint64) {
	at := t.slot(hash)
	for t.slots[at] != 0 {
		at = t.next(at)
	}
	t.slots[at] = slot
}

// slot is where the search for a hash begins.
func (t *table) slot(hash uint64) int {
	at, _ := bits.Mul64(hash, uint64(len(t.slots)))
	return int(at)
}

func (t *table) next(at int) int {
	if at++; at < len(t.slots) {
		return at
	}
	return 0
}

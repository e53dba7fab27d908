package dataset

// blockSize is how much address space an arena asks for at once. Only what is
// written to takes memory.
const blockSize = 64 << 20

// An arena keeps bytes outside of what the garbage collector looks at, where
// the system allows it: the collector lets as much garbage pile up as there is
// memory in use, so that a spool in its heap took twice its limit.
type arena struct {
	blocks [][]byte
	free   []byte // of the last block
}

// keep returns a copy of data, or nil if the system gives no memory. No more
// than left bytes will be asked for, this data included.
func (a *arena) keep(data []byte, left int64) []byte {
	if len(data) > len(a.free) {
		block, err := allocate(max(len(data), int(min(left, blockSize))))
		if err != nil {
			return nil
		}
		a.blocks, a.free = append(a.blocks, block), block
	}
	n := copy(a.free, data)
	kept := a.free[:n:n]
	a.free = a.free[n:]
	return kept
}

// last returns in which block, and where there, the last n bytes are that were
// kept.
func (a *arena) last(n int) (block int32, offset int64) {
	at := len(a.blocks) - 1
	return int32(at), int64(len(a.blocks[at]) - len(a.free) - n)
}

// close gives the memory back. Nobody may use it any more.
func (a *arena) close() error {
	var first error
	for _, block := range a.blocks {
		if err := release(block); err != nil && first == nil {
			first = err
		}
	}
	*a = arena{}
	return first
}

package csvscan

import "cmp"

// readFile is a scan of a file that must not change meanwhile. If asked to, it
// makes the index, keeps it where it can, and returns its writer for what that
// has counted.
func (p *scan[T]) readFile(f *File, index bool, yield func([]Row[T]) bool) (*indexWriter, error) {
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p.r, p.size, p.step, p.growing, p.ranges = f, before.Size(), f.Step, f.Growing, p.Ranges
	var pending *pendingIndex
	var was fingerprint
	if index {
		size, err := f.size()
		if err != nil {
			return nil, err
		}
		if was, err = fingerprintOf(f.File); err != nil {
			return nil, err
		}
		pending = f.newIndex(p.kind, was, size)
		p.index = pending.indexWriter
	}
	err = p.run(yield)
	switch {
	case err != nil && f.Growing != nil:
		err = cmp.Or(giveUp(f.Growing, err), err)
	case err != nil:
	case f.Growing != nil:
		err = f.Whole() // and what has been passed on was right
	default:
		err = f.unchanged(before, p.File)
	}
	if err != nil {
		pending.drop()
		return nil, err
	}
	pending.keep(f, was)
	return p.index, nil
}

// rowless is a request that parses no row.
func rowless(file string, bind func(Header) (value, key int, err error)) *Request[struct{}] {
	return &Request[struct{}]{
		File: file, Bind: bind,
		Want: func([]byte) bool { return false },
		Parser: func(Header) (func([][]byte) (struct{}, bool, error), error) {
			return func([][]byte) (none struct{}, keep bool, err error) { return }, nil
		},
	}
}

// skipRows takes in rows that nobody needs.
func skipRows[T any]([]Row[T]) bool { return true }

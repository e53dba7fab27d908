package record

// Limits bound what a stream may ask of its reader. They are checked before
// memory is set aside. A zero field stands for its default.
type Limits struct {
	Record int // bytes of one record's map, default 64 MiB; bounds each bin and ext value too
	String int // bytes of one string or key, default 1 MiB
	Depth  int // nested maps and arrays, the record's own map included, default 16
	Keys   int // keys of one map, default 4096
}

// DefaultLimits returns the limits of format version 1, which every Writer
// keeps.
func DefaultLimits() Limits {
	return Limits{Record: 64 << 20, String: 1 << 20, Depth: 16, Keys: 4096}
}

// orDefault returns l with its zero and negative fields replaced.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, p := range []struct {
		have *int
		want int
	}{{&l.Record, d.Record}, {&l.String, d.String}, {&l.Depth, d.Depth}, {&l.Keys, d.Keys}} {
		if *p.have <= 0 {
			*p.have = p.want
		}
	}
	return l
}

// checkLimit returns a LimitError when size is above limit. It takes an int64
// so that a 32-bit count read from the stream fits on every platform.
func checkLimit(what string, size, limit int64) error {
	if size <= limit {
		return nil
	}
	return &LimitError{What: what, Size: size, Limit: limit}
}

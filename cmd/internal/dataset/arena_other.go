//go:build !(linux || darwin || freebsd || windows)

package dataset

func allocate(n int) ([]byte, error) { return make([]byte, n), nil }

func release([]byte) error { return nil }

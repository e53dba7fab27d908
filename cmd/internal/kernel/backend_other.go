//go:build !amd64 || noasm

package kernel

// available lists the backends of this machine, fastest first.
func available() []*backend { return []*backend{goBackend()} }

//go:build !amd64 || noasm

package kernel

// available lists the paths of this machine, fastest first.
func available() []*micro { return []*micro{goMicro()} }

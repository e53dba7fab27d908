//go:build linux || darwin || freebsd

package dataset

import "syscall"

func allocate(n int) ([]byte, error) {
	return syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

func release(block []byte) error { return syscall.Munmap(block) }

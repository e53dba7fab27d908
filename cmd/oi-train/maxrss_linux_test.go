package main

import (
	"os"
	"syscall"
)

// maxRSS is the most memory that a process has had, in bytes.
func maxRSS(p *os.ProcessState) int64 {
	return p.SysUsage().(*syscall.Rusage).Maxrss * 1024
}

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is what a pipe holds: as much as one read of it takes. With the
// system's 64 KiB the writer and the reader of a photo wait for each other
// several times. It is not more, as a user whose pipes hold more than 64 MiB
// together gets tiny ones from then on.
const pipeSize = chunkSize

// widenPipe makes file hold pipeSize bytes if it is a pipe that holds less. It
// stays as it is where the system refuses.
func widenPipe(file *os.File) {
	conn, err := file.SyscallConn() // Fd would make it block
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		size, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
		if err == nil && size < pipeSize {
			_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize)
		}
	})
}

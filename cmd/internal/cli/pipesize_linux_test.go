package cli

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func sizeOf(t *testing.T, file *os.File) int {
	t.Helper()
	size, err := unix.FcntlInt(file.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func TestWidenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(r.Close(), w.Close()); err != nil {
			t.Error(err)
		}
	}()
	if size := sizeOf(t, w); size >= pipeSize {
		t.Skipf("pipes hold %d bytes here from the start", size)
	}
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		t.Skipf("the system refuses: %v", err)
	}
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, pipeSize/4); err != nil {
		t.Fatal(err)
	}
	widenPipe(w)
	if size := sizeOf(t, r); size != pipeSize {
		t.Errorf("the pipe holds %d bytes, want %d", size, pipeSize)
	}
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 2*pipeSize); err != nil {
		t.Skipf("the system refuses: %v", err)
	}
	widenPipe(r)
	if size := sizeOf(t, r); size != 2*pipeSize {
		t.Errorf("a wider pipe now holds %d bytes, want %d", size, 2*pipeSize)
	}
}

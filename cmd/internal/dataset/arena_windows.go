package dataset

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func allocate(n int) ([]byte, error) {
	at, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	// The collector does not know of this memory and never moves it. The
	// detour keeps vet from taking an address of Windows for one of Go.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), n), nil
}

func release(block []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(block))), 0, windows.MEM_RELEASE)
}

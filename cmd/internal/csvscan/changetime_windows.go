package csvscan

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// changeTime is when the system says that a file, or what it knows of it, was
// last changed. Few programs set it.
func changeTime(f *os.File) (int64, error) {
	// FILE_BASIC_INFO.
	var about struct {
		created, accessed, written, changed int64 // hundreds of nanoseconds
		attributes                          uint32
		_                                   uint32
	}
	err := windows.GetFileInformationByHandleEx(windows.Handle(f.Fd()), windows.FileBasicInfo, (*byte)(unsafe.Pointer(&about)), uint32(unsafe.Sizeof(about)))
	return about.changed, err
}

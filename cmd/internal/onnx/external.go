package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MaxSize bounds a model, with the files of weights that belong to it, in
// bytes.
const MaxSize = 1 << 30

// folder gives the parts of files next to a model in which its weights lie. It
// reads no file outside of its root, also not through a link.
type folder struct {
	root *os.Root // nil: there is none
	left int64    // bytes that may still be read
	used []reach
}

// reach is a part of a file that a tensor has.
type reach struct {
	file, tensor string
	start, end   int64
}

// read returns the size bytes of a tensor that its entries name.
func (f *folder) read(tensor string, entries map[string]string, size int) ([]byte, error) {
	name := entries["location"]
	switch {
	case name == "":
		return nil, errors.New("its external data has no location")
	case !filepath.IsLocal(name):
		return nil, fmt.Errorf("its external data is in %q: only files in the folder of the model are read", name)
	case f == nil || f.root == nil:
		return nil, fmt.Errorf("its external data is in %q, which is not at hand: the model is not read from a file", name)
	}
	for key := range entries {
		if !slices.Contains([]string{"location", "offset", "length", "checksum"}, key) {
			return nil, fmt.Errorf("%w: external data with %q", ErrUnsupported, key)
		}
	}
	start, err := position(entries["offset"], 0)
	if err != nil {
		return nil, err
	}
	length, err := position(entries["length"], int64(size))
	if err != nil {
		return nil, err
	}
	if length != int64(size) {
		return nil, fmt.Errorf("its external data has %d bytes where its shape needs %d", length, size)
	}
	if err := f.reserve(reach{filepath.Clean(name), tensor, start, start + length}); err != nil {
		return nil, err
	}
	return f.part(name, start, length)
}

// position reads an offset or a length.
func position(s string, absent int64) (int64, error) {
	if s == "" {
		return absent, nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > 1<<40 {
		return 0, fmt.Errorf("its external data has the offset or length %.40q", s)
	}
	return v, nil
}

// reserve counts a part.
func (f *folder) reserve(r reach) error {
	if f.left -= r.end - r.start; f.left < 0 {
		return fmt.Errorf("the model is larger than %d MiB", MaxSize>>20)
	}
	if r.start < r.end {
		f.used = append(f.used, r)
	}
	return nil
}

// checkOverlaps refuses parts that overlap; two tensors may have the same one.
func (f *folder) checkOverlaps() error {
	if f == nil {
		return nil
	}
	slices.SortStableFunc(f.used, func(a, b reach) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	for i := 1; i < len(f.used); i++ {
		a, b := f.used[i-1], f.used[i]
		if a.file == b.file && b.start < a.end && (a.start != b.start || a.end != b.end) {
			return fmt.Errorf("tensor %q: its external data, bytes %d to %d of %q, overlaps that of tensor %q, %d to %d",
				b.tensor, b.start, b.end, b.file, a.tensor, a.start, a.end)
		}
	}
	return nil
}

// part reads a part of a file.
func (f *folder) part(name string, start, length int64) (_ []byte, err error) {
	file, err := openRegular(f.root, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if start > info.Size() || length > info.Size()-start {
		return nil, fmt.Errorf("its external data ends at byte %d of %q, which has %d", start+length, name, info.Size())
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(file, start, length), data); err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	return data, nil
}

// openRegular opens a file, but no pipe or device: opening these might wait.
func openRegular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its weights are in the file %q, which is not next to the model", name)
	}
	if err != nil {
		link, failed := root.Lstat(name)
		if failed == nil && link.Mode()&fs.ModeSymlink != 0 {
			return nil, fmt.Errorf("its weights are in %q, a link that leads out of the folder of the model: copy the file there", name)
		}
		return nil, fmt.Errorf("its weights are in the file %q: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a file", name)
	}
	return root.Open(name)
}

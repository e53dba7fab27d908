package manifest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A DVC is what DVC 3 keeps of a folder in a .dvc file.
type DVC struct {
	Path  string // of the folder, next to the file
	Hash  string // ends in .dir
	Size  int64  // bytes of all files
	Files int
}

// NewDVC describes files of a folder as `dvc add` does: its hash is the MD5 of a
// list of the files' MD5s and paths, sorted by path, as Python writes JSON.
func NewDVC(name string, files []File) *DVC {
	d := &DVC{Path: name, Files: len(files)}
	sum := md5.Sum([]byte(d.list(files)))
	d.Hash = hex.EncodeToString(sum[:]) + ".dir"
	return d
}

// list is the file that DVC keeps in its cache for the folder.
func (d *DVC) list(files []File) string {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	list := make([]any, len(files))
	d.Size = 0
	for i, f := range files {
		d.Size += f.Size
		list[i] = map[string]any{"md5": f.MD5, "relpath": f.Path}
	}
	return pythonJSON(list, ", ", ": ")
}

// Write writes the .dvc file, YAML. JSON's strings are strings of YAML.
func (d *DVC) Write(to io.Writer) error {
	_, err := fmt.Fprintf(to, "outs:\n- md5: %s\n  size: %d\n  nfiles: %d\n  hash: md5\n  path: %s\n", d.Hash, d.Size, d.Files, pythonJSON(d.Path, "", ""))
	return err
}

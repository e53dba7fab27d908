// Package manifest describes a folder of pictures for programs that share and
// check data: as a Quilt 3 package, a Hugging Face data set card, Croissant
// metadata and a DVC file.
package manifest

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A File is one of a folder.
type File struct {
	Path        string // below the folder, with slashes
	Size        int64
	SHA256, MD5 string // lower-case hex
}

// Files reads all files of a folder, hidden ones too, but for those that a run
// of this program has in work. Anything else than files and folders is an error.
func Files(dir string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if inWork(entry.Name()) {
			return nil
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
		file, err := sum(path)
		file.Path = filepath.ToSlash(name)
		files = append(files, file)
		return err
	})
	slices.SortFunc(files, func(a, b File) int { return byTree(a.Path, b.Path) })
	return files, err
}

// byTree orders paths as a walk through a tree does: level by level.
func byTree(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }

// inWork reports whether a file is a lock or not yet complete, by its name.
func inWork(name string) bool {
	return name == ".oi.lock" || strings.HasPrefix(name, ".oi-") || strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".part")
}

func sum(path string) (f File, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer file.Close() // only read from
	long, short := sha256.New(), md5.New()
	f.Size, err = io.Copy(io.MultiWriter(long, short), file)
	f.SHA256, f.MD5 = hex.EncodeToString(long.Sum(nil)), hex.EncodeToString(short.Sum(nil))
	return f, err
}

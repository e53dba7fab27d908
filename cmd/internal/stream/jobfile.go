package stream

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// IsFolder reports whether path names a folder: one that is there, or a name
// that ends as a folder's does.
func IsFolder(path string) bool {
	if path != "" && os.IsPathSeparator(path[len(path)-1]) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// FileInFolder is the name of a file that a job writes to a folder of many: it
// follows from the job's first item, so that no two jobs share it, and a job that
// is repeated replaces its own.
func FileInFolder(folder string, first record.Digest, ending string) string {
	return filepath.Join(folder, first.String()+ending)
}

// CheckJobFile returns an error if path, given by flag, is to be written by many
// jobs of GNU parallel, of which each would replace the file of the others. A
// folder is none, nor is a name with the job's number.
func CheckJobFile(env *cli.Env, f *Flags, flag, path string) error {
	if !f.Part || path == "" || IsFolder(path) {
		return nil
	}
	if job := env.Getenv("PARALLEL_SEQ"); job != "" && regexp.MustCompile(`(^|\D)`+regexp.QuoteMeta(job)+`(\D|$)`).MatchString(path) {
		return nil
	}
	ending := filepath.Ext(path)
	return cli.WithHint(cli.Usagef("%s %s: with --part each job would replace the file of the others", flag, path),
		fmt.Sprintf("name a file for each: %s %s{#}%s", flag, strings.TrimSuffix(path, ending), ending))
}

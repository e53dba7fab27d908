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

// A jobFile is a file beside the output, and the flag that names it.
type jobFile struct{ flag, path string }

// AddJobFile takes note of a file that the stage writes besides its output, or
// of none. It returns an error if many jobs of GNU parallel are to write it, of
// which each would replace the file of the others. A folder is none, nor is a
// name with the job's number.
func (f *Flags) AddJobFile(env *cli.Env, flag, path string) error {
	if path == "" || IsFolder(path) {
		return nil
	}
	f.jobFiles = append(f.jobFiles, jobFile{flag, path})
	if !f.Part {
		return nil
	}
	if job := env.Getenv("PARALLEL_SEQ"); job != "" && hasNumber(path, job) {
		return nil
	}
	return cli.WithHint(cli.Usagef("%s %s: with --part each job would replace the file of the others", flag, path),
		fmt.Sprintf("name a file for each: %s %s", flag, numbered(path, "{#}")))
}

// warnOfShards warns of files that hold what came of a single shard of several,
// if their names do not say which: what makes the others would replace them.
func (f *Flags) warnOfShards(env *cli.Env, shards map[string]bool) {
	if len(shards) != 1 {
		return
	}
	for shard := range shards {
		number, of, ok := strings.Cut(shard, "/")
		if !ok || of == "1" {
			continue
		}
		for _, file := range f.jobFiles {
			whole, err := filepath.Abs(file.path)
			if err == nil && hasNumber(whole, number) {
				continue
			}
			env.Warnf("%s %s holds what came of shard %s alone, and another shard would replace it", file.flag, file.path, shard)
			env.Warnf("hint: name a file for each: %s %s", file.flag, numbered(file.path, number))
		}
	}
}

// hasNumber reports whether path has the number, with or without leading zeros.
func hasNumber(path, number string) bool {
	return regexp.MustCompile(`(^|\D)0*` + regexp.QuoteMeta(number) + `(\D|$)`).MatchString(path)
}

// numbered is path with a number before its ending.
func numbered(path, number string) string {
	ending := filepath.Ext(path)
	return strings.TrimSuffix(path, ending) + number + ending
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// A kind is what a FILE is.
type kind int

const (
	isNeither kind = iota
	isPicture
	isRecords
)

// kindOf decides the kind of a FILE by its first bytes and its name. A name
// such as lunch.jpg makes it a picture, perhaps a broken one, whatever its
// contents: instead of a photo, servers send pages and messages in JSON.
func kindOf(name string, first []byte) kind {
	switch {
	case imagefile.Is(first), namesPicture(name):
		return isPicture
	case stream.MayBegin(first):
		return isRecords
	}
	return isNeither
}

// namesPicture reports whether a file is a picture by its name.
func namesPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif":
		return true
	}
	return false
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return name != "-" && err == nil && info.IsDir()
}

// inputs are the FILEs once it is known what they are.
type inputs struct {
	names    []string
	pictures bool
	// Files are opened until one shows what they are. rejected says what
	// was wrong with each of those before it, and first is that one, still
	// open.
	rejected []error
	first    *stream.File
}

// look finds out whether the FILEs are pictures or streams: by a name, if one
// of them is a folder or has the name of a picture, else by the first bytes of
// the first one that is either. Each is opened once, because a pipe can only be
// read once.
func look(env *cli.Env, names []string) (*inputs, error) {
	in := &inputs{names: names}
	if len(names) == 0 {
		in.names = []string{"-"}
	}
	if slices.ContainsFunc(in.names, func(name string) bool { return namesPicture(name) || isFolder(name) }) {
		in.pictures = true
		return in, nil
	}
	for _, name := range in.names {
		file, kind, err := open(env, name)
		if err == nil && kind != isNeither {
			in.first, in.pictures = file, kind == isPicture
			break
		}
		if err == nil {
			err = errors.Join(noPicture(file), file.Close())
		}
		in.rejected = append(in.rejected, err)
	}
	if in.pictures || len(in.rejected) == 0 {
		return in, nil
	}
	if in.first != nil {
		in.rejected = append(in.rejected, in.first.Close())
	}
	return nil, errors.Join(in.rejected...)
}

// open opens a FILE and decides its kind.
func open(env *cli.Env, name string) (*stream.File, kind, error) {
	file, err := stream.OpenFile(env, name)
	if err != nil {
		return nil, isNeither, err
	}
	first, err := file.First(imagefile.HeadSize)
	if err != nil {
		return nil, isNeither, errors.Join(fmt.Errorf("%s: %w", file.Name, err), file.Close())
	}
	return file, kindOf(name, first), nil
}

// noPicture says what is wrong with a file that is neither a picture nor a
// stream.
func noPicture(file *stream.File) error {
	first, err := file.First(imagefile.HeadSize)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", file.Name, err)
	case len(first) == 0 && file.Standard():
		return cli.BlameUpstream(fmt.Errorf("%s: the input is empty: the stage before sent nothing; see its message", file.Name))
	case len(first) == 0:
		return fmt.Errorf("%s: the file is empty", file.Name)
	}
	return cli.WithHint(fmt.Errorf("%s: neither a picture nor a record stream: it begins with %q", file.Name, first),
		"want JPEG, PNG or WebP, the output of an oi- command, or its items as JSON")
}

// walk calls each for the files in a folder and all folders below it, in the
// order of their names, and refuse for what cannot be read. Names that begin
// with a dot are skipped. Links are followed; a folder that several lead to
// is entered once.
func walk(ctx context.Context, folder string, each func(path string) error, refuse func(error)) error {
	entered := map[string]bool{}
	var enter func(string) error
	enter = func(folder string) error {
		if real, err := filepath.EvalSymlinks(folder); err != nil {
			refuse(err)
			return nil
		} else if entered[real] {
			return nil
		} else {
			entered[real] = true
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			refuse(err)
		}
		for _, entry := range entries {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if strings.HasPrefix(entry.Name(), ".") {
				continue
			}
			path := filepath.Join(folder, entry.Name())
			info, err := os.Stat(path)
			if err != nil {
				// A broken link does not matter, unless its
				// name is that of a picture.
				if namesPicture(path) || errors.Is(err, fs.ErrPermission) {
					refuse(err)
				}
				continue
			}
			switch {
			case info.IsDir():
				err = enter(path)
			case info.Mode().IsRegular():
				err = each(path)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return enter(folder)
}

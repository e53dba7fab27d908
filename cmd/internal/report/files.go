package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
)

// A File is a file to be written and what goes into it.
type File struct {
	Path  string
	Write func(io.Writer) error
}

// WriteFiles writes files so that none is ever seen half-written: all are
// completed under other names first and then put in place one after the other
// in the given order. If anything fails before that, none appears and what was
// there before stays.
func WriteFiles(files ...File) (err error) {
	pending := make([]*atomicfile.File, 0, len(files))
	defer func() {
		for _, p := range pending {
			err = errors.Join(err, p.Cleanup()) // nothing once it is in place
		}
	}()
	for _, f := range files {
		p, err := atomicfile.Create(f.Path)
		if err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		pending = append(pending, p)
		buffer := bufio.NewWriter(p)
		if err := f.Write(buffer); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
		if err := buffer.Flush(); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	for i, p := range pending {
		if err := p.CloseAtomicallyReplace(); err != nil {
			return fmt.Errorf("write %s: %w", files[i].Path, err)
		}
	}
	return nil
}

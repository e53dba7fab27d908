package stream

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// failures is the file of skipped items. Its methods do nothing on nil.
type failures struct {
	folder string         // of the file, if it gets its name by the first item
	header *record.Header // that waits for this name
	file   *atomicfile.File
	writer *record.Writer
	open   bool // a segment is
	worth  bool // a segment came to its end, or an item failed
}

// createFailures opens the file, or sees to it that one can be opened in the
// folder. pieces says that the stage is one of those that work on pieces, for
// which path may be a folder.
func createFailures(path string, pieces bool, inputs []string) (*failures, error) {
	f := &failures{}
	if pieces && IsFolder(path) {
		f.folder = path
		path = filepath.Join(path, "failures.json")
	}
	err := cli.CheckOutputFile(path, inputs...)
	if err == nil && f.folder == "" {
		err = f.create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("--failures: %w", err)
	}
	return f, nil
}

func (f *failures) create(path string) (err error) {
	if f.file, err = atomicfile.Create(path); err == nil {
		f.writer = record.NewWriter(f.file, record.FramedJSON)
	}
	return err
}

// came gives the file its name when the first item comes in.
func (f *failures) came(first record.Digest) error {
	if f == nil || f.file != nil {
		return nil
	}
	if err := f.create(FileInFolder(f.folder, first, ".json")); err != nil {
		return f.wrap(err)
	}
	if f.header != nil {
		return f.wrap(f.writer.Write(f.header))
	}
	return nil
}

func (f *failures) begin(h *record.Header) error {
	if f == nil {
		return nil
	}
	if err := f.close(); err != nil {
		return err
	}
	header := *h
	header.Expected = 0 // that is not how many fail
	header.Piece = false
	if f.file == nil {
		f.header, f.open = &header, true
		return nil
	}
	f.open = true
	return f.wrap(f.writer.Write(&header))
}

func (f *failures) write(item *record.Item) error {
	if f == nil {
		return nil
	}
	f.worth = true
	return f.wrap(f.writer.Write(item))
}

// end closes the segment of a stage that finished it.
func (f *failures) end() error {
	if f == nil || !f.open {
		return nil
	}
	f.worth = true
	return f.close()
}

func (f *failures) close() error {
	if !f.open {
		return nil
	}
	f.open = false
	if f.file == nil {
		return nil
	}
	return f.wrap(f.writer.Write(&record.End{}))
}

// commit makes the file appear, also when the stage failed and there is
// something in it: that is when it is needed most.
func (f *failures) commit() error {
	if f == nil || f.file == nil {
		return nil
	}
	if !f.worth {
		return f.wrap(f.file.Cleanup())
	}
	err := f.close()
	if err == nil {
		err = f.writer.Flush()
	}
	if err != nil {
		return f.wrap(errors.Join(err, f.file.Cleanup()))
	}
	return f.wrap(f.file.CloseAtomicallyReplace())
}

func (f *failures) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the failures: %w", err)
}

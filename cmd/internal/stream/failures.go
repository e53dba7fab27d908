package stream

import (
	"errors"
	"fmt"

	"github.com/google/renameio/v2"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// failures is the file of skipped items. Its methods do nothing on nil.
type failures struct {
	file   *renameio.PendingFile
	writer *record.Writer
	open   bool // a segment is
	worth  bool // a segment came to its end, or an item failed
}

func createFailures(path string, inputs []string) (*failures, error) {
	if err := cli.CheckOutputFile(path, inputs...); err != nil {
		return nil, fmt.Errorf("--failures: %w", err)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666))
	if err != nil {
		return nil, fmt.Errorf("--failures: %w", err)
	}
	return &failures{file: file, writer: record.NewWriter(file, record.FramedJSON)}, nil
}

func (f *failures) begin(h *record.Header) error {
	if f == nil {
		return nil
	}
	if err := f.close(); err != nil {
		return err
	}
	f.open = true
	header := *h
	header.Expected = 0 // that is not how many fail
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
	return f.wrap(f.writer.Write(&record.End{}))
}

// commit makes the file appear, also when the stage failed and there is
// something in it: that is when it is needed most.
func (f *failures) commit() error {
	if f == nil {
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

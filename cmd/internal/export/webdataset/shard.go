package webdataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/cmd/internal/export/provenance"
)

// A set is the files of one set, the last of which may be open.
type set struct {
	name   string
	shards []*shard
	open   *os.File // that of the last
	buffer *bufio.Writer
}

// A shard is one tar file, hidden until all are whole.
type shard struct {
	path    string
	size    int64
	samples []sample
}

// A sample is where one stands, and whose number it has.
type sample struct {
	size  uint32 // the number is in the last classSize bytes
	class int32  // in Writer.classes; -1: it has none
}

// append writes a sample to the last file, or a new one if that is full.
func (s *set) append(w *Writer, data []byte, class int) error {
	if int64(len(data))+endSize > w.MaxBytes {
		return &provenance.Problem{Err: fmt.Errorf("a sample takes %d bytes of a file of at most %d", len(data)+endSize, w.MaxBytes), Next: "allow larger files with --tar-size"}
	}
	if s.open != nil {
		last := s.shards[len(s.shards)-1]
		if len(last.samples) == w.MaxCount || last.size+int64(len(data))+endSize > w.MaxBytes {
			if err := s.end(); err != nil {
				return err
			}
		}
	}
	if s.open == nil {
		if err := s.begin(w.name.file(s.name, len(s.shards))); err != nil {
			return err
		}
	}
	last := s.shards[len(s.shards)-1]
	last.size += int64(len(data))
	last.samples = append(last.samples, sample{uint32(len(data)), int32(class)})
	_, err := s.buffer.Write(data)
	return err
}

func (s *set) begin(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	// What a killed run has left is used again.
	if s.open, err = os.OpenFile(newfile.Part(path), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666); err != nil {
		return err
	}
	s.buffer = bufio.NewWriterSize(s.open, 256<<10)
	s.shards = append(s.shards, &shard{path: path})
	return nil
}

// end ends the last file.
func (s *set) end() error {
	_, err := s.buffer.Write(make([]byte, endSize))
	err = errors.Join(err, s.buffer.Flush(), s.open.Sync(), s.open.Close())
	s.open = nil
	return err
}

func (s *set) close() error {
	if s.open == nil {
		return nil
	}
	err := s.open.Close()
	s.open = nil
	return err
}

// renumber gives the samples the numbers of their classes, where they were
// written with others. final has one for each of classes.
func (s *shard) renumber(classes []class, final []int) (err error) {
	changed := func(id int32) bool { return id >= 0 && classes[id].written != final[id] }
	var file *os.File
	at := int64(0)
	for _, sample := range s.samples {
		at += int64(sample.size)
		if !changed(sample.class) {
			continue
		}
		if file == nil {
			if file, err = os.OpenFile(newfile.Part(s.path), os.O_RDWR, 0); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, file.Sync(), file.Close()) }()
		}
		var header [blockSize]byte
		if _, err := file.ReadAt(header[:], at-classSize); err != nil {
			return err
		}
		name, _, _ := bytes.Cut(header[:100], []byte{0})
		base := bytes.TrimSuffix(name, []byte(".cls"))
		blocks, err := encodeClass(string(base), final[sample.class])
		if err != nil {
			return err
		}
		if _, err := file.WriteAt(blocks, at-classSize); err != nil {
			return err
		}
	}
	return nil
}

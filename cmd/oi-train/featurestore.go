package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// A featureStore keeps the features of pictures in the file of the checkpoint,
// by the SHA-256 of their pixels, so that an interrupted run need not compute
// them again, whatever items come then and in whatever order. On disk it is
//
//	"oi-ckptf"  8 bytes
//	of          32 bytes, the identity of the backbone, and of its tail if
//	            that is to be fine-tuned
//	rows        each the SHA-256 of the pixels, the features as float16 or
//	            float32, the map that the tail begins with likewise, and a
//	            CRC-32C of all
//
// with little-endian numbers. What follows a row that is cut or damaged is
// dropped.
type featureStore struct {
	file    *os.File
	of      [32]byte
	dim     int // numbers of the features
	size    int // numbers of the map, 0 without one
	dtype   transfer.DType
	rows    map[dataset.Picture]int
	n       int // rows in the file
	buffers sync.Pool
}

const featuresHead = len(checkpointMagic) + 1 + 32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *featureStore) width() int {
	if s.dtype == transfer.Float16 {
		return 2
	}
	return 4
}

func (s *featureStore) rowSize() int {
	return len(dataset.Picture{}) + (s.dim+s.size)*s.width() + crc32.Size
}

// openFeatures opens the store of a run; with --resume it has the features of
// an earlier one, unless the items bring theirs.
func openFeatures(o *options, env *cli.Env, b *transfer.Backbone, tail *transfer.Tail, brought bool) (_ *featureStore, err error) {
	s := &featureStore{dim: b.Dim, dtype: transfer.DType(b.DType), rows: map[dataset.Picture]int{}}
	if _, err := hex.Decode(s.of[:], []byte(b.Of)); err != nil {
		return nil, err
	}
	if tail != nil {
		s.size = tail.Size
		s.of = sha256.Sum256(fmt.Appendf(s.of[:], "%s %s", tail.Text(), tail.Begins))
	}
	path := o.checkpoint()
	if _, err := os.Stat(path); err == nil && !o.resume {
		env.Warnf("%s is the checkpoint of a run that did not end, and is replaced (--resume would go on from it)", path)
	} else if errors.Is(err, fs.ErrNotExist) && o.resume {
		env.Infof("there is no checkpoint %s: starting from the beginning", path)
	}
	if s.file, err = posixfile.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.file.Close())
		}
	}()
	if o.resume && !brought {
		if err := s.read(); err != nil {
			return nil, cli.WithHint(fmt.Errorf("%s: %w", path, err), freshStartHint)
		}
	}
	head := append([]byte(checkpointMagic), featuresVersion)
	if _, err := s.file.WriteAt(append(head, s.of[:]...), 0); err != nil {
		return nil, err
	}
	if s.n > 0 {
		env.Infof("going on with the features of %d pictures, from %s", s.n, path)
	}
	return s, s.file.Truncate(s.offset(s.n))
}

// Close closes the file, which stays.
func (s *featureStore) Close() error { return s.file.Close() }

// offset is where a row begins.
func (s *featureStore) offset(row int) int64 {
	return int64(featuresHead) + int64(row)*int64(s.rowSize())
}

// read takes what an earlier run left.
func (s *featureStore) read() error {
	in := bufio.NewReaderSize(s.file, 1<<16)
	head := make([]byte, featuresHead)
	switch n, err := io.ReadFull(in, head); {
	case n == 0 && errors.Is(err, io.EOF):
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	magic, version := head[:len(checkpointMagic)], head[len(checkpointMagic)]
	switch {
	case string(magic) != checkpointMagic:
		return errNoCheckpoint
	case version != featuresVersion:
		return errors.New("a checkpoint of a run without --backbone, which this one has")
	case !bytes.Equal(head[len(checkpointMagic)+1:], s.of[:]):
		return fmt.Errorf("it has features of another backbone, cut, normalisation or --fine-tune: %x, now %x", head[len(checkpointMagic)+1:], s.of)
	}
	row := make([]byte, s.rowSize())
	for {
		if _, err := io.ReadFull(in, row); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
		at := len(row) - crc32.Size
		if binary.LittleEndian.Uint32(row[at:]) != crc32.Checksum(row[:at], castagnoli) {
			return nil
		}
		s.rows[dataset.Picture(row)] = s.n
		s.n++
	}
}

// add appends the features [n][D], and the maps [n][Size], of pictures.
func (s *featureStore) add(pictures []dataset.Picture, features, maps []float32) error {
	b := make([]byte, 0, len(pictures)*s.rowSize())
	for i, p := range pictures {
		start := len(b)
		b = append(b, p[:]...)
		b = s.dtype.Append(b, features[i*s.dim:][:s.dim])
		b = s.dtype.Append(b, maps[i*s.size:][:s.size])
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	}
	if _, err := s.file.WriteAt(b, s.offset(s.n)); err != nil {
		return fmt.Errorf("keep features: %w", err)
	}
	s.n += len(pictures)
	return nil
}

// source returns rows of the store as a source: in memory if they take up to
// limit bytes there.
func (s *featureStore) source(rows []int32, limit int64) (logreg.Source, error) {
	in := &storedFeatures{s, rows}
	if size := int64(len(rows)) * int64(s.dim); 4*size > limit {
		return in, nil
	}
	values := make([]float32, len(rows)*s.dim)
	if err := in.Read(values, 0); err != nil {
		return nil, err
	}
	return logreg.NewMatrix(values, s.dim)
}

// readMaps reads the maps of rows, [rows][Size].
func (s *featureStore) readMaps(dst []float32, rows []int32) error {
	raw := make([]byte, s.size*s.width())
	skip := int64(len(dataset.Picture{}) + s.dim*s.width())
	for i, row := range rows {
		if _, err := s.file.ReadAt(raw, s.offset(int(row))+skip); err != nil {
			return fmt.Errorf("read back maps: %w", err)
		}
		s.dtype.Decode(dst[i*s.size:][:s.size], raw)
	}
	return nil
}

// storedFeatures are rows of a store, as a logreg.Source.
type storedFeatures struct {
	store *featureStore
	rows  []int32
}

func (f *storedFeatures) Rows() int { return len(f.rows) }
func (f *storedFeatures) Dim() int  { return f.store.dim }

// Read reads rows that follow each other together, unless there are maps between
// their features.
func (f *storedFeatures) Read(dst []float32, first int) error {
	s := f.store
	buffer, ok := s.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	defer s.buffers.Put(buffer)
	features := len(dataset.Picture{}) + s.dim*s.width()
	for left := len(dst) / s.dim; left > 0; {
		run := 1
		for s.size == 0 && run < left && int(f.rows[first+run]) == int(f.rows[first])+run {
			run++
		}
		n := (run-1)*s.rowSize() + features
		if cap(*buffer) < n {
			*buffer = make([]byte, n)
		}
		raw := (*buffer)[:n]
		if _, err := s.file.ReadAt(raw, s.offset(int(f.rows[first]))); err != nil {
			return fmt.Errorf("read back features: %w", err)
		}
		for at := 0; at < n; at += s.rowSize() {
			s.dtype.Decode(dst[:s.dim], raw[at+len(dataset.Picture{}):])
			dst = dst[s.dim:]
		}
		first, left = first+run, left-run
	}
	return nil
}

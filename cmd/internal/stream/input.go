package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

const (
	// readBuffer suits pipes: package cli makes them hold as much.
	readBuffer = 256 << 10
	// maxWindow bounds what a zstd frame may ask for.
	maxWindow = 64 << 20

	stdin = "standard input"
)

// A File is a FILE, or standard input, that was opened once: its first bytes
// can be looked at, and are still there for whoever reads on.
type File struct {
	*bufio.Reader
	Name   string // for people
	source io.Reader
	close  func() error
}

// OpenFile opens a file for reading, "-" being standard input.
func OpenFile(env *cli.Env, name string) (*File, error) {
	f := &File{Name: stdin, source: env.Stdin, close: func() error { return nil }}
	if name != "-" {
		file, err := env.Open(name)
		if err != nil {
			return nil, err
		}
		f.Name, f.source, f.close = name, file, file.Close
	}
	f.Reader = bufio.NewReaderSize(f.source, readBuffer)
	return f, nil
}

// First returns up to n of the bytes to be read next, less if there are not as
// many.
func (f *File) First(n int) ([]byte, error) {
	first, err := f.Peek(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return first, err
}

// Standard reports whether it is standard input.
func (f *File) Standard() bool { return f.Name == stdin }

// Close closes the file.
func (f *File) Close() error { return f.close() }

// Magic of the compressed forms of a stream.
const (
	zstdMagic = "\x28\xb5\x2f\xfd"
	gzipMagic = "\x1f\x8b"
)

// MayBegin reports whether a stream, compressed or not, may begin like this.
func MayBegin(first []byte) bool {
	if json := bytes.TrimLeft(bytes.TrimPrefix(first, []byte("\ufeff")), " \t\r\n"); len(json) > 0 && json[0] == '{' {
		return true
	}
	return bytes.HasPrefix(first, []byte(zstdMagic)) || bytes.HasPrefix(first, []byte(gzipMagic)) ||
		len(first) > 0 && (first[0]&0xf0 == 0x80 || first[0] == 0xde || first[0] == 0xdf) // a MessagePack map
}

// An Input is the records of one or more files, or of standard input, one
// after the other.
type Input struct {
	env    *cli.Env
	flags  *Flags
	names  []string // still to open; "-" is standard input
	name   string   // of the file being read
	number int      // of it among the files, from 1
	reader *record.Reader
	closes []func() error // of the file being read
	photo  sharedPhoto
}

// Open returns the records of files, "-" being standard input, which is also
// what no files at all mean. Compression is recognised by its magic.
func Open(env *cli.Env, f *Flags, files []string) (*Input, error) {
	return OpenFrom(env, f, nil, files)
}

// OpenFrom is Open where the first of the files is open already, unless first
// is nil.
func OpenFrom(env *cli.Env, f *Flags, first *File, files []string) (*Input, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	in := &Input{env: env, flags: f, names: files}
	if err := in.next(first); err != nil {
		return nil, err
	}
	return in, nil
}

// next opens the next file, unless it is open already.
func (in *Input) next(file *File) (err error) {
	if err := in.Close(); err != nil {
		return in.explain(err)
	}
	if file == nil {
		if file, err = OpenFile(in.env, in.names[0]); err != nil {
			return err
		}
	}
	in.names = in.names[1:]
	in.number++
	in.name = file.Name
	in.closes = append(in.closes, file.Close)
	if in.env.Overwrites(file.source) {
		return cli.Usagef("%s: the input is also the output", in.name)
	}
	plain, err := in.decompress(file)
	if err != nil {
		return in.explain(err)
	}
	var options []record.ReaderOption
	if in.flags.Salvage {
		options = append(options, record.Salvage())
	}
	if in.flags.Part {
		options = append(options, record.SinglePiece())
	}
	in.reader = record.NewReader(plain, options...)
	return nil
}

// decompress looks at the first bytes.
func (in *Input) decompress(file *File) (io.Reader, error) {
	magic, err := file.First(len(zstdMagic))
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte(zstdMagic)):
		d, err := zstd.NewReader(file, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		in.closes = append(in.closes, func() error { d.Close(); return nil })
		return &compressed{d}, nil
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		d, err := gzip.NewReader(file)
		if err != nil {
			return nil, cut(err)
		}
		in.closes = append(in.closes, d.Close)
		return &compressed{d}, nil
	}
	return file, nil
}

// compressed explains what the decompressor says.
type compressed struct{ r io.Reader }

func (c *compressed) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	switch {
	case errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, gzip.ErrHeader):
		err = errors.New("the compressed data is followed by something else: streams can be joined if all are compressed the same way, or none")
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = fmt.Errorf("its zstd window is above the limit of %d MiB", maxWindow>>20)
	}
	return n, cut(err)
}

// cut tells a compressed stream that was cut from one that is wrong.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return record.ErrTruncated
	}
	return err
}

// Read returns the next record, and io.EOF after the last file's last one.
// Errors name the file.
func (in *Input) Read() (record.Record, error) {
	for {
		r, err := in.reader.Read()
		if err == nil {
			err = in.photo.take(r)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, in.explain(err)
		}
		if err == nil {
			return r, nil
		}
		in.photo = sharedPhoto{}
		if lost := in.reader.Damage(); lost.Regions > 0 {
			in.env.Warnf("%s: lost %d bytes to damage in %d places", in.name, lost.Bytes, lost.Regions)
		}
		if len(in.names) == 0 {
			return nil, io.EOF
		}
		if err := in.next(nil); err != nil {
			return nil, err
		}
	}
}

// Items yields the items alone and ends after the first error.
func (in *Input) Items() iter.Seq2[*record.Item, error] {
	return func(yield func(*record.Item, error) bool) {
		for {
			r, err := in.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if item, ok := r.(*record.Item); ok && !yield(item, nil) {
				return
			}
		}
	}
}

// Name returns the name of the file being read.
func (in *Input) Name() string { return in.name }

// Number returns its number among the files, from 1.
func (in *Input) Number() int { return in.number }

// Close closes the file being read.
func (in *Input) Close() error {
	var errs []error
	for _, c := range in.closes {
		errs = append(errs, c())
	}
	in.closes = nil
	return errors.Join(errs...)
}

// explain names the file and, where there is one, the next step.
func (in *Input) explain(err error) error {
	if err == nil {
		return nil
	}
	named := fmt.Errorf("%s: %w", in.name, err)
	var skips *record.SkipError
	var account *record.AccountError
	switch {
	case errors.As(err, &account) && in.reader.Encoding() == record.FramedJSON:
		return cli.WithHint(named, "framed JSON ends with counts of its items; what jq is to choose from goes without: --json")
	case errors.As(err, &account):
		return cli.WithHint(named, "run what made it again; a filter of one's own must count its items too: go doc github.com/opensandwich/oi/record")
	case errors.As(err, &skips) && skips.Limit == "":
		return cli.WithHint(named, fmt.Sprintf("nothing came through in any piece, which is a failure whatever --max-skips allows; %.40s -v names each one", skips.Counts.Tool))
	case errors.As(err, &skips):
		return cli.WithHint(named, fmt.Sprintf("the pieces ran under --max-skips '%s', which is for all of them together; %.40s -v names each one", skips.Limit, skips.Counts.Tool))
	case errors.Is(err, record.ErrEmpty) && in.name == stdin:
		return cli.BlameUpstream(fmt.Errorf("%w: the stage before sent nothing; see its message", named))
	case errors.Is(err, record.ErrTruncated) && in.name == stdin:
		return cli.BlameUpstream(named)
	case errors.Is(err, record.ErrNotStream):
		return cli.WithHint(named, "want the output of an oi- command, or its items as JSON")
	case errors.Is(err, record.ErrDamaged):
		return cli.WithHint(named, "--salvage steps over damaged records and counts what was lost")
	}
	return named
}

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
	// readBuffer suits pipes, whose reads return 64 KiB at most.
	readBuffer = 256 << 10
	// maxWindow bounds what a zstd frame may ask for.
	maxWindow = 64 << 20

	stdin = "standard input"
)

// An Input is the records of one or more files, or of standard input, one
// after the other.
type Input struct {
	env    *cli.Env
	flags  *Flags
	names  []string // still to open; "-" is standard input
	name   string   // of the file being read
	number int      // of it among the files, from 1
	reader *record.Reader
	closes []func() error
}

// Open returns the records of files, "-" being standard input, which is also
// what no files at all mean. Compression is recognised by its magic.
func Open(env *cli.Env, f *Flags, files []string) (*Input, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	in := &Input{env: env, flags: f, names: files}
	if err := in.next(); err != nil {
		return nil, err
	}
	return in, nil
}

// next opens the next file.
func (in *Input) next() error {
	name := in.names[0]
	in.names = in.names[1:]
	in.number++
	source := in.env.Stdin
	in.name = stdin
	if name != "-" {
		file, err := in.env.Open(name)
		if err != nil {
			return err
		}
		in.closes = append(in.closes, file.Close)
		source, in.name = file, name
	}
	if in.env.Overwrites(source) {
		return cli.Usagef("%s: the input is also the output", in.name)
	}
	plain, err := in.decompress(source)
	if err != nil {
		return in.explain(err)
	}
	var options []record.ReaderOption
	if in.flags.Salvage {
		options = append(options, record.Salvage())
	}
	if in.flags.Part {
		options = append(options, record.Pieces())
	}
	in.reader = record.NewReader(plain, options...)
	return nil
}

// decompress looks at the first bytes.
func (in *Input) decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, readBuffer)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		in.closes = append(in.closes, func() error { d.Close(); return nil })
		return &compressed{d}, nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		d, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, cut(err)
		}
		in.closes = append(in.closes, d.Close)
		return &compressed{d}, nil
	}
	return buffered, nil
}

// compressed explains what the decompressor says.
type compressed struct{ r io.Reader }

func (c *compressed) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	switch {
	case errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, gzip.ErrHeader):
		err = errors.New("the compressed data is followed by something else")
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
		if !errors.Is(err, io.EOF) {
			return r, in.explain(err)
		}
		if lost := in.reader.Lost(); lost.Places > 0 {
			in.env.Warnf("%s: lost %d bytes to damage in %d places", in.name, lost.Bytes, lost.Places)
		}
		if len(in.names) == 0 {
			return nil, io.EOF
		}
		if err := in.next(); err != nil {
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

// Close closes the files.
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
	switch {
	case errors.As(err, &skips) && skips.Limit == "":
		return cli.WithHint(named, fmt.Sprintf("nothing came through in any piece, which is a failure whatever --max-skips allows; %.40s -v names each one", skips.Count.Tool))
	case errors.As(err, &skips):
		return cli.WithHint(named, fmt.Sprintf("the pieces ran under --max-skips '%s', which is for all of them together; %.40s -v names each one", skips.Limit, skips.Count.Tool))
	case errors.Is(err, record.ErrEmpty) && in.name == stdin:
		return cli.WithHint(named, "the stage before sent nothing; see its message")
	case errors.Is(err, record.ErrNotStream):
		return cli.WithHint(named, "want the output of an oi- command, or its items as JSON")
	case errors.Is(err, record.ErrDamaged):
		return cli.WithHint(named, "--salvage steps over damaged records and counts what was lost")
	}
	return named
}

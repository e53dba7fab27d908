package stream

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

const writeBuffer = 64 << 10

// ErrBrokenPipe is what Write, Flush and Close return once nobody reads
// standard output any more.
var ErrBrokenPipe = cli.ErrDownstreamGone

// An Output writes records to standard output.
type Output struct {
	encoding record.Encoding
	writer   *record.Writer
	buffer   *bufio.Writer
	zstd     *zstd.Encoder
}

// Create returns the output in the form that the flags ask for. Bytes that
// no person can read are refused on a terminal.
func Create(env *cli.Env, f *Flags) (*Output, error) {
	encoding, err := f.encoding()
	if err != nil {
		return nil, err
	}
	if env.StdoutTTY && (encoding == record.Binary || f.Zstd) {
		return nil, cli.WithHint(cli.Usagef("binary records would garble the terminal"), "pipe them into the next stage or a file, or read them with --json")
	}
	o := &Output{encoding: encoding}
	var sink io.Writer = env.Stdout
	if f.Zstd {
		// One goroutine and no flush before the end: where blocks begin
		// must not depend on timing.
		o.zstd, err = zstd.NewWriter(sink, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
		if err != nil {
			return nil, err
		}
		sink = o.zstd
	}
	o.buffer = bufio.NewWriterSize(sink, writeBuffer)
	o.writer = record.NewWriter(o.buffer, encoding)
	return o, nil
}

// framed reports whether headers, ends and parts are written too.
func (o *Output) framed() bool { return o.encoding != record.JSON }

// Write writes one record.
func (o *Output) Write(r record.Record) error { return o.writer.Write(r) }

// NewEncoder returns an Encoder of items for WriteEncoded, so that several
// goroutines can prepare what one of them writes.
func (o *Output) NewEncoder() *record.Encoder { return record.NewEncoder(o.encoding) }

// WriteEncoded writes items that Encoders of o have appended to one another;
// see [record.Writer.WriteEncoded].
func (o *Output) WriteEncoded(items []byte) error { return o.writer.WriteEncoded(items) }

// Flush hands on what is written so far. Compressed output keeps it until
// the end.
func (o *Output) Flush() error {
	if o.zstd != nil {
		return nil
	}
	return o.flush()
}

func (o *Output) flush() error {
	if err := o.writer.Flush(); err != nil {
		return err
	}
	return o.buffer.Flush()
}

// Close hands on everything. It does not write an end record.
func (o *Output) Close() error {
	err := o.flush()
	if o.zstd != nil {
		err = errors.Join(err, o.zstd.Close())
	}
	return err
}

package record

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTruncated reports a stream that stops before its end record, or in
	// the middle of one: whoever wrote it did not finish.
	ErrTruncated = errors.New("the stream stops early: the stage before failed or was killed; see its message")

	// ErrEmpty reports input without a single byte (or, as JSON, without a
	// single object). A stage that finished well writes at least a header
	// and an end.
	ErrEmpty = errors.New("the input is empty")

	// ErrNotStream reports input whose first byte opens neither a
	// MessagePack map nor a JSON object.
	ErrNotStream = errors.New("the input is not a record stream")

	// ErrDamaged reports a record of the binary form whose bytes do not fit
	// its trailer. It is what Salvage steps over; nothing else is.
	ErrDamaged = errors.New("a damaged record")
)

// A damagedError is an error that is ErrDamaged and says what does not fit.
type damagedError struct{ error }

func (e damagedError) Is(target error) bool { return target == ErrDamaged }
func (e damagedError) Unwrap() error        { return e.error }

// A FormatError says where a stream, or a record given to a Writer, breaks the
// rules of the format.
type FormatError struct {
	Record int64  // number of the record, the first is 1; 0 where it is not known
	Offset int64  // bytes before the place of the error
	Line   int64  // line of the record's first byte in JSON input, else 0
	Field  string // path of the key, such as box.xmin or avoid[2].ymax; may be ""
	Err    error
}

func (e *FormatError) Error() string {
	var b strings.Builder
	if e.Record > 0 {
		fmt.Fprintf(&b, "record %d", e.Record)
		if e.Line > 0 {
			fmt.Fprintf(&b, ", line %d", e.Line)
		}
		fmt.Fprintf(&b, ", byte %d: ", e.Offset)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, "%.200s: ", e.Field) // a key may be a megabyte long
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

func (e *FormatError) Unwrap() error { return e.Err }

// A LimitError reports a size above one of the Limits.
type LimitError struct {
	What  string // what is too large: record, string, depth, keys
	Size  int64  // as claimed by the stream
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s of %d is above the limit of %d", e.What, e.Size, e.Limit)
}

// A VersionError reports a header of another version of the format.
type VersionError struct{ Version int64 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("stream format version %d: this program knows version %d only", e.Version, Version)
}

// A fieldError is an error inside one record. Its path grows from the inside
// outwards as the call stack unwinds; the Reader or Writer turns it into a
// FormatError.
type fieldError struct {
	path string
	at   int // index of the byte in the record's buffer
	err  error
}

func (e *fieldError) Error() string {
	if e.path == "" {
		return e.err.Error()
	}
	return e.path + ": " + e.err.Error()
}

func (e *fieldError) Unwrap() error { return e.err }

// withPath puts key in front of the path of err. An error without a place is
// given the place at.
func withPath(key string, at int, err error) error {
	fe, ok := err.(*fieldError)
	if !ok {
		return &fieldError{path: key, at: at, err: err}
	}
	switch {
	case key == "":
	case fe.path == "":
		fe.path = key
	case strings.HasPrefix(fe.path, "["):
		fe.path = key + fe.path
	default:
		fe.path = key + "." + fe.path
	}
	return fe
}

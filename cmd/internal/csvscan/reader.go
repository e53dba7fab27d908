package csvscan

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

const (
	// blockSize is read at once. It fits a core's second-level cache, so
	// that the looks at a block after the first cost next to nothing.
	blockSize = 256 << 10
	// pieceSize is what is looked at twice or more in a row.
	pieceSize = 64 << 10
	// MaxRow bounds a row with its quoted line breaks, in bytes.
	MaxRow = 1 << 20
)

// errLongRow is the error of a row beyond MaxRow.
var errLongRow = fmt.Errorf("row is longer than %d bytes", MaxRow)

// A csvReader reads a CSV file with a header, by RFC 4180 with the liberties of
// encoding/csv: rows end in LF or CRLF, the last one in either or nothing,
// empty lines are no rows, and CRLF within quotes reads as LF. Unlike there, a
// quote inside a field that does not begin with one stands for itself, and
// after a broken row reading goes on with the next line. Only a last row that
// lacks fields and its line end stops it: the file has been cut.
//
// It is fast because it only looks for line ends and the commas up to one
// column, and takes apart the rows that are wanted and those with quotes.
type csvReader struct {
	ctx    context.Context
	file   string // for messages
	r      io.Reader
	base   int64  // where buf[0] is in the file
	buf    []byte // buf[pos:end] is read and not yet looked at
	pos    int
	end    int
	eof    bool
	open   bool  // the file's last row has no line end of its own
	line   int64 // line number of buf[pos]
	stop   int64 // no row that begins after this place is looked at
	header Header
	record parser
}

// newReader reads the header.
func newReader(ctx context.Context, r io.Reader, file string) (*csvReader, error) {
	const mark = "\xef\xbb\xbf" // of UTF-8
	// As long as this is looked for, and the header, little is enough. The
	// buffer grows as more is read.
	const little = 16 << 10
	t := &csvReader{ctx: ctx, file: file, header: Header{File: file}, r: r, buf: make([]byte, little), line: 1, stop: int64(len(mark)) - 1}
	defer func() { t.stop = math.MaxInt64 }()
	if err := t.fill(); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(t.buf[:t.end], []byte(mark)) {
		t.pos = len(mark)
	}
	for {
		fields, err := t.next()
		if err == io.EOF {
			return nil, fmt.Errorf("%s: empty file, expected a CSV header", file)
		}
		if err != nil {
			return nil, err
		}
		if fields == nil {
			continue // an empty line
		}
		for _, f := range fields {
			t.header.Columns = append(t.header.Columns, string(f))
		}
		return t, nil
	}
}

// next takes the next line apart, whatever it holds. It returns nil fields for
// an empty line, and io.EOF at the end.
func (t *csvReader) next() ([][]byte, error) {
	for {
		n, lines, err := t.record.parseRow(t.buf[t.pos:t.end])
		if err == errMore {
			if t.pos == t.end && t.eof {
				return nil, io.EOF
			}
			if t.eof {
				return nil, &RowError{t.file, t.line, errOpenQuote}
			}
			if err := t.fill(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, &RowError{t.file, t.line, err}
		}
		t.pos += n
		t.line += lines
		return t.record.fields, nil
	}
}

// at is where in the file the next row begins.
func (t *csvReader) at() int64 { return t.base + int64(t.pos) }

// A Header is the first row of a file.
type Header struct {
	File    string // for messages
	Columns []string
}

// Column returns the position of a column, or -1.
func (h Header) Column(name string) int { return slices.Index(h.Columns, name) }

// Require returns an error if a column is missing.
func (h Header) Require(names ...string) error {
	var missing []string
	for _, name := range names {
		if h.Column(name) < 0 {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	found := strings.Join(h.Columns, ",")
	return &RowError{h.File, 1, fmt.Errorf("no column %s, found %s%s", strings.Join(missing, ", "), Abbreviate(found), otherFormat(found))}
}

// otherFormat says what a header that lacks columns looks like, if not a CSV in
// UTF-8 with commas, and what makes it one.
func otherFormat(header string) string {
	switch {
	case strings.Contains(header, "\x00"):
		return ": this may be UTF-16, which iconv -f UTF-16 -t UTF-8 turns into UTF-8"
	case strings.Contains(header, "\r"):
		return `: the lines end in a carriage return alone, which tr '\r' '\n' mends`
	case strings.Contains(header, ","):
		return ""
	case strings.ContainsAny(header, ";\t|"):
		return ": fields are divided by commas"
	}
	return ""
}

// Abbreviate keeps a message readable when the file is no CSV at all.
func Abbreviate(s string) string {
	const most = 200
	if len(s) <= most {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:most], "?") + "…"
}

// fill reads more after what is left, which moves to the front. At the end of
// the file a missing last line end is added.
func (t *csvReader) fill() error {
	if err := context.Cause(t.ctx); err != nil {
		return err
	}
	copy(t.buf, t.buf[t.pos:t.end])
	t.base += int64(t.pos)
	t.end -= t.pos
	t.pos = 0
	if len(t.buf)-t.end < blockSize/2 { // a row longer than any so far
		larger := make([]byte, 2*len(t.buf))
		copy(larger, t.buf[:t.end])
		t.buf = larger
	}
	// The last byte is kept for the line end.
	for room := t.buf[t.end : len(t.buf)-1]; len(room) > 0 && !t.eof; room = t.buf[t.end : len(t.buf)-1] {
		n, err := t.r.Read(room)
		t.end += n
		if err == io.EOF {
			t.eof = true
		} else if err != nil {
			return fmt.Errorf("read %s: %w", t.file, err)
		}
		if n > 0 && (t.end >= len(t.buf)/2 || t.base+int64(t.end) > t.stop) {
			break
		}
	}
	if t.eof && t.end > 0 && t.buf[t.end-1] != '\n' {
		t.buf[t.end] = '\n'
		t.end++
		t.open = true
	}
	return nil
}

// A rowHandler is called with rows. Its slices are valid during the call only.
type rowHandler struct {
	column int // where want looks
	id     int // the column of the key, or -1
	// want says whether a row with this value in the column, which begins
	// at the offset, is to be parsed. It is called with every row that has
	// the column. The id is empty where the row breaks off before it.
	want func(value, id []byte, offset int64) bool
	// row gets the fields of a wanted row, as many as the header has.
	row func(fields [][]byte, p Position) error
	// bad gets a row that cannot be parsed: one that was wanted, or one of
	// which that is not known. The scan stops at its error.
	bad func(bad *RowError, p Position, wanted bool) error
	// plain, if set, does what table.plain does.
	plain func(block []byte, v *rowHandler) error
}

// A Position is where a row begins.
type Position struct {
	Line   int64 // from 1, 0 where nobody has counted
	Offset int64 // in bytes
}

// scan goes through the rows after the header.
func (t *csvReader) scan(v rowHandler) error {
	for {
		chunk := t.buf[t.pos:t.end]
		last := bytes.LastIndexByte(chunk, '\n')
		if last >= 0 {
			if err := t.block(chunk[:last+1], &v); err != nil {
				return err
			}
		}
		if t.eof || t.at() > t.stop {
			return nil // at the end, fill ends the last row, so that the block held it
		}
		if t.end-t.pos > MaxRow {
			if err := t.stepOver(errLongRow, &v); err != nil {
				return err
			}
			continue
		}
		if err := t.fill(); err != nil {
			return err
		}
	}
}

// stepOver reports the line at pos as broken and drops it.
func (t *csvReader) stepOver(cause error, v *rowHandler) error {
	bad, here := &RowError{t.file, t.line, cause}, Position{t.line, t.at()}
	for {
		line := t.buf[t.pos:t.end]
		i := bytes.IndexByte(line, '\n')
		if i >= 0 {
			line = line[:i]
		}
		if err := t.checkHole(line); err != nil {
			return err
		}
		if i >= 0 {
			t.pos += i + 1
			t.line++
			return v.bad(bad, here, false)
		}
		t.pos = t.end
		if t.eof {
			return v.bad(bad, here, false)
		}
		if err := t.fill(); err != nil {
			return err
		}
	}
}

// block goes through whole lines, which begin at t.pos. It stops early after
// t.stop, and with t.pos at a row that goes on after the block.
func (t *csvReader) block(block []byte, v *rowHandler) error {
	for len(block) > 0 && t.at() <= t.stop {
		plain := len(block)
		if left := min(t.stop-t.at(), pieceSize); left < int64(plain) {
			if nl := bytes.IndexByte(block[left:], '\n'); nl >= 0 {
				plain = int(left) + nl + 1
			}
		}
		if quote := bytes.IndexByte(block[:plain], '"'); quote >= 0 {
			plain = lastNewline(block[:quote]) + 1
		}
		if plain > MaxRow {
			// The last row alone can be so long: the others end in
			// the piece.
			last := lastNewline(block[:plain-1]) + 1
			if plain-last > MaxRow+1 {
				if last == 0 {
					if err := t.stepOver(errLongRow, v); err != nil {
						return err
					}
					block = block[plain:]
					continue
				}
				plain = last
			}
		}
		if plain > 0 {
			if err := cmp.Or(t.checkHole(block[:plain]), t.checkLast(block[:plain])); err != nil {
				return err
			}
			each := t.plain
			if v.plain != nil {
				each = v.plain
			}
			if err := each(block[:plain], v); err != nil {
				return err
			}
			t.pos += plain
			block = block[plain:]
			continue // perhaps after t.stop by now
		}
		n, err := t.quoted(block, v)
		if err == errMore {
			return nil
		}
		if err != nil {
			return err
		}
		t.pos += n
		block = block[n:]
	}
	return nil
}

// lastNewline is bytes.LastIndexByte for '\n', eight bytes at a time.
func lastNewline(data []byte) int {
	for len(data) >= 8 && bitsOf('\n', binary.LittleEndian.Uint64(data[len(data)-8:])) == 0 {
		data = data[:len(data)-8]
	}
	return bytes.LastIndexByte(data, '\n')
}

// checkLast returns an error if the whole lines without a single quote hold
// the file's last row and it has been cut.
func (t *csvReader) checkLast(plain []byte) error {
	if !t.open || len(plain) == 0 || t.pos+len(plain) < t.end {
		return nil
	}
	plain = plain[:len(plain)-1]
	row := bytes.TrimSuffix(plain[bytes.LastIndexByte(plain, '\n')+1:], []byte{'\r'})
	if n := bytes.Count(row, comma) + 1; len(row) > 0 && n < len(t.header.Columns) {
		return t.cut(n, t.line+int64(bytes.Count(plain, []byte{'\n'})))
	}
	return nil
}

// holeSize is how many zero bytes in a row are a hole. What was left out of a
// file is at least a sector of 512 bytes.
const holeSize = 64

// hole returns where a hole begins in the data, or -1.
func hole(data []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(data[from:], 0)
		if i < 0 {
			return -1
		}
		from += i
		end := from
		for end < len(data) && data[end] == 0 && end-from < holeSize {
			end++
		}
		if end-from == holeSize {
			return from
		}
		from = end
	}
}

// checkHole returns an error if a part of the lines at t.pos has never been
// written. Which rows were there nobody knows, wanted ones perhaps, so it is no
// matter of a single row.
func (t *csvReader) checkHole(lines []byte) error {
	if i := hole(lines); i >= 0 {
		return &RowError{t.file, t.line + int64(bytes.Count(lines[:i], []byte{'\n'})), ErrHole}
	}
	return nil
}

// plain goes through whole lines without a single quote.
func (t *csvReader) plain(block []byte, v *rowHandler) error {
	here := Position{t.line, t.at()}
	for len(block) > 0 {
		nl := bytes.IndexByte(block, '\n')
		if err := t.one(block[:nl], here, v); err != nil {
			return err
		}
		block = block[nl+1:]
		here.Line++
		here.Offset += int64(nl) + 1
	}
	t.line = here.Line
	return nil
}

// one looks at one line without quotes and without its end.
func (t *csvReader) one(row []byte, here Position, v *rowHandler) error {
	if n := len(row); n > 0 && row[n-1] == '\r' {
		row = row[:n-1]
	}
	if len(row) == 0 {
		return nil
	}
	value, id, ok := v.fields(row)
	if !ok {
		return v.bad(t.tooFew(bytes.Count(row, comma)+1, here.Line), here, false)
	}
	if !v.want(value, id, here.Offset) {
		return nil
	}
	return t.wanted(t.record.split(row), here, v)
}

// fields cuts the two fields that a rowHandler looks at out of a row without
// quotes.
func (v *rowHandler) fields(row []byte) (value, id []byte, ok bool) {
	if value, ok = field(row, v.column); ok && v.id >= 0 {
		id, _ = field(row, v.id)
	}
	return value, id, ok
}

// field returns the field of that number of a row without quotes.
func field(row []byte, number int) ([]byte, bool) {
	for range number {
		comma := bytes.IndexByte(row, ',')
		if comma < 0 {
			return nil, false
		}
		row = row[comma+1:]
	}
	if comma := bytes.IndexByte(row, ','); comma >= 0 {
		row = row[:comma]
	}
	return row, true
}

var comma = []byte{','}

// quoted takes apart the row at the front of block, which holds a quote in its
// first line. It returns errMore if the row goes on after the block.
func (t *csvReader) quoted(block []byte, v *rowHandler) (int, error) {
	n, lines, err := t.record.parseRow(block)
	if err == errMore && !t.eof {
		return 0, errMore
	}
	here := Position{t.line, t.at()}
	if err != nil {
		if err == errMore {
			err = errOpenQuote
		}
		// What comes after a broken quote may be rows, so only the line
		// goes.
		length := bytes.IndexByte(block, '\n') + 1
		if err := t.checkHole(block[:length]); err != nil {
			return 0, err
		}
		if t.open && err == errOpenQuote && t.pos+length == t.end {
			return 0, t.cut(len(t.record.fields)+1, here.Line)
		}
		t.line++
		return length, t.report(&RowError{t.file, here.Line, err}, here, v)
	}
	if err := t.checkHole(block[:n]); err != nil {
		return 0, err
	}
	t.line += lines
	fields := t.record.fields
	switch {
	case t.open && t.pos+n == t.end && len(fields) < len(t.header.Columns):
		return 0, t.cut(len(fields), here.Line)
	case fields == nil:
		return n, nil
	case v.column >= len(fields):
		return n, v.bad(t.tooFew(len(fields), here.Line), here, false)
	case !v.asks(fields, here.Offset):
		return n, nil
	}
	return n, t.wanted(fields, here, v)
}

// asks passes the fields of a row to want.
func (v *rowHandler) asks(fields [][]byte, offset int64) bool {
	var id []byte
	if 0 <= v.id && v.id < len(fields) {
		id = fields[v.id]
	}
	return v.want(fields[v.column], id, offset)
}

// report passes on a row whose quotes are broken, unless the fields before the
// break already say that it is not wanted.
func (t *csvReader) report(bad *RowError, here Position, v *rowHandler) error {
	if fields := t.record.fields; v.column < len(fields) {
		if !v.asks(fields, here.Offset) {
			return nil
		}
		return v.bad(bad, here, true)
	}
	return v.bad(bad, here, false)
}

func (t *csvReader) wanted(fields [][]byte, here Position, v *rowHandler) error {
	if len(fields) != len(t.header.Columns) {
		return v.bad(t.tooFew(len(fields), here.Line), here, true)
	}
	return v.row(fields, here)
}

func (t *csvReader) tooFew(n int, line int64) *RowError {
	return &RowError{t.file, line, fmt.Errorf("expected %d fields, found %d", len(t.header.Columns), n)}
}

// cut is the error of a file that ends within a row. What else is missing
// cannot be known, so it is no matter of a single row.
func (t *csvReader) cut(n int, line int64) *RowError {
	return &RowError{t.file, line, fmt.Errorf("%w: expected %d fields, found %d", ErrCut, len(t.header.Columns), n)}
}

var (
	// ErrCut is the error of a file that ends within a row.
	ErrCut = errors.New("the file ends within this row")
	// ErrHole is the error of a file with a stretch that was never written,
	// as a disk leaves after a crash, or a copy that was interrupted.
	ErrHole      = errors.New("zero bytes where rows should be: the file is not whole, so get it again")
	errMore      = errors.New("row goes on")
	errOpenQuote = errors.New(`expected a closing "`)
	errQuote     = errors.New(`expected a comma or the line's end behind a closing "`)
)

package csvscan

import "bytes"

// A parser takes rows apart. Its fields are valid until the next row.
type parser struct {
	fields  [][]byte
	scratch []byte // quoted fields that do not stand in the row as they are
}

// split takes apart a row without quotes and without its line end.
func (p *parser) split(row []byte) [][]byte {
	p.fields = p.fields[:0]
	for {
		i := bytes.IndexByte(row, ',')
		if i < 0 {
			p.fields = append(p.fields, row)
			return p.fields
		}
		p.fields = append(p.fields, row[:i])
		row = row[i+1:]
	}
}

// parseRow is parse for a row of at most MaxRow bytes without its line end,
// wherever data ends.
func (p *parser) parseRow(data []byte) (length int, lines int64, err error) {
	length, lines, err = p.parse(data[:min(len(data), MaxRow+1)])
	if err == errMore && len(data) > MaxRow {
		err = errLongRow
	}
	return length, lines, err
}

// parse takes apart the row at the front of data, which may hold more. It
// returns the row's length and its number of lines, or errMore if data ends
// before the row does. fields is nil after an empty line. After an error,
// fields holds those before it.
func (p *parser) parse(data []byte) (length int, lines int64, err error) {
	p.fields = p.fields[:0]
	p.scratch = p.scratch[:0]
	if bytes.HasPrefix(data, []byte("\n")) || bytes.HasPrefix(data, []byte("\r\n")) {
		p.fields = nil
		return bytes.IndexByte(data, '\n') + 1, 1, nil
	}
	lines = 1
	for pos := 0; ; {
		if pos < len(data) && data[pos] == '"' {
			field, n, breaks, err := p.quotedField(data[pos:])
			if err != nil {
				return 0, 0, err
			}
			lines += breaks
			p.fields = append(p.fields, field)
			pos += n
		} else {
			rest := data[pos:]
			nl := bytes.IndexByte(rest, '\n')
			if nl < 0 {
				return 0, 0, errMore
			}
			field := rest[:nl]
			if i := bytes.IndexByte(field, ','); i >= 0 {
				field = field[:i]
			} else if nl > 0 && field[nl-1] == '\r' {
				field = field[:nl-1]
			}
			p.fields = append(p.fields, field)
			pos += len(field)
		}
		switch data[pos] { // both ways above end before a separator
		case ',':
			pos++
		case '\r':
			return pos + 2, lines, nil
		default:
			return pos + 1, lines, nil
		}
	}
}

// quotedField returns the field that begins with the quote at the front of
// data, the number of bytes up to the separator after it, and the line breaks
// within.
func (p *parser) quotedField(data []byte) (field []byte, n int, breaks int64, err error) {
	from := len(p.scratch)
	pos := 1
	for {
		i := bytes.IndexByte(data[pos:], '"')
		if i < 0 {
			return nil, 0, 0, errMore
		}
		text := data[pos : pos+i]
		pos += i + 1
		for {
			nl := bytes.IndexByte(text, '\n')
			if nl < 0 {
				break
			}
			breaks++
			p.scratch = append(p.scratch, text[:nl]...)
			if nl > 0 && text[nl-1] == '\r' {
				p.scratch = p.scratch[:len(p.scratch)-1]
			}
			p.scratch = append(p.scratch, '\n')
			text = text[nl+1:]
		}
		p.scratch = append(p.scratch, text...)
		switch rest := data[pos:]; {
		case len(rest) == 0:
			return nil, 0, 0, errMore
		case rest[0] == '"':
			p.scratch = append(p.scratch, '"')
			pos++
		case rest[0] == ',' || rest[0] == '\n' || bytes.HasPrefix(rest, []byte("\r\n")):
			return p.scratch[from:len(p.scratch):len(p.scratch)], pos, breaks, nil
		case len(rest) == 1 && rest[0] == '\r':
			return nil, 0, 0, errMore
		default:
			return nil, 0, 0, errQuote
		}
	}
}

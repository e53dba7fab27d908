package detection

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// addCredit keeps whom to thank for a photo. Should its items not agree, what
// comes last in order of the alphabet stays, so that the order of the stream
// does not matter.
func (e *Export) addCredit(p *photo, c credits.Row) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sum := fnv.New64a()
	sum.Write(data)
	if p.creditSize > 0 {
		if sum.Sum64() == p.creditHash {
			return nil
		}
		there, err := e.spool.read(p.credit, int(p.creditSize))
		if err != nil || string(there) >= string(data) {
			return err
		}
	}
	if c.License != "" {
		e.licences[strings.Clone(c.License)] = true
	}
	p.credit, err = e.spool.add(data)
	p.creditSize, p.creditHash = uint32(len(data)), sum.Sum64()
	return err
}

func (e *Export) creditOf(p *photo) (c credits.Row, err error) {
	data, err := e.spool.read(p.credit, int(p.creditSize))
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	return c, err
}

// writeCredits writes one line a photo, with the photo's file before the columns
// that oi-fetch --attribution has.
func (e *Export) writeCredits(w io.Writer, order []int32) error {
	buffer := bufio.NewWriter(w)
	out := csv.NewWriter(buffer)
	if err := out.Write(append([]string{"file"}, credits.Columns()...)); err != nil {
		return err
	}
	for _, n := range order {
		p := &e.photos[n]
		c, err := e.creditOf(p)
		if err != nil {
			return err
		}
		if err := out.Write(append([]string{e.fileOf(p)}, c.Fields()...)); err != nil {
			return err
		}
	}
	out.Flush()
	return errors.Join(out.Error(), buffer.Flush())
}

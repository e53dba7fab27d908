package record

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
)

// A Digest identifies some items, in whatever order they come: the sum, modulo
// 2^128, of the SHA-256 of each one's key, or of its id where it has no key. An
// item that stands twice counts twice. The zero Digest is that of no items.
type Digest struct{ Hi, Lo uint64 }

// DigestOf returns the Digest of items.
func DigestOf(items ...*Item) Digest {
	var d Digest
	for _, item := range items {
		name := item.Key
		if name == "" {
			name = item.ID
		}
		sum := sha256.Sum256([]byte(name))
		d = d.Plus(Digest{binary.BigEndian.Uint64(sum[16:]), binary.BigEndian.Uint64(sum[24:])})
	}
	return d
}

// Plus returns the Digest of the items of both.
func (d Digest) Plus(e Digest) Digest {
	lo, carry := bits.Add64(d.Lo, e.Lo, 0)
	hi, _ := bits.Add64(d.Hi, e.Hi, carry)
	return Digest{hi, lo}
}

// Minus returns the Digest of the items of d without those of e.
func (d Digest) Minus(e Digest) Digest {
	lo, borrow := bits.Sub64(d.Lo, e.Lo, 0)
	hi, _ := bits.Sub64(d.Hi, e.Hi, borrow)
	return Digest{hi, lo}
}

// String returns 32 lower-case hex digits.
func (d Digest) String() string { return fmt.Sprintf("%016x%016x", d.Hi, d.Lo) }

// parseDigest reads what String returns.
func parseDigest(s string) (d Digest, err error) {
	if err = checkHex(s, 32); err != nil {
		return d, err
	}
	if d.Hi, err = strconv.ParseUint(s[:16], 16, 64); err != nil {
		return d, err
	}
	d.Lo, err = strconv.ParseUint(s[16:], 16, 64)
	return d, err
}

// Digests say which items a stage counted:
// In + Added = Out + Removed + Skipped.
type Digests struct {
	In, Out, Added, Removed, Skipped Digest
	// Source says that what came in were no items. Then Out alone is known;
	// StageCounts still counts what came in, such as rows.
	Source bool
	Extra  []Field
}

// Balanced reports whether every item that came in or was added is accounted
// for.
func (d Digests) Balanced() bool {
	return d.Source || d.In.Plus(d.Added) == d.Out.Plus(d.Removed).Plus(d.Skipped)
}

// plus returns the sums of both, nil if either is not known.
func (d *Digests) plus(e *Digests) *Digests {
	if d == nil || e == nil || d.Source != e.Source {
		return nil
	}
	return &Digests{
		In: d.In.Plus(e.In), Out: d.Out.Plus(e.Out),
		Added: d.Added.Plus(e.Added), Removed: d.Removed.Plus(e.Removed), Skipped: d.Skipped.Plus(e.Skipped),
		Source: d.Source, Extra: mergeFields(d.Extra, e.Extra),
	}
}

// digestField is a Digest, always written.
func digestField(key string, at func(*Digests) *Digest) field[Digests] {
	return field[Digests]{
		key:   key,
		shape: plainShape,
		decode: func(d *decoder, p *Digests) error {
			s, err := d.text()
			if err == nil {
				*at(p), err = parseDigest(s)
			}
			return err
		},
		encode: func(e *encoder, p *Digests) { e.text(at(p).String()) },
	}
}

func newDigestsObject() *object[Digests] {
	isSource := func(d *Digests) bool { return d.Source }
	in := digestField("in", func(d *Digests) *Digest { return &d.In }).omitWhen(isSource)
	decode := in.decode
	in.decode = func(d *decoder, p *Digests) error {
		p.Source = false
		return decode(d, p)
	}
	return &object[Digests]{
		extra: func(d *Digests) *[]Field { return &d.Extra },
		init:  func(d *Digests) { d.Source = true },
		fields: []field[Digests]{
			in,
			digestField("out", func(d *Digests) *Digest { return &d.Out }).required(),
			digestField("added", func(d *Digests) *Digest { return &d.Added }).omitWhen(isSource),
			digestField("removed", func(d *Digests) *Digest { return &d.Removed }).omitWhen(isSource),
			digestField("skipped", func(d *Digests) *Digest { return &d.Skipped }).omitWhen(isSource),
		},
	}
}

package record

import (
	"errors"
	"math/bits"
	"slices"
)

// An object describes one kind of map of the format: its keys in canonical
// order, how each is read and written, and what must hold between them. The
// reader, the writer and the JSON view all work from it.
//
// Neither encoding/json nor the struct tags of package msgpack could stand in
// its place: the one knows no binary form, and neither keeps the order and the
// bytes of keys that it does not know, tells a key that is missing from one
// that is zero, or names the byte at which a field is wrong.
type object[T any] struct {
	kind   string // value of the key oi, "" for none
	fields []field[T]
	extra  func(*T) *[]Field
	init   func(*T)       // sets what a missing key stands for, may be nil
	check  func(*T) error // what one field alone cannot say, may be nil
}

// A field describes one key of an object.
type field[T any] struct {
	key       string
	mandatory bool
	omit      func(*T) bool // not to be written; nil: always written
	decode    func(*decoder, *T) error
	encode    func(*encoder, *T)
	shape     *shape
}

// required returns f as a key that every such map has.
func (f field[T]) required() field[T] {
	f.mandatory, f.omit = true, nil
	return f
}

// omitWhen returns f as a key that is not written where omit says so.
func (f field[T]) omitWhen(omit func(*T) bool) field[T] {
	f.omit = omit
	return f
}

// notEmpty makes f required and its string at not empty.
func (f field[T]) notEmpty(at func(*T) *string) field[T] {
	decode, encode := f.decode, f.encode
	f = f.required()
	f.decode = func(d *decoder, p *T) error {
		err := decode(d, p)
		if err == nil && *at(p) == "" {
			err = errEmptyString
		}
		return err
	}
	f.encode = func(e *encoder, p *T) {
		if *at(p) == "" {
			e.fail(errEmptyString)
		}
		encode(e, p)
	}
	return f
}

var (
	errMissing      = errors.New("missing")
	errEmptyString  = errors.New("empty")
	errDuplicateKey = errors.New("the key stands twice in one map")

	errKnownKey = errors.New("the format describes this key; it cannot be an extra one")
)

// read reads a map into p.
func (o *object[T]) read(d *decoder, p *T) error {
	at := d.pos
	n, err := d.mapLen()
	if err != nil {
		return withPath("", at, err)
	}
	if o.init != nil {
		o.init(p)
	}
	var seen, have uint64 // a bit for each field; no object comes near 64
	var unknown keySet
	next := 0
	for range n {
		at = d.pos
		key, err := d.chunk()
		if err != nil {
			return withPath("", at, err)
		}
		if o.kind != "" && equal(key, "oi") {
			// Its value is the kind, by which this object was
			// chosen.
			if err := unknown.add("oi"); err != nil {
				return withPath("oi", at, err)
			}
			if _, err := d.chunk(); err != nil {
				return withPath("oi", at, err)
			}
			continue
		}
		i := o.find(key, next)
		if i < 0 {
			f := Field{Key: string(key)}
			if err := unknown.add(f.Key); err != nil {
				return withPath(f.Key, at, err)
			}
			if f.Value, err = d.raw(); err != nil {
				return withPath(f.Key, at, err)
			}
			extra := o.extra(p)
			*extra = append(*extra, f)
			continue
		}
		f := &o.fields[i]
		next = i + 1
		if seen&(1<<i) != 0 {
			return withPath(f.key, at, errDuplicateKey)
		}
		seen |= 1 << i
		at = d.pos
		null, err := d.null()
		if err != nil {
			return withPath(f.key, at, err)
		}
		if null {
			continue
		}
		have |= 1 << i
		if err := f.decode(d, p); err != nil {
			return withPath(f.key, at, err)
		}
	}
	for i := range o.fields {
		if f := &o.fields[i]; f.mandatory && have&(1<<i) == 0 {
			return withPath(f.key, at, errMissing)
		}
	}
	if o.check != nil {
		if err := o.check(p); err != nil {
			return withPath("", at, err)
		}
	}
	return nil
}

// find returns the index of key among the fields, or -1. It looks first at
// index next, where canonical order has it.
func (o *object[T]) find(key []byte, next int) int {
	if next < len(o.fields) && equal(key, o.fields[next].key) {
		return next
	}
	for i := range o.fields {
		if equal(key, o.fields[i].key) {
			return i
		}
	}
	return -1
}

// write writes p as a map.
func (o *object[T]) write(e *encoder, p *T) {
	if o.check != nil {
		e.fail(o.check(p))
	}
	extra := *o.extra(p)
	var present uint64 // a bit for each field, as in read
	for i := range o.fields {
		if f := &o.fields[i]; f.omit == nil || !f.omit(p) {
			present |= 1 << i
		}
	}
	n := bits.OnesCount64(present) + len(extra)
	if o.kind != "" {
		n++
	}
	e.enter()
	e.mapLen(n)
	if o.kind != "" {
		e.key("oi")
		e.key(o.kind)
	}
	for ; present != 0 && e.err == nil; present &= present - 1 {
		f := &o.fields[bits.TrailingZeros64(present)]
		e.key(f.key)
		if f.encode(e, p); e.err != nil {
			e.addPath(f.key)
		}
	}
	if len(extra) > 0 {
		o.writeExtra(e, extra)
	}
	e.leave()
}

// writeExtra writes the keys that the format does not describe.
func (o *object[T]) writeExtra(e *encoder, extra []Field) {
	e.extra.reset()
	for _, f := range extra {
		if e.err != nil {
			return
		}
		if f.Key == "oi" || o.describes(f.Key) {
			e.failed(errKnownKey)
		}
		e.fail(e.extra.add(f.Key))
		e.text(f.Key)
		e.raw(f.Value)
		e.addPath(f.Key)
	}
}

// describes reports whether key is that of a field.
func (o *object[T]) describes(key string) bool {
	for i := range o.fields {
		if o.fields[i].key == key {
			return true
		}
	}
	return false
}

// shape returns what the JSON view must know of the object.
func (o *object[T]) shape() *shape {
	s := &shape{kind: shapeObject, fields: make(map[string]*shape, len(o.fields)+1)}
	if o.kind != "" {
		s.fields["oi"] = plainShape
	}
	for _, f := range o.fields {
		s.fields[f.key] = f.shape
	}
	return s
}

// A keySet finds keys that stand twice: few by comparing, many by a map.
type keySet struct {
	few  []string
	many map[string]bool // in use when few are too many
}

const maxFew = 16

// add returns an error when key was added before.
func (s *keySet) add(key string) error {
	if len(s.few) < maxFew {
		if slices.Contains(s.few, key) {
			return errDuplicateKey
		}
		s.few = append(s.few, key)
		return nil
	}
	if len(s.many) == 0 {
		if s.many == nil {
			s.many = make(map[string]bool, 2*maxFew)
		}
		for _, k := range s.few {
			s.many[k] = true
		}
	}
	if s.many[key] {
		return errDuplicateKey
	}
	s.many[key] = true
	return nil
}

// reset forgets all keys.
func (s *keySet) reset() {
	clear(s.few)
	clear(s.many)
	s.few = s.few[:0]
}

package record

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
)

// An object describes one kind of map of the format: its keys in canonical
// order, how each is read and written, and what must hold between them. The
// reader, the writer and the JSON view all work from it.
type object[T any] struct {
	kind   string // value of the key oi, "" for none
	fields []field[T]
	extra  func(*T) *[]Field
	fresh  func(*T)       // sets what an absent key stands for, may be nil
	check  func(*T) error // what one field alone cannot say, may be nil
}

// A field describes one key of an object.
type field[T any] struct {
	key      string
	required bool
	absent   func(*T) bool // not to be written; nil: always written
	decode   func(*decoder, *T) error
	encode   func(*encoder, *T)
	shape    *shape
}

// must returns f as a key that every such map has.
func (f field[T]) must() field[T] {
	f.required, f.absent = true, nil
	return f
}

var (
	errMissing = errors.New("missing")
	errTwice   = errors.New("the key stands twice in one map")

	errKnownKey = errors.New("the format describes this key; it cannot be an extra one")
)

// read reads a map into p.
func (o *object[T]) read(d *decoder, p *T) error {
	at := d.pos
	n, err := d.mapLen()
	if err != nil {
		return within("", at, err)
	}
	if o.fresh != nil {
		o.fresh(p)
	}
	var seen, have uint64 // a bit for each field; no object comes near 64
	var unknown keySet
	next := 0
	for range n {
		at = d.pos
		key, err := d.chunk()
		if err != nil {
			return within("", at, err)
		}
		if o.kind != "" && equal(key, "oi") {
			// Its value told the kind, and so that this object reads the map.
			if err := unknown.add("oi"); err != nil {
				return within("oi", at, err)
			}
			if _, err := d.chunk(); err != nil {
				return within("oi", at, err)
			}
			continue
		}
		i := o.find(key, next)
		if i < 0 {
			f := Field{Key: string(key)}
			if err := unknown.add(f.Key); err != nil {
				return within(f.Key, at, err)
			}
			if f.Value, err = d.raw(); err != nil {
				return within(f.Key, at, err)
			}
			extra := o.extra(p)
			*extra = append(*extra, f)
			continue
		}
		f := &o.fields[i]
		next = i + 1
		if seen&(1<<i) != 0 {
			return within(f.key, at, errTwice)
		}
		seen |= 1 << i
		at = d.pos
		null, err := d.null()
		if err != nil {
			return within(f.key, at, err)
		}
		if null {
			continue
		}
		have |= 1 << i
		if err := f.decode(d, p); err != nil {
			return within(f.key, at, err)
		}
	}
	for i := range o.fields {
		if f := &o.fields[i]; f.required && have&(1<<i) == 0 {
			return within(f.key, at, errMissing)
		}
	}
	if o.check != nil {
		if err := o.check(p); err != nil {
			return within("", at, err)
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
		if f := &o.fields[i]; f.absent == nil || !f.absent(p) {
			present |= 1 << i
		}
	}
	n := bits.OnesCount64(present) + len(extra)
	if o.kind != "" {
		n++
	}
	e.down()
	e.mapLen(n)
	if o.kind != "" {
		e.key("oi")
		e.key(o.kind)
	}
	for ; present != 0 && e.err == nil; present &= present - 1 {
		f := &o.fields[bits.TrailingZeros64(present)]
		e.key(f.key)
		if f.encode(e, p); e.err != nil {
			e.under(f.key)
		}
	}
	if len(extra) > 0 {
		o.writeExtra(e, extra)
	}
	e.up()
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
		e.under(f.Key)
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

// A keySet tells keys apart: few by comparing, many by a map.
type keySet struct {
	few  []string
	many map[string]bool // in use when few are too many
}

const maxFew = 16

// add returns an error when key was added before.
func (s *keySet) add(key string) error {
	if len(s.few) < maxFew {
		if slices.Contains(s.few, key) {
			return errTwice
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
		return errTwice
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

// text is a string; an empty one is not written.
func text[T any](key string, at func(*T) *string, check func(string) error) field[T] {
	return field[T]{
		key:    key,
		shape:  plainShape,
		absent: func(p *T) bool { return *at(p) == "" },
		decode: func(d *decoder, p *T) error {
			s, err := d.text()
			if err == nil && check != nil && s != "" {
				err = check(s)
			}
			*at(p) = s
			return err
		},
		encode: func(e *encoder, p *T) {
			s := *at(p)
			if check != nil && s != "" {
				e.fail(check(s))
			}
			e.text(s)
		},
	}
}

// name is a string that must be there and not be empty.
func name[T any](key string, at func(*T) *string, check func(string) error) field[T] {
	return text(key, at, check).notEmpty(at)
}

// notEmpty makes f required and its string at not empty.
func (f field[T]) notEmpty(at func(*T) *string) field[T] {
	decode, encode := f.decode, f.encode
	f = f.must()
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

var errEmptyString = errors.New("empty")

// number is a float64, always written.
func number[T any](key string, at func(*T) *float64) field[T] {
	return field[T]{
		key:   key,
		shape: floatShape,
		decode: func(d *decoder, p *T) (err error) {
			*at(p), err = d.float()
			return err
		},
		encode: func(e *encoder, p *T) { e.float(*at(p)) },
	}
}

// optionalNumber is a float64 that may be unknown.
func optionalNumber[T any](key string, at func(*T) **float64) field[T] {
	return field[T]{
		key:    key,
		shape:  floatShape,
		absent: func(p *T) bool { return *at(p) == nil },
		decode: func(d *decoder, p *T) error {
			f, err := d.float()
			*at(p) = &f
			return err
		},
		encode: func(e *encoder, p *T) { e.float(**at(p)) },
	}
}

// integer is a whole number from lo to hi, always written.
func integer[T any, N int | int64](key string, at func(*T) *N, lo, hi int64) field[T] {
	check := func(n int64) error {
		if n < lo || n > hi {
			return fmt.Errorf("%d is outside %d to %d", n, lo, hi)
		}
		return nil
	}
	return field[T]{
		key:   key,
		shape: intShape,
		decode: func(d *decoder, p *T) error {
			n, err := d.int()
			if err == nil {
				err = check(n)
			}
			*at(p) = N(n)
			return err
		},
		encode: func(e *encoder, p *T) {
			e.fail(check(int64(*at(p))))
			e.int(int64(*at(p)))
		},
	}
}

// unless returns f as a key that is not written when absent says so.
func (f field[T]) unless(absent func(*T) bool) field[T] {
	f.absent = absent
	return f
}

// seed is an unsigned 64-bit number, a string in JSON.
func seed[T any](key string, at func(*T) *uint64) field[T] {
	return field[T]{
		key:   key,
		shape: seedShape,
		decode: func(d *decoder, p *T) (err error) {
			*at(p), err = d.uint()
			return err
		},
		encode: func(e *encoder, p *T) { e.uint(*at(p)) },
	}
}

// flag is true or false, always written.
func flag[T any](key string, at func(*T) *bool) field[T] {
	return field[T]{
		key:   key,
		shape: plainShape,
		decode: func(d *decoder, p *T) (err error) {
			*at(p), err = d.bool()
			return err
		},
		encode: func(e *encoder, p *T) { e.bool(*at(p)) },
	}
}

// payload is a bin, base64 in JSON; nil is not written.
func payload[T any](key string, at func(*T) *[]byte) field[T] {
	return field[T]{
		key:    key,
		shape:  binShape,
		absent: func(p *T) bool { return *at(p) == nil },
		decode: func(d *decoder, p *T) (err error) {
			*at(p), err = d.bin()
			return err
		},
		encode: func(e *encoder, p *T) { e.bin(*at(p)) },
	}
}

// part is a map of its own; nil is not written.
func part[T, S any](key string, at func(*T) **S, o *object[S]) field[T] {
	return field[T]{
		key:    key,
		shape:  o.shape(),
		absent: func(p *T) bool { return *at(p) == nil },
		decode: func(d *decoder, p *T) error {
			s := new(S)
			*at(p) = s
			return o.read(d, s)
		},
		encode: func(e *encoder, p *T) { o.write(e, *at(p)) },
	}
}

// list is an array of maps, always written.
func list[T, S any](key string, at func(*T) *[]S, o *object[S]) field[T] {
	return field[T]{
		key:   key,
		shape: &shape{kind: shapeList, elem: o.shape()},
		decode: func(d *decoder, p *T) error {
			n, err := d.arrayLen()
			if err != nil {
				return err
			}
			// Elements are added as they turn out to be there: a count alone
			// sets no memory aside.
			all := []S{}
			for i := range n {
				var s S
				pos := d.pos
				if err := o.read(d, &s); err != nil {
					return within("["+strconv.Itoa(i)+"]", pos, err)
				}
				all = append(all, s)
			}
			*at(p) = all
			return nil
		},
		encode: func(e *encoder, p *T) {
			all := *at(p)
			e.down()
			e.arrayLen(len(all))
			for i := 0; i < len(all) && e.err == nil; i++ {
				if o.write(e, &all[i]); e.err != nil {
					e.err = within("["+strconv.Itoa(i)+"]", e.size(), e.err)
				}
			}
			e.up()
		},
	}
}

// table is a map from strings to V, written sorted by key; an empty one is
// not written.
func table[T, V any](key string, at func(*T) *map[string]V, elem *shape,
	get func(*decoder) (V, error), put func(*encoder, V)) field[T] {
	return field[T]{
		key:    key,
		shape:  &shape{kind: shapeTable, elem: elem},
		absent: func(p *T) bool { return len(*at(p)) == 0 },
		decode: func(d *decoder, p *T) error {
			n, err := d.mapLen()
			if err != nil || n == 0 {
				return err
			}
			m := make(map[string]V, n)
			for range n {
				pos := d.pos
				k, err := d.text()
				if err != nil {
					return err
				}
				if _, ok := m[k]; ok {
					return within(k, pos, errTwice)
				}
				v, err := get(d)
				if err != nil {
					return within(k, pos, err)
				}
				m[k] = v
			}
			*at(p) = m
			return nil
		},
		encode: func(e *encoder, p *T) {
			m := *at(p)
			e.down()
			e.mapLen(len(m))
			e.keys = e.keys[:0]
			for k := range m {
				e.keys = append(e.keys, k)
			}
			slices.Sort(e.keys)
			for _, k := range e.keys {
				if e.err != nil {
					break
				}
				e.text(k)
				put(e, m[k])
				e.under(k)
			}
			clear(e.keys) // let go of the strings
			e.up()
		},
	}
}

// texts is a map from strings to strings.
func texts[T any](key string, at func(*T) *map[string]string) field[T] {
	return table(key, at, plainShape, (*decoder).text, (*encoder).text)
}

// numbers is a map from strings to float64s.
func numbers[T any](key string, at func(*T) *map[string]float64) field[T] {
	return table(key, at, floatShape, (*decoder).float, (*encoder).float)
}

// counts is a map from reasons to how often each was met.
func counts[T any](key string, at func(*T) *map[string]int64) field[T] {
	get := func(d *decoder) (int64, error) {
		n, err := d.int()
		if err == nil {
			err = checkCount(n)
		}
		return n, err
	}
	put := func(e *encoder, n int64) {
		e.fail(checkCount(n))
		e.int(n)
	}
	return table(key, at, intShape, get, put)
}

func checkCount(n int64) error {
	if n < 0 {
		return fmt.Errorf("count %d is negative", n)
	}
	return nil
}

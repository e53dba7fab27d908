package record

import (
	"fmt"
	"slices"
	"strconv"
)

// Here are the fields that objects are made of, one function for each type of
// value: the name of the key, a function that returns the address of the Go
// value, and what must hold of it. Both encodings and both directions follow.

// stringField is a string; an empty one is not written.
func stringField[T any](key string, at func(*T) *string, check func(string) error) field[T] {
	return field[T]{
		key:   key,
		shape: plainShape,
		omit:  func(p *T) bool { return *at(p) == "" },
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

// requiredString is a string that must be there and not be empty.
func requiredString[T any](key string, at func(*T) *string, check func(string) error) field[T] {
	return stringField(key, at, check).notEmpty(at)
}

// floatField is a float64, always written.
func floatField[T any](key string, at func(*T) *float64) field[T] {
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

// optionalFloat is a float64 that may be unknown.
func optionalFloat[T any](key string, at func(*T) **float64) field[T] {
	return field[T]{
		key:   key,
		shape: floatShape,
		omit:  func(p *T) bool { return *at(p) == nil },
		decode: func(d *decoder, p *T) error {
			f, err := d.float()
			*at(p) = &f
			return err
		},
		encode: func(e *encoder, p *T) { e.float(**at(p)) },
	}
}

// intField is a whole number from lo to hi, always written.
func intField[T any, N int | int64](key string, at func(*T) *N, lo, hi int64) field[T] {
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

// within is the kind of intField from lo to hi.
func within[T any](lo, hi int64) func(string, func(*T) *int) field[T] {
	return func(key string, at func(*T) *int) field[T] { return intField(key, at, lo, hi) }
}

// uintField is an unsigned 64-bit number, a string in JSON.
func uintField[T any](key string, at func(*T) *uint64) field[T] {
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

// boolField is true or false, always written.
func boolField[T any](key string, at func(*T) *bool) field[T] {
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

// unlessZero is a field of this kind that is not written where it is zero.
func unlessZero[T any, V comparable](kind func(string, func(*T) *V) field[T], key string, at func(*T) *V) field[T] {
	var zero V
	return kind(key, at).omitWhen(func(p *T) bool { return *at(p) == zero })
}

// bytesField is a bin, base64 in JSON; nil is not written.
func bytesField[T any](key string, at func(*T) *[]byte) field[T] {
	return field[T]{
		key:   key,
		shape: binShape,
		omit:  func(p *T) bool { return *at(p) == nil },
		decode: func(d *decoder, p *T) (err error) {
			*at(p), err = d.bin()
			return err
		},
		encode: func(e *encoder, p *T) { e.bin(*at(p)) },
	}
}

// nested is a map of its own; nil is not written.
func nested[T, S any](key string, at func(*T) **S, o *object[S]) field[T] {
	return field[T]{
		key:   key,
		shape: o.shape(),
		omit:  func(p *T) bool { return *at(p) == nil },
		decode: func(d *decoder, p *T) error {
			s := new(S)
			*at(p) = s
			return o.read(d, s)
		},
		encode: func(e *encoder, p *T) { o.write(e, *at(p)) },
	}
}

// nestedList is an array of maps, always written.
func nestedList[T, S any](key string, at func(*T) *[]S, o *object[S]) field[T] {
	return field[T]{
		key:   key,
		shape: &shape{kind: shapeList, elem: o.shape()},
		decode: func(d *decoder, p *T) error {
			n, err := d.arrayLen()
			if err != nil {
				return err
			}
			// Elements are added as they turn out to be there: a
			// count alone sets no memory aside.
			all := []S{}
			for i := range n {
				var s S
				pos := d.pos
				if err := o.read(d, &s); err != nil {
					return withPath("["+strconv.Itoa(i)+"]", pos, err)
				}
				all = append(all, s)
			}
			*at(p) = all
			return nil
		},
		encode: func(e *encoder, p *T) {
			all := *at(p)
			e.enter()
			e.arrayLen(len(all))
			for i := 0; i < len(all) && e.err == nil; i++ {
				if o.write(e, &all[i]); e.err != nil {
					e.err = withPath("["+strconv.Itoa(i)+"]", e.size(), e.err)
				}
			}
			e.leave()
		},
	}
}

// mapField is a map from strings to V, written sorted by key; an empty one is
// not written.
func mapField[T, V any](key string, at func(*T) *map[string]V, elem *shape,
	get func(*decoder) (V, error), put func(*encoder, V)) field[T] {
	return field[T]{
		key:   key,
		shape: &shape{kind: shapeTable, elem: elem},
		omit:  func(p *T) bool { return len(*at(p)) == 0 },
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
					return withPath(k, pos, errDuplicateKey)
				}
				v, err := get(d)
				if err != nil {
					return withPath(k, pos, err)
				}
				m[k] = v
			}
			*at(p) = m
			return nil
		},
		encode: func(e *encoder, p *T) {
			m := *at(p)
			e.enter()
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
				e.addPath(k)
			}
			clear(e.keys) // let go of the strings
			e.leave()
		},
	}
}

// stringMap is a map from strings to strings.
func stringMap[T any](key string, at func(*T) *map[string]string) field[T] {
	return mapField(key, at, plainShape, (*decoder).text, (*encoder).text)
}

// floatMap is a map from strings to float64s.
func floatMap[T any](key string, at func(*T) *map[string]float64) field[T] {
	return mapField(key, at, floatShape, (*decoder).float, (*encoder).float)
}

// countMap is a map from reasons to how often each was met.
func countMap[T any](key string, at func(*T) *map[string]int64) field[T] {
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
	return mapField(key, at, intShape, get, put)
}

func checkCount(n int64) error {
	if n < 0 {
		return fmt.Errorf("count %d is negative", n)
	}
	return nil
}

package record

// A shapeKind says how a value of the format looks in JSON.
type shapeKind uint8

const (
	shapeAny       shapeKind = iota // under an unknown key
	shapePlain                      // a string or a boolean: the same in both
	shapeInt                        // a number, as a string beyond 2^53
	shapeSeed                       // always a string
	shapeFloat                      // a number
	shapeBin                        // base64
	shapeFloatType                  // the name of the type of numbers
	shapeFloats                     // a bin of such numbers: an array
	shapeObject                     // known keys, then unknown ones
	shapeList                       // elements of one shape
	shapeTable                      // any keys, values of one shape
)

// A shape is what the JSON view knows of a value.
type shape struct {
	kind   shapeKind
	fields map[string]*shape // of an object
	elem   *shape            // of a list or a table
}

var (
	anyShape   = &shape{kind: shapeAny}
	plainShape = &shape{kind: shapePlain}
	intShape   = &shape{kind: shapeInt}
	seedShape  = &shape{kind: shapeSeed}
	floatShape = &shape{kind: shapeFloat}
	binShape   = &shape{kind: shapeBin}

	floatTypeShape = &shape{kind: shapeFloatType}
	floatsShape    = &shape{kind: shapeFloats, elem: floatShape}
)

// under returns the shape of the value under a key.
func (s *shape) under(key []byte) *shape {
	switch s.kind {
	case shapeObject:
		if f := s.fields[string(key)]; f != nil {
			return f
		}
	case shapeTable:
		return s.elem
	}
	return anyShape
}

var (
	itemShape   = itemObject.shape()
	headerShape = headerObject.shape()
	endShape    = endObject.shape()
	partShape   = partObject.shape()
)

// shapeOf returns the shape of a record by its value under oi.
func shapeOf(kind string) *shape {
	switch kind {
	case headerObject.kind:
		return headerShape
	case endObject.kind:
		return endShape
	case partObject.kind:
		return partShape
	}
	return itemShape
}

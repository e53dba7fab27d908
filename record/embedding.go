package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// The types of an embedding's numbers.
const (
	Float16 = "float16" // IEEE 754 binary16, 2 bytes
	Float32 = "float32" // IEEE 754 binary32, 4 bytes
)

// maxEmbedding is how many numbers an embedding may have. The widest networks
// give some ten thousand.
const maxEmbedding = 1 << 20

// sizeOfFloat returns the bytes of a number of an embedding, 0 for an unknown
// type.
func sizeOfFloat(dtype string) int {
	switch dtype {
	case Float16:
		return 2
	case Float32:
		return 4
	}
	return 0
}

// Len returns the number of numbers.
func (e *Embedding) Len() int {
	if size := sizeOfFloat(e.DType); size > 0 {
		return len(e.Data) / size
	}
	return 0
}

func newEmbeddingObject() *object[Embedding] {
	dtype := requiredString("dtype", func(e *Embedding) *string { return &e.DType }, oneOf(Float16, Float32))
	dtype.shape = floatTypeShape
	return &object[Embedding]{
		extra: func(e *Embedding) *[]Field { return &e.Extra },
		fields: []field[Embedding]{
			requiredString("of", func(e *Embedding) *string { return &e.Of }, checkSHA256),
			dtype,
			intField("side", func(e *Embedding) *int { return &e.Side }, 1, maxSide).required(),
			intField("context", func(e *Embedding) *int { return &e.Context }, 0, maxSide).
				omitWhen(func(e *Embedding) bool { return e.Context == 0 }),
			stringField("pixels", func(e *Embedding) *string { return &e.Pixels }, checkSHA256),
			floatsField(),
		},
	}
}

// embeddingField is the part of the embedding. The type of its numbers may
// stand after them, so that they are only looked at when all of it was read.
func embeddingField() field[Item] {
	f := nested("embedding", func(i *Item) **Embedding { return &i.Embedding }, newEmbeddingObject())
	read := f.decode
	f.decode = func(d *decoder, i *Item) error {
		at := d.pos
		d.numbers = d.numbers[:0]
		if err := read(d, i); err != nil {
			return err
		}
		e := i.Embedding
		var err error
		if len(d.numbers) > 0 {
			e.Data, err = packFloats(e.DType, d.numbers)
		} else {
			err = checkFloats(e.DType, e.Data)
		}
		if err != nil {
			return withPath("data", at, err)
		}
		return nil
	}
	return f
}

// floatsField is a bin of numbers, an array of them in JSON. The binary form
// may have such an array too.
func floatsField() field[Embedding] {
	return field[Embedding]{
		key:       "data",
		mandatory: true,
		shape:     floatsShape,
		decode: func(d *decoder, e *Embedding) (err error) {
			if d.peek() == classArray {
				d.numbers, err = d.floats(d.numbers[:0])
				return err
			}
			e.Data, err = d.bin()
			return err
		},
		encode: func(w *encoder, e *Embedding) {
			w.fail(checkFloats(e.DType, e.Data))
			w.bin(e.Data)
		},
	}
}

// floats appends the numbers of an array.
func (d *decoder) floats(to []float64) ([]float64, error) {
	n, err := d.arrayLen()
	if err != nil {
		return nil, err
	}
	if err := checkLength(n); err != nil {
		return nil, err
	}
	for i := range n {
		at := d.pos
		f, err := d.float()
		if err != nil {
			return nil, withPath("["+strconv.Itoa(i)+"]", at, err)
		}
		to = append(to, f)
	}
	return to, nil
}

var errNoNumbers = errors.New("no numbers")

func checkLength(n int) error {
	if n == 0 {
		return errNoNumbers
	}
	return checkLimit("number of numbers", int64(n), maxEmbedding)
}

// checkFloats checks the numbers of an embedding.
func checkFloats(dtype string, data []byte) error {
	size := sizeOfFloat(dtype)
	if size == 0 {
		return nil // the field says so itself
	}
	if len(data)%size != 0 {
		return fmt.Errorf("%d bytes are not numbers of %d bytes", len(data), size)
	}
	if err := checkLength(len(data) / size); err != nil {
		return err
	}
	for i := 0; i < len(data); i += size {
		var infinite bool // or not a number
		if size == 2 {
			infinite = binary.LittleEndian.Uint16(data[i:])&halfExponent == halfExponent
		} else {
			const exponent = 0x7f800000
			infinite = binary.LittleEndian.Uint32(data[i:])&exponent == exponent
		}
		if infinite {
			return fmt.Errorf("number %d is infinite or not a number", i/size)
		}
	}
	return nil
}

// packFloats returns numbers as bytes, each rounded to the nearest of the type.
func packFloats(dtype string, numbers []float64) ([]byte, error) {
	data := make([]byte, 0, len(numbers)*sizeOfFloat(dtype))
	for i, f := range numbers {
		var infinite bool
		if dtype == Float16 {
			h := halfOf(f)
			infinite = h&halfExponent == halfExponent
			data = binary.LittleEndian.AppendUint16(data, h)
		} else {
			s := float32(f)
			infinite = math.IsInf(float64(s), 0)
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(s))
		}
		if infinite {
			return nil, withPath("["+strconv.Itoa(i)+"]", 0, fmt.Errorf("%g is beyond what %s can hold", f, dtype))
		}
	}
	return data, nil
}

// appendFloats appends the numbers of an embedding as a JSON array: each with
// the fewest digits that give the same number of its type.
func appendFloats(out []byte, dtype string, data []byte) []byte {
	out = append(out, '[')
	size := max(sizeOfFloat(dtype), 1)
	for i := 0; i+size <= len(data); i += size {
		if i > 0 {
			out = append(out, ',')
		}
		if size == 2 {
			out = appendHalf(out, binary.LittleEndian.Uint16(data[i:]))
		} else {
			out = appendFloat32(out, math.Float32frombits(binary.LittleEndian.Uint32(data[i:])))
		}
	}
	return append(out, ']')
}

// appendFloat32 appends the shortest decimal that reads back as f, by way of
// a float64 as well: rounding twice may end at its neighbour, for which more
// digits help.
func appendFloat32(out []byte, f float32) []byte {
	from := len(out)
	out = appendDecimal(out, float64(f), 32)
	if back, err := strconv.ParseFloat(string(out[from:]), 64); err != nil || float32(back) != f {
		out = appendDecimal(out[:from], float64(f), 64)
	}
	return out
}

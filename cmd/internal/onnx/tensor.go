package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/graph"
)

// typeOf is the type with which elements are computed: float16 as float32.
func typeOf(e elem) (graph.Type, error) {
	switch e {
	case elemFloat, elemFloat16:
		return graph.Float32, nil
	case elemInt64:
		return graph.Int64, nil
	case elemInt32:
		return graph.Int32, nil
	case elemUint8:
		return graph.Uint8, nil
	case elemBool:
		return graph.Bool, nil
	}
	return 0, fmt.Errorf("%w: elements of type %v", ErrUnsupported, e)
}

// size is the number of bytes of an element in raw data.
func (e elem) size() int {
	switch e {
	case elemUint8, elemBool:
		return 1
	case elemFloat16:
		return 2
	case elemInt64:
		return 8
	}
	return 4
}

// loader makes tensors of what stands in a file, and counts them.
type loader struct {
	weights *folder
	// constants, if set, are all of the tensors, whose elements do not
	// stand in the file.
	constants map[string]*graph.Tensor
	integers  int // made of raw data, which may be eight times as large in memory
}

// load gives a tensor its elements.
func (l *loader) load(t tensor) (*graph.Tensor, error) {
	kind, err := typeOf(t.elem)
	if err != nil {
		return nil, err
	}
	if t.odd != "" {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, t.odd)
	}
	if c := l.constants[t.name]; c != nil {
		return &graph.Tensor{Type: kind, Shape: append([]int{}, t.dims...), Floats: c.Floats, Ints: c.Ints}, nil
	}
	size := 1
	for _, d := range t.dims {
		if d > 0 && size > graph.MaxElements/d {
			return nil, fmt.Errorf("shape %v is too large", t.dims)
		}
		size *= d
	}
	out := &graph.Tensor{Type: kind, Shape: append([]int{}, t.dims...)}
	raw, isRaw := t.raw, t.hasRaw
	switch {
	case t.outside && (t.hasRaw || len(t.floats)+len(t.ints) > 0):
		return nil, errors.New("it has data both in the file and outside of it")
	case t.outside:
		if raw, err = l.weights.read(t.name, t.external, size*t.elem.size()); err != nil {
			return nil, err
		}
		isRaw = true
	case len(t.external) > 0:
		return nil, errors.New("it names external data but is said to be in the file")
	}
	found := len(t.floats) + len(t.ints)
	switch {
	case isRaw && found > 0:
		return nil, errors.New("it has both raw and typed data")
	case isRaw && len(raw) != size*t.elem.size():
		return nil, fmt.Errorf("%d bytes of data where shape %v of %v needs %d", len(raw), t.dims, t.elem, size*t.elem.size())
	case !isRaw && found != size:
		return nil, fmt.Errorf("%d elements where shape %v needs %d", found, t.dims, size)
	case !isRaw && len(t.floats) > 0 != (t.elem == elemFloat) && size > 0:
		return nil, fmt.Errorf("its data is not that of %v", t.elem)
	}
	if kind != graph.Float32 {
		if l.integers += size; l.integers > maxAllNumbers {
			return nil, errors.New("too many integers in the model")
		}
	}
	if isRaw {
		return out, fromRaw(out, raw, t.elem)
	}
	return out, fromNumbers(out, t)
}

// fromRaw decodes little-endian elements; raw has the right length.
func fromRaw(out *graph.Tensor, raw []byte, e elem) error {
	switch e {
	case elemFloat:
		out.Floats = floats32(raw)
	case elemFloat16:
		out.Floats = make([]float32, len(raw)/2)
		for i := range out.Floats {
			out.Floats[i] = float16.ToFloat32(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	default:
		out.Ints = make([]int64, len(raw)/e.size())
		for i := range out.Ints {
			switch e {
			case elemInt64:
				out.Ints[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
			case elemInt32:
				out.Ints[i] = int64(int32(binary.LittleEndian.Uint32(raw[4*i:])))
			default:
				out.Ints[i] = int64(raw[i])
			}
		}
	}
	return checkIntegers(out)
}

// fromNumbers takes elements that stand in the lists of a message.
func fromNumbers(out *graph.Tensor, t tensor) error {
	switch t.elem {
	case elemFloat:
		out.Floats = t.floats
	case elemFloat16:
		out.Floats = make([]float32, len(t.ints))
		for i, bits := range t.ints {
			if bits < 0 || bits > math.MaxUint16 {
				return fmt.Errorf("%d are not the bits of a float16", bits)
			}
			out.Floats[i] = float16.ToFloat32(uint16(bits))
		}
	default:
		out.Ints = t.ints
	}
	return checkIntegers(out)
}

// checkIntegers refuses numbers that their type does not have.
func checkIntegers(t *graph.Tensor) error {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.Type {
	case graph.Int32:
		lo, hi = math.MinInt32, math.MaxInt32
	case graph.Uint8:
		lo, hi = 0, math.MaxUint8
	case graph.Bool:
		lo, hi = 0, 1
	}
	for _, v := range t.Ints {
		if v < lo || v > hi {
			return fmt.Errorf("%d is no %v", v, t.Type)
		}
	}
	return nil
}

// floats32 decodes little-endian floats.
func floats32(raw []byte) []float32 {
	list := make([]float32, len(raw)/4)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return list
}

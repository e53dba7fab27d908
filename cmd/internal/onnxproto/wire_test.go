package onnxproto

import (
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestEach(t *testing.T) {
	b := AppendVarint(nil, 1, 300)
	b = AppendString(b, 2, "name")
	b = AppendBytes(b, 3, AppendVarint(nil, 1, 7))
	b = protowire.AppendFixed32(protowire.AppendTag(b, 4, protowire.Fixed32Type), math.Float32bits(1.5))
	b = protowire.AppendFixed64(protowire.AppendTag(b, 5, protowire.Fixed64Type), math.Float64bits(2.5))
	var got []Field
	if err := Each(b, func(f Field) error { got = append(got, f); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got[0].Varint != 300 || string(got[1].Bytes) != "name" || !slices.Equal(got[2].Bytes, []byte{8, 7}) ||
		math.Float32frombits(uint32(got[3].Varint)) != 1.5 || math.Float64frombits(got[4].Varint) != 2.5 {
		t.Errorf("fields are %+v", got)
	}
	for i, f := range got {
		if int(f.Number) != i+1 {
			t.Errorf("field %d has number %d", i, f.Number)
		}
	}
}

func TestEachOfCutMessage(t *testing.T) {
	b := AppendString(AppendVarint(nil, 1, 300), 2, "name")
	for n := 1; n < len(b); n++ {
		err := Each(b[:n], func(Field) error { return nil })
		if whole := n == 3; whole != (err == nil) || !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestEachStops(t *testing.T) {
	stop := errors.New("stop")
	n := 0
	err := Each(AppendVarint(AppendVarint(nil, 1, 1), 1, 2), func(Field) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%d fields and %v", n, err)
	}
}

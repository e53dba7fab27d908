package exif_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile/exif"
)

// entry is a directory entry whose value is given as its bytes; those that do
// not fit are put where the entry says.
type entry struct {
	tag, kind uint16
	count     uint32
	value     []byte
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// tiff writes a directory at an offset.
func tiff(order byteOrder, at int, entries ...entry) []byte {
	mark := "II"
	if order.String() == binary.BigEndian.String() {
		mark = "MM"
	}
	b := order.AppendUint16([]byte(mark), 42)
	b = order.AppendUint32(b, uint32(at))
	b = append(b, make([]byte, at-len(b))...)
	b = order.AppendUint16(b, uint16(len(entries)))
	elsewhere := at + 2 + 12*len(entries) + 4
	var more []byte
	for _, e := range entries {
		b = order.AppendUint16(b, e.tag)
		b = order.AppendUint16(b, e.kind)
		b = order.AppendUint32(b, e.count)
		if len(e.value) > 4 {
			b = order.AppendUint32(b, uint32(elsewhere+len(more)))
			more = append(more, e.value...)
			continue
		}
		b = append(append(b, e.value...), make([]byte, 4-len(e.value))...)
	}
	return append(order.AppendUint32(b, 0), more...)
}

func TestOrientation(t *testing.T) {
	const tag = 0x0112
	other := entry{0x010f, 2, 6, []byte("Maker\x00")}
	for _, order := range []byteOrder{binary.LittleEndian, binary.BigEndian} {
		short := func(v ...uint16) (b []byte) {
			for _, v := range v {
				b = order.AppendUint16(b, v)
			}
			return b
		}
		long := func(v ...uint32) (b []byte) {
			for _, v := range v {
				b = order.AppendUint32(b, v)
			}
			return b
		}
		for name, c := range map[string]struct {
			data []byte
			want int
		}{
			"SHORT":                 {tiff(order, 8, entry{tag, 3, 1, short(6)}), 6},
			"LONG":                  {tiff(order, 8, entry{tag, 4, 1, long(6)}), 6},
			"BYTE":                  {tiff(order, 8, entry{tag, 1, 1, []byte{6}}), 6},
			"SSHORT":                {tiff(order, 8, entry{tag, 8, 1, short(6)}), 6},
			"SLONG":                 {tiff(order, 8, entry{tag, 9, 1, long(6)}), 6},
			"two SHORT":             {tiff(order, 8, entry{tag, 3, 2, short(6, 1)}), 6},
			"three SHORT":           {tiff(order, 8, entry{tag, 3, 3, short(6, 1, 1)}), 6},
			"two LONG":              {tiff(order, 8, entry{tag, 4, 2, long(6, 1)}), 6},
			"five BYTE":             {tiff(order, 8, entry{tag, 1, 5, []byte{6, 0, 0, 0, 0}}), 6},
			"after others":          {tiff(order, 8, other, other, entry{tag, 3, 1, short(8)}), 8},
			"not in order":          {tiff(order, 8, entry{0x9000, 3, 1, short(1)}, entry{tag, 3, 1, short(8)}, other), 8},
			"directory elsewhere":   {tiff(order, 1234, other, entry{tag, 3, 1, short(3)}), 3},
			"directory at an odd 9": {tiff(order, 9, entry{tag, 3, 1, short(3)}), 3},
			"prefix":                {append([]byte(exif.Prefix), tiff(order, 8, entry{tag, 3, 1, short(5)})...), 5},
			"prefix in capitals":    {append([]byte("EXIF\x00\xff"), tiff(order, 8, entry{tag, 3, 1, short(5)})...), 5},
			"0 and then 2":          {tiff(order, 8, entry{tag, 3, 1, short(0)}, entry{tag, 3, 1, short(2)}), 2},
			"no such value":         {tiff(order, 8, entry{tag, 3, 1, short(9)}), 0},
			"none of them":          {tiff(order, 8, entry{tag, 3, 0, short(6)}), 0},
			"text":                  {tiff(order, 8, entry{tag, 2, 2, []byte("6\x00")}), 0},
			"another tag":           {tiff(order, 8, entry{0x0111, 3, 1, short(6)}), 0},
			"no directory":          {tiff(order, 8, entry{tag, 3, 1, short(6)})[:8], 0},
			"cut":                   {tiff(order, 8, other, entry{tag, 3, 1, short(6)})[:30], 0},
			"no TIFF":               {[]byte("http://ns.adobe.com/xap/1.0/\x00"), 0},
			"nothing":               {nil, 0},
		} {
			if got := exif.Orientation(c.data); got != c.want {
				t.Errorf("%v, %s: %d, want %d", order, name, got, c.want)
			}
		}
	}
}

// TestSecondDirectory: what is said of the thumbnail is not said of the photo.
func TestSecondDirectory(t *testing.T) {
	order := binary.LittleEndian
	data := tiff(order, 8, entry{0x0111, 3, 1, []byte{1, 0}})
	order.PutUint32(data[len(data)-4:], uint32(len(data)))
	thumbnail := tiff(order, 8, entry{0x0112, 3, 1, []byte{6, 0}})[8:]
	if got := exif.Orientation(append(data, thumbnail...)); got != 0 {
		t.Errorf("got %d", got)
	}
}

// FuzzOrientation: whatever the bytes, the answer is one of nine, and bytes
// after the data do not matter to it where it is whole.
func FuzzOrientation(f *testing.F) {
	for v := range uint16(9) {
		f.Add(tiff(binary.BigEndian, 8, entry{0x0112, 3, 1, []byte{0, byte(v)}}))
		f.Add(tiff(binary.LittleEndian, 20, entry{0x0112, 4, 2, []byte{byte(v), 0, 0, 0, 0, 0, 0, 0}}))
	}
	f.Add([]byte("II*\x00\xff\xff\xff\xff"))
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := exif.Orientation(data)
		if got < 0 || got > 8 {
			t.Fatal(got)
		}
		if again := exif.Orientation(slices.Concat([]byte(exif.Prefix), data)); got != 0 && again != got && !exif.HasPrefix(data) {
			t.Fatal(fmt.Sprint(got, " is ", again, " after the prefix"))
		}
		if !bytes.HasPrefix(data, []byte("II")) && !bytes.HasPrefix(data, []byte("MM")) && !exif.HasPrefix(data) && got != 0 {
			t.Fatal(got, "of no TIFF")
		}
	})
}

// FuzzReset: whatever the bytes, nothing turns the picture afterwards.
func FuzzReset(f *testing.F) {
	for v := range uint16(9) {
		f.Add(tiff(binary.BigEndian, 8, entry{0x0112, 3, 1, []byte{0, byte(v)}}))
		f.Add(tiff(binary.LittleEndian, 20, entry{0x0112, 4, 2, []byte{byte(v), 0, 0, 0, 0, 0, 0, 0}}, entry{0x0112, 5, 1, []byte{6, 0, 0, 0, 1, 0, 0, 0}}))
	}
	// The type of the second entry is the value of the first.
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x02\x00\x12\x01\x03\x00\x03\x00\x00\x00\x18\x00\x00\x00\x12\x01\x01\x00\x01\x00\x00\x00\x06\x00\x00\x00"))
	f.Add([]byte("II*\x00\x02\x00\x00\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before, o := bytes.Clone(data), exif.Orientation(data)
		changed := exif.Reset(data)
		if changed == bytes.Equal(before, data) || o > 1 && !changed {
			t.Fatalf("orientation %d, changed: %v, from %q to %q", o, changed, before, data)
		}
		if got := exif.Orientation(data); got > 1 {
			t.Fatalf("orientation %d of %q after the reset, which was %q", got, data, before)
		}
		if exif.Reset(data) {
			t.Fatalf("%q changes again", data)
		}
	})
}

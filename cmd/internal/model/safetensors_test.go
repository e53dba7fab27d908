package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSafetensorsRoundTrip(t *testing.T) {
	for _, meta := range []map[string]string{nil, {"format": "oi", "b": "2", "classes": `["a","b"]`}} {
		n := tiny("a", "b")
		var b bytes.Buffer
		if err := n.WriteSafetensors(&b, meta); err != nil {
			t.Fatal(err)
		}
		params, got, err := ReadSafetensors(iotest.HalfReader(bytes.NewReader(b.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(params, n.Params) {
			t.Errorf("got %v, want %v", params, n.Params)
		}
		if !reflect.DeepEqual(got, meta) {
			t.Errorf("metadata %v, want %v", got, meta)
		}
	}
}

// TestSafetensorsLayout checks the bytes against the format's description.
func TestSafetensorsLayout(t *testing.T) {
	n := tiny("a", "b")
	var b bytes.Buffer
	if err := n.WriteSafetensors(&b, map[string]string{"x": "y"}); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	size := binary.LittleEndian.Uint64(file)
	if size%8 != 0 {
		t.Errorf("header of %d bytes: the data is not aligned", size)
	}
	var header map[string]struct {
		Dtype   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets []int  `json:"data_offsets"`
		X       string `json:"x"`
	}
	if err := json.Unmarshal(file[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	if header["__metadata__"].X != "y" {
		t.Error("no metadata")
	}
	data := file[8+size:]
	if want := 4 * n.Parameters(); len(data) != want {
		t.Errorf("%d bytes of data, want %d", len(data), want)
	}
	for _, p := range n.Params {
		h := header[p.Name]
		if h.Dtype != "F32" || !reflect.DeepEqual(h.Shape, p.Shape) {
			t.Errorf("%s: %+v", p.Name, h)
		}
		for i, want := range p.Data {
			if got := math.Float32frombits(binary.LittleEndian.Uint32(data[h.Offsets[0]+4*i:])); got != want {
				t.Fatalf("%s[%d] = %v, want %v", p.Name, i, got, want)
			}
		}
	}
}

func TestReadSafetensorsRefuses(t *testing.T) {
	file := func(header string, data int) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), make([]byte, data)...)
	}
	tensor := func(s string) string { return `{"w":` + s + `}` }
	tests := []struct {
		name string
		file []byte
		want error
		text string
	}{
		{"empty", nil, ErrNotSafetensors, ""},
		{"short", []byte("1234567"), ErrNotSafetensors, ""},
		{"text", []byte("hello world, hello world"), ErrNotSafetensors, ""},
		{"a claim of 90 MB", append(binary.LittleEndian.AppendUint64(nil, 90_000_000), '{'), ErrTruncated, ""},
		{"not JSON", file("{]", 0), ErrNotSafetensors, "header does not parse"},
		{"other dtype", file(tensor(`{"dtype":"F16","shape":[1],"data_offsets":[0,2]}`), 2), ErrNotSafetensors, `"F16"`},
		{"wrong size", file(tensor(`{"dtype":"F32","shape":[2],"data_offsets":[0,4]}`), 4), ErrNotSafetensors, "does not fit"},
		{"negative", file(tensor(`{"dtype":"F32","shape":[-1],"data_offsets":[4,0]}`), 4), ErrNotSafetensors, "impossible shape"},
		{"overflow", file(tensor(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}`), 0), ErrNotSafetensors, "impossible shape"},
		{"gap", file(tensor(`{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`), 8), ErrNotSafetensors, "does not start where"},
		{"metadata of numbers", file(`{"__metadata__":{"a":1}}`, 0), ErrNotSafetensors, "metadata does not parse"},
		{"cut", file(tensor(`{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`), 7), ErrTruncated, ""},
		{"more", file(tensor(`{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`), 9), nil, "after its last tensor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := ReadSafetensors(bytes.NewReader(test.file))
			if err == nil || (test.want != nil && !errors.Is(err, test.want)) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
		})
	}
}

func FuzzReadSafetensors(f *testing.F) {
	var b bytes.Buffer
	if err := tiny("a", "b").WriteSafetensors(&b, map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		params, _, err := ReadSafetensors(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, p := range params {
			if len(p.Data) != p.Size() {
				t.Fatalf("%s of shape %v has %d numbers", p.Name, p.Shape, len(p.Data))
			}
		}
	})
}

package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"
	"testing"
)

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

package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func encode(t testing.TB, n *Network, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := n.WriteONNX(&b, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestONNXRoundTrip(t *testing.T) {
	tests := []struct {
		classes []string
		meta    map[string]string
	}{
		{[]string{"Hamburger", "Sandwich"}, nil},
		{[]string{"a", "b", "c"}, map[string]string{"z": "1", "a": "", "trail": `[{"tool":"oi-boxes"}]`}},
		{[]string{"a", "b"}, nil},
		{[]string{"<Käse> & \"Brot\"", "日本"}, map[string]string{"license": "CC BY 2.0"}},
	}
	for i, test := range tests {
		n := []*Network{tiny(test.classes...), skipping(test.classes...)}[i%2]
		file := encode(t, n, test.meta)
		if again := encode(t, n.Clone(), test.meta); !bytes.Equal(file, again) {
			t.Error("two files of the same network differ")
		}
		got, meta, err := ReadONNX(iotest.OneByteReader(bytes.NewReader(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, n) {
			t.Errorf("got %+v, want %+v", got, n)
		}
		if len(meta) != len(test.meta) || (len(meta) > 0 && !reflect.DeepEqual(meta, test.meta)) {
			t.Errorf("metadata %v, want %v", meta, test.meta)
		}
		if got.WeightsHash() != n.WeightsHash() {
			t.Error("the weights changed")
		}
	}
}

// TestONNXStructure reads the file with a second parser and compares it with the ONNX specification.
func TestONNXStructure(t *testing.T) {
	n := tiny("a", "b")
	m := decode(t, encode(t, n, map[string]string{"b": "2", "a": "1"}))
	if m.text(1) != "8" || m.text(2) != "oi-train" {
		t.Errorf("IR version %s, producer %s", m.text(1), m.text(2))
	}
	if set := m.messages(t, 8); len(set) != 1 || set[0].text(2) != "17" || set[0].text(1) != "" {
		t.Errorf("opset %v", set)
	}
	var keys []string
	for _, entry := range m.messages(t, 14) {
		keys = append(keys, entry.text(1))
	}
	if !slices.Equal(keys, []string{"a", "b", "classes", "oi_network"}) {
		t.Errorf("metadata keys %v", keys)
	}
	g := m.messages(t, 7)[0]
	if g.text(2) != "tiny" {
		t.Errorf("graph name %q", g.text(2))
	}

	want := "Cast Constant Mul Transpose Conv Relu MaxPool Conv Relu Transpose Flatten Gemm Relu Gemm Sigmoid Constant Sub Concat"
	if got := strings.Join(operators(t, g), " "); got != want {
		t.Errorf("operators\n%s, want\n%s", got, want)
	}
	conv := g.messages(t, 1)[4]
	attrs := map[string]string{}
	for _, a := range conv.messages(t, 5) {
		attrs[a.text(1)] = a.text(8) + "/" + a.text(20)
	}
	if want := map[string]string{"kernel_shape": "3 3/7", "pads": "1 1 1 1/7", "strides": "1 1/7"}; !reflect.DeepEqual(attrs, want) {
		t.Errorf("attributes of Conv %v, want %v", attrs, want)
	}
	if got := conv.text(1); got != "planes conv1.weight conv1.bias" {
		t.Errorf("Conv reads %s", got)
	}

	ends := map[int]string{11: "image 2 N,9,8,3", 12: "probabilities 1 N,2"}
	for field, want := range ends {
		info := g.messages(t, field)[0]
		tensor := info.messages(t, 2)[0].messages(t, 1)[0]
		var dims []string
		for _, d := range tensor.messages(t, 2)[0].messages(t, 1) {
			dims = append(dims, d.text(1)+d.text(2))
		}
		if got := fmt.Sprintf("%s %s %s", info.text(1), tensor.text(1), strings.Join(dims, ",")); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	weight := g.messages(t, 5)[0]
	if weight.text(1) != "4 3 3 3" || weight.text(2) != "1" || weight.text(8) != "conv1.weight" {
		t.Errorf("first tensor: dims %s, type %s, name %s", weight.text(1), weight.text(2), weight.text(8))
	}
	raw := weight[9][0].([]byte)
	const ky, kx, ci, co = 2, 1, 1, 3
	got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*(((co*3+ci)*3+ky)*3+kx):]))
	if want := n.Params[0].Data[((ky*3+kx)*3+ci)*4+co]; got != want {
		t.Errorf("weight [%d,%d,%d,%d] is %v, want %v", co, ci, ky, kx, got, want)
	}

	more := decode(t, encode(t, tiny("a", "b", "c"), nil)).messages(t, 7)[0].messages(t, 1)
	if last := more[len(more)-1]; last.text(4) != "Softmax" || last.text(2) != "probabilities" {
		t.Errorf("three classes end in %s", last.text(4))
	}
}

// operators returns the names of the graph's operators, and checks that each reads what is there.
func operators(t *testing.T, g message) []string {
	t.Helper()
	var ops []string
	defined := map[string]bool{"image": true}
	for _, init := range g.messages(t, 5) {
		defined[init.text(8)] = true
	}
	names := map[string]bool{}
	for _, node := range g.messages(t, 1) {
		ops = append(ops, node.text(4))
		for _, in := range strings.Fields(node.text(1)) {
			if !defined[in] {
				t.Errorf("%s reads %s before it is made", node.text(4), in)
			}
		}
		out := node.text(2)
		if defined[out] || names[node.text(3)] {
			t.Errorf("%q or %q is there twice", out, node.text(3))
		}
		defined[out], names[node.text(3)] = true, true
	}
	if !defined["probabilities"] {
		t.Error("nothing makes the output")
	}
	return ops
}

// TestONNXSkipping: an addition reads the tensors of two layers; a mean needs no transposition, and a dropped dropout
// passes on the name of what it reads.
func TestONNXSkipping(t *testing.T) {
	g := decode(t, encode(t, skipping("a", "b", "c"), nil)).messages(t, 7)[0]
	want := "Cast Constant Mul Transpose Conv Relu MaxPool Conv Relu Conv Add Relu GlobalAveragePool Flatten Gemm Relu Add Gemm Softmax"
	if got := strings.Join(operators(t, g), " "); got != want {
		t.Errorf("operators\n%s, want\n%s", got, want)
	}
	reads := map[string]string{}
	for _, node := range g.messages(t, 1) {
		reads[node.text(2)] = node.text(1)
	}
	for out, want := range map[string]string{
		"add7": "conv6 maxpool23", "avgpool10_plane": "relu8", "avgpool10": "avgpool10_plane", "add13": "relu12 avgpool10",
	} {
		if reads[out] != want {
			t.Errorf("%s reads %q, want %q", out, reads[out], want)
		}
	}
}

func TestReadONNXTruncated(t *testing.T) {
	file := encode(t, tiny("a", "b"), map[string]string{"trail": "x", "metrics": "{}"})
	for n := 1; n < len(file); n++ {
		if _, _, err := ReadONNX(bytes.NewReader(file[:n])); !errors.Is(err, ErrTruncated) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(file), err)
		}
	}
}

func TestReadONNXRefuses(t *testing.T) {
	good, sum := encode(t, tiny("a", "b"), nil), encode(t, skipping("a", "b"), nil)
	replace := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
	foreign := appendVarint(nil, modelIRVersion, 8)
	foreign = appendString(foreign, modelProducer, "pytorch")
	foreign = appendBytes(foreign, modelGraph, nil)
	nan := bytes.Clone(good)
	at := bytes.Index(nan, []byte("conv2.bias\x4a\x14")) + 12
	copy(nan[at:], "\x00\x00\xc0\x7f")
	flipped := bytes.Clone(good)
	flipped[at] ^= 1
	tests := []struct {
		name string
		file []byte
		want error
		text string
	}{
		{"empty", nil, ErrNotONNX, ""},
		{"text", []byte("hello world, this is no model"), ErrNotONNX, ""},
		{"jpeg", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), ErrNotONNX, ""},
		{"another producer", foreign, ErrForeign, ""},
		{"another opset", bytes.Replace(good, []byte("\x42\x02\x10\x11"), []byte("\x42\x02\x10\x12"), 1), ErrForeign, "opset 18"},
		{"another operator", replace("Relu", "Tanh"), ErrForeign, "its graph is not the one"},
		{"another stride", replace(`"stride":2`, `"stride":1`), ErrForeign, ""},
		{"another tensor name", replace("conv2.bias\x4a", "conv2.bios\x4a"), ErrForeign, "conv2.bios"},
		{"another summand", bytes.Replace(sum, []byte(`"from":3`), []byte(`"from":4`), 1), ErrForeign, "its graph is not the one"},
		{"a summand that is not there", bytes.Replace(sum, []byte(`"from":3`), []byte(`"from":9`), 1), ErrForeign, "adds layer 9"},
		{"no height", replace(`"height":9`, `"height":0`), ErrForeign, "picture of"},
		{"description of tomorrow", replace(`"version":1`, `"version":2`), nil, "description of version 2"},
		{"a flipped bit in a weight", flipped, ErrDamaged, "its weights are not those"},
		{"a weight that is no number", nan, ErrDamaged, `"conv2.bias", number 0 is NaN`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if bytes.Equal(test.file, good) || bytes.Equal(test.file, sum) {
				t.Fatal("the test changed nothing")
			}
			_, _, err := ReadONNX(bytes.NewReader(test.file))
			if err == nil || (test.want != nil && !errors.Is(err, test.want)) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
		})
	}
	broken := errors.New("disk on fire")
	if _, _, err := ReadONNX(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader's error came back as %v", err)
	}
}

func TestWriteONNXRefuses(t *testing.T) {
	n := tiny("a", "b")
	if err := n.WriteONNX(io.Discard, map[string]string{"oi_network": "x"}); err == nil {
		t.Error("a key of the writer's own was taken")
	}
	n.Params[0].Data[3] = float32(math.Inf(1))
	if err := n.WriteONNX(io.Discard, nil); err == nil {
		t.Error("an infinite weight was written")
	}
}

// limited fails after n bytes.
type limited struct{ n int }

var errFull = errors.New("no space left on device")

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.n {
		return l.n, errFull
	}
	l.n -= len(b)
	return len(b), nil
}

func TestWritersReportFullDisk(t *testing.T) {
	n := tiny("a", "b")
	size := len(encode(t, n, nil))
	for k := 0; k < size; k += 97 {
		if err := n.WriteONNX(&limited{k}, nil); !errors.Is(err, errFull) {
			t.Fatalf("ONNX, room for %d of %d bytes: %v", k, size, err)
		}
	}
	for k := range 100 {
		if err := n.WriteSafetensors(&limited{k}, nil); !errors.Is(err, errFull) {
			t.Fatalf("safetensors, room for %d bytes: %v", k, err)
		}
	}
}

func FuzzReadONNX(f *testing.F) {
	file := encode(f, tiny("a", "b"), map[string]string{"k": "v"})
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add(encode(f, tiny("a", "b", "c"), nil))
	f.Add(encode(f, skipping("a", "b", "c"), nil))
	f.Add([]byte("\x08\x08\x12\x08oi-train"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, meta, err := ReadONNX(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := n.WriteONNX(&again, meta); err != nil {
			t.Fatalf("read, but cannot be written: %v", err)
		}
		m, _, err := ReadONNX(&again)
		if err != nil {
			t.Fatalf("written, but cannot be read: %v", err)
		}
		if m.WeightsHash() != n.WeightsHash() {
			t.Fatal("the weights changed on the way")
		}
	})
}

package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

func encode(t testing.TB, n *Network, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := n.WriteONNX(&b, "v1.2.3", meta); err != nil {
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

// TestONNXGolden pins the bytes of files.
func TestONNXGolden(t *testing.T) {
	for want, n := range map[string]*Network{
		"91dd8a15d2f6de8f": tiny("a", "b"), "3919612309f21396": tiny("a", "b", "c"), "22c50318ccf50d6a": skipping("a", "b", "c"), "e60beaba4fc87942": skipping("a", "b"),
	} {
		for _, p := range n.Params {
			for k := range p.Data {
				p.Data[k] = float32(k%17) / 16
			}
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(encode(t, n, map[string]string{"key": "value"}))); got[:16] != want {
			t.Errorf("%d layers, %d classes: SHA-256 %s, want %s", len(n.Layers), len(n.Classes), got[:16], want)
		}
	}
}

// TestONNXStructure reads the file with a second parser and compares it with
// the ONNX specification.
func TestONNXStructure(t *testing.T) {
	n := tiny("a", "b")
	m := decode(t, encode(t, n, map[string]string{"b": "2", "a": "1"}))
	if m.text(1) != "8" || m.text(2) != "oi-train" {
		t.Errorf("IR version %s, producer %s", m.text(1), m.text(2))
	}
	if set := m.messages(t, 8); len(set) != 1 || set[0].text(2) != "17" || set[0].text(1) != "" {
		t.Errorf("opset %v", set)
	}
	if m.text(3) != "v1.2.3" || !strings.Contains(m.text(6), "uint8 [N,9,8,3], RGB") {
		t.Errorf("producer version %q, doc string %q", m.text(3), m.text(6))
	}
	var keys []string
	meta := map[string]string{}
	for _, entry := range m.messages(t, 14) {
		keys = append(keys, entry.text(1))
		meta[entry.text(1)] = entry.text(2)
	}
	if !slices.Equal(keys, []string{"a", "b", "classes", "names", "oi_network", "oi_sha256"}) {
		t.Errorf("metadata keys %v", keys)
	}
	if meta["classes"] != `["a","b"]` || meta["names"] != "{0: 'a', 1: 'b'}" {
		t.Errorf("classes %s, names %s", meta["classes"], meta["names"])
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

	for field, want := range map[int]string{
		11: "image 2 N,9,8,3",
		12: "probabilities 1 N,2",
		13: "pixels 1 N,9,8,3; scaled 1 N,9,8,3; planes 1 N,3,9,8; conv1 1 N,4,9,8; relu2 1 N,4,9,8; maxpool23 1 N,4,4,4; conv4 1 N,5,2,2; " +
			"relu5 1 N,5,2,2; flatten6_nhwc 1 N,2,2,5; flatten6 1 N,20; dense7 1 N,6; relu8 1 N,6; dense10 1 N,1; positive 1 N,1; negative 1 N,1",
	} {
		var infos []string
		for _, info := range g.messages(t, field) {
			tensor := info.messages(t, 2)[0].messages(t, 1)[0]
			var dims []string
			for _, d := range tensor.messages(t, 2)[0].messages(t, 1) {
				dims = append(dims, d.text(1)+d.text(2))
			}
			infos = append(infos, fmt.Sprintf("%s %s %s", info.text(1), tensor.text(1), strings.Join(dims, ",")))
		}
		if got := strings.Join(infos, "; "); got != want {
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

	// OpenCV knows no other Gemm.
	gemm := g.messages(t, 1)[11]
	if attr := gemm.messages(t, 5); len(attr) != 1 || attr[0].text(1) != "transB" || attr[0].text(3) != "1" || attr[0].text(20) != "2" {
		t.Errorf("attributes of Gemm %v", attr)
	}
	dense := g.messages(t, 5)[4]
	if dense.text(1) != "6 20" || dense.text(8) != "dense1.weight" {
		t.Errorf("tensor %s: dims %s", dense.text(8), dense.text(1))
	}
	const in, out = 13, 4
	got = math.Float32frombits(binary.LittleEndian.Uint32(dense[9][0].([]byte)[4*(out*20+in):]))
	if want := n.Params[4].Data[in*6+out]; got != want {
		t.Errorf("dense weight [%d,%d] is %v, want %v", out, in, got, want)
	}

	more := decode(t, encode(t, tiny("a", "b", "c"), nil)).messages(t, 7)[0].messages(t, 1)
	if last := more[len(more)-1]; last.text(4) != "Softmax" || last.text(2) != "probabilities" {
		t.Errorf("three classes end in %s", last.text(4))
	}
}

// operators returns the names of the graph's operators, and checks that each
// reads what is there.
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

// TestONNXSkipping: an addition reads the tensors of two layers; a mean needs
// no transposition, and a dropped dropout passes on the name of what it reads.
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

// resealed returns a file with the seal of its own bytes, so that what else is
// wrong with it is seen.
func resealed(file []byte) []byte {
	body := file[:len(file)-len(seal([sha256.Size]byte{}))]
	return append(bytes.Clone(body), seal(sha256.Sum256(body))...)
}

// onnxStart is the beginning of another program's file.
func onnxStart(maker, version string, more ...byte) []byte {
	b := onnxproto.AppendVarint(nil, onnxproto.ModelIRVersion, 7)
	if maker != "" {
		b = onnxproto.AppendString(b, onnxproto.ModelProducer, maker)
	}
	if version != "" {
		b = onnxproto.AppendString(b, onnxproto.ModelProducerVersion, version)
	}
	return append(b, more...)
}

func TestReadONNXRefuses(t *testing.T) {
	good, sum := encode(t, tiny("a", "b"), nil), encode(t, skipping("a", "b"), nil)
	old, err := os.ReadFile("testdata/version1_tiny.onnx")
	if err != nil {
		t.Fatal(err)
	}
	change := func(file []byte, from, to string) []byte { return bytes.Replace(file, []byte(from), []byte(to), 1) }
	replace := func(from, to string) []byte { return resealed(change(good, from, to)) }
	flip := func(file []byte, to string) []byte {
		file = bytes.Clone(file)
		at := bytes.Index(file, []byte("conv2.bias\x4a\x14")) + 12
		if to == "" {
			file[at] ^= 1
		}
		copy(file[at:], to)
		return file
	}
	graph := []byte("\x3a\x80\x80\x80\x40\x0a") // of 128 MB, of which one byte is there
	tests := []struct {
		name string
		file []byte
		want error
		text string
	}{
		{"empty", nil, ErrNotONNX, ""},
		{"text", []byte("hello world, this is no model"), ErrNotONNX, ""},
		{"text with a backspace", []byte("\bhello world, this is no model"), ErrNotONNX, ""},
		{"jpeg", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), ErrNotONNX, ""},
		{"zeros", make([]byte, 1<<20), ErrNotONNX, ""},
		{"PyTorch's", onnxStart("pytorch", "1.13.1", graph...), ErrForeign, "oi-train did not write: its producer is pytorch 1.13.1"},
		{"nobody's", onnxStart("", "", graph...), ErrForeign, "oi-train did not write"},
		{"a talker's", onnxStart(strings.Repeat("é", 1000), "", graph...), ErrForeign, "producer is " + strings.Repeat("é", 40) + "…"},
		{"with a graph of nothing", onnxStart("tf2onnx", "", 0x3a, 0), ErrForeign, "producer is tf2onnx"},
		{"without a graph", onnxStart("tf2onnx", ""), ErrNotONNX, ""},
		{"ours with another IR version", onnxStart("oi-train", "", good[12:]...), ErrDamaged, "IR version 7"},
		{"another opset", replace("\x42\x02\x10\x11", "\x42\x02\x10\x12"), ErrDamaged, "opset 18"},
		{"another operator", replace("Relu", "Tanh"), ErrDamaged, "its graph is not the one"},
		{"Gemm untransposed", replace("transB\x18\x01", "transB\x18\x00"), ErrDamaged, "its graph is not the one"},
		{"another stride", replace(`"stride":2`, `"stride":1`), ErrDamaged, ""},
		{"another tensor name", replace("conv2.bias\x4a", "conv2.bios\x4a"), ErrDamaged, "conv2.bios"},
		{"another summand", resealed(change(sum, `"from":3`, `"from":4`)), ErrDamaged, "its graph is not the one"},
		{"a summand that is not there", resealed(change(sum, `"from":3`, `"from":9`)), ErrDamaged, "adds layer 9"},
		{"no height", replace(`"height":9`, `"height":0`), ErrDamaged, "picture of"},
		{"description of tomorrow", replace(`"version":2`, `"version":3`), ErrVersion, "description has version 3"},
		{"description of never", replace(`"version":2`, `"version":0`), ErrVersion, "description has version 0"},
		{"another version's description", replace(`"version":2`, `"version":1`), ErrDamaged, "its graph is not the one"},
		{"a flipped bit in a weight", flip(good, ""), ErrDamaged, "its checksum is another"},
		{"a flipped bit in a weight, sealed", resealed(flip(good, "")), ErrDamaged, "its weights have another checksum"},
		{"a flipped bit in a weight of version 1", flip(old, ""), ErrDamaged, "its weights have another checksum"},
		{"a weight that is no number", resealed(flip(good, "\x00\x00\xc0\x7f")), ErrDamaged, `"conv2.bias", number 0 is NaN`},
		{"swapped class names", change(good, `["a","b"]`, `["b","a"]`), ErrDamaged, "its checksum is another"},
		{"something at its end", append(bytes.Clone(good), metaEntry("classes", `["b","a"]`)...), ErrDamaged, "something follows its end"},
		{"no seal", good[:len(good)-len(seal([sha256.Size]byte{}))], ErrTruncated, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if bytes.Equal(test.file, good) || bytes.Equal(test.file, sum) || bytes.Equal(test.file, old) {
				t.Fatal("the test changed nothing")
			}
			_, _, err := ReadONNX(bytes.NewReader(test.file))
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
		})
	}
	broken := errors.New("disk on fire")
	if _, _, err := ReadONNX(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader's error came back as %v", err)
	}
}

// Whatever bit of a file is another one, it is no model any more: a class name,
// a figure, a shape for people.
func TestReadONNXEveryBit(t *testing.T) {
	file := encode(t, tiny("a", "b"), map[string]string{"trail": "x", "trained_on": "AAAA"})
	for at := range file {
		changed := bytes.Clone(file)
		changed[at] ^= 1 << (at % 8)
		if _, _, err := ReadONNX(bytes.NewReader(changed)); err == nil {
			t.Fatalf("byte %d of %d was changed, and nobody noticed", at, len(file))
		}
	}
}

// Files as they were written before dense weights were transposed are read, and
// have the same checksum of weights.
func TestReadONNXVersion1(t *testing.T) {
	for name, test := range map[string]struct {
		classes []string
		run     string
		weights string
	}{
		"tiny":     {[]string{"a", "b"}, "1", "e13da8738696878f6a9f40a99daf0a6c558b61086edc3353fc794be34ae4abb8"},
		"skipping": {[]string{"a", "b", "c"}, "2", "24f9e198fc7ce60f065922e92eeb69bd4ea81a4ffd5ee2b64bf549d267d1858c"},
	} {
		file, err := os.ReadFile("testdata/version1_" + name + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		n, meta, err := ReadONNX(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(n.Classes, test.classes) || n.Arch != name || !reflect.DeepEqual(meta, map[string]string{"run": test.run}) {
			t.Errorf("%s: classes %v, %s, metadata %v", name, n.Classes, n.Arch, meta)
		}
		if got := n.WeightsHash(); got != test.weights {
			t.Errorf("%s: weights %s, want %s", name, got, test.weights)
		}
		again, _, err := ReadONNX(bytes.NewReader(encode(t, n, meta)))
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Errorf("%s: written anew it is another: %v", name, err)
		}
		for k := 1; k < len(file); k += 37 {
			if _, _, err := ReadONNX(bytes.NewReader(file[:k])); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s: the first %d of %d bytes: %v", name, k, len(file), err)
			}
		}
	}
}

// endless counts what is read of it.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.n += int64(len(p))
	return len(p), nil
}

// What is no model is not read to its end.
func TestReadONNXReadsLittleOfOthers(t *testing.T) {
	good := encode(t, tiny("a", "b"), nil)
	for name, test := range map[string]struct {
		start []byte
		want  string
	}{
		"zeros":               {nil, "not an ONNX file"},
		"PyTorch's":           {onnxStart("pytorch", "", 0x3a, 0x80, 0x80, 0x80, 0x80, 0x04), "producer is pytorch"},
		"after a model":       {good, "the model file is damaged"},
		"after half a model":  {fileStart(), "the model file is damaged"},
		"a graph of 1.25 GiB": {append(fileStart(), 0x3a, 0x80, 0x80, 0x80, 0x80, 0x05), "larger than 1024 MiB"},
		"a graph of 2^64":     {append(fileStart(), "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"...), "larger than 1024 MiB"},
	} {
		e := &endless{}
		if _, _, err := ReadONNX(io.MultiReader(bytes.NewReader(test.start), e)); err == nil || e.n > 1<<16 || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d bytes read, %v; want %q", name, e.n, err, test.want)
		}
	}
}

func TestWriteONNXRefuses(t *testing.T) {
	n := tiny("a", "b")
	for _, key := range []string{"classes", "names", "oi_network", "oi_sha256"} {
		if err := n.WriteONNX(io.Discard, "", map[string]string{key: "x"}); err == nil {
			t.Errorf("a key of the writer's own was taken: %s", key)
		}
	}
	n.Params[0].Data[3] = float32(math.Inf(1))
	if err := n.WriteONNX(io.Discard, "", nil); err == nil {
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
		if err := n.WriteONNX(&limited{k}, "v1.2.3", nil); !errors.Is(err, errFull) {
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
	f.Add([]byte("\x08\x07\x12\x07pytorch\x3a\x00"))
	for _, name := range []string{"tiny", "skipping"} {
		old, err := os.ReadFile("testdata/version1_" + name + ".onnx")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(old)
	}
	f.Add(encode(f, tiny("a", "b", "c"), nil))
	f.Add(encode(f, skipping("a", "b", "c"), nil))
	f.Add([]byte("\x08\x08\x12\x08oi-train"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, meta, err := ReadONNX(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := n.WriteONNX(&again, "", meta); err != nil {
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

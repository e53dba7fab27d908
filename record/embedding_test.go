package record_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

const embeddingOf = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// vectorOf returns an item with an embedding of the numbers whose bits are
// given.
func vectorOf(dtype string, data []byte) *record.Item {
	return &record.Item{ID: "a", Embedding: &record.Embedding{Of: embeddingOf, DType: dtype, Side: 128, Data: data}}
}

// numbers returns the elements of data in an item's JSON, as they stand there.
func numbers(t *testing.T, text []byte) []string {
	t.Helper()
	var item struct {
		Embedding struct{ Data []json.Number }
	}
	if err := json.Unmarshal(text, &item); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range item.Embedding.Data {
		all = append(all, n.String())
	}
	return all
}

// Each half that is finite comes back from JSON as it was. Its decimal is the
// shortest: no number of fewer digits lies between the middles to its
// neighbours.
func TestEveryHalfInJSON(t *testing.T) {
	var data []byte
	var halves []uint16
	for h := range 1 << 16 {
		if h&0x7c00 != 0x7c00 {
			data = binary.LittleEndian.AppendUint16(data, uint16(h))
			halves = append(halves, uint16(h))
		}
	}
	text := encode(t, record.JSON, []record.Record{head(), vectorOf(record.Float16, data)})
	if got := decode(t, text)[1].(*record.Item).Embedding.Data; !bytes.Equal(got, data) {
		t.Error("the halves changed by way of JSON")
	}
	for i, text := range numbers(t, text) {
		value := func(h uint16) float64 {
			if h < 0x400 {
				return math.Ldexp(float64(h), -24)
			}
			return math.Ldexp(float64(1024+h&0x3ff), int(h>>10)-25)
		}
		h := halves[i] &^ 0x8000
		low, high := (value(h)-value(max(h, 1)-1))/2, (value(h+1)-value(h))/2
		if h == 0x7bff {
			high = 16
		}
		if got, err := strconv.ParseFloat(strings.TrimPrefix(text, "-"), 64); err != nil || got < value(h)-low || got > value(h)+high {
			t.Fatalf("%#04x is %v, written as %s", h, value(h), text)
		}
		mantissa, _, _ := strings.Cut(text, "e")
		digits := len(strings.TrimRight(strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(mantissa), "0"), "0"))
		if h == 0 || digits < 2 {
			continue
		}
		// The multiples of the step that numbers of one digit less are
		// apart, next to the value on both sides.
		exponent, err := strconv.Atoi(strconv.FormatFloat(value(h), 'e', 16, 64)[19:])
		if err != nil {
			t.Fatal(err)
		}
		step := math.Pow10(exponent - digits + 2)
		below := math.Floor(value(h)/step) * step
		if below > value(h)-low || below+step < value(h)+high {
			t.Fatalf("%#04x is %v: %s, and %v or %v is shorter", h, value(h), text, below, below+step)
		}
	}
}

// Numbers of single precision come back from JSON as they were, by way of
// float64 too, as other programs read them, and mostly in the fewest digits.
func TestSinglesInJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var data []byte
	for len(data) < 4<<16 {
		if bits := rng.Uint32(); bits&0x7f800000 != 0x7f800000 {
			data = binary.LittleEndian.AppendUint32(data, bits)
		}
	}
	text := encode(t, record.JSON, []record.Record{head(), vectorOf(record.Float32, data)})
	if got := decode(t, text)[1].(*record.Item).Embedding.Data; !bytes.Equal(got, data) {
		t.Error("the numbers changed by way of JSON")
	}
	longer := 0
	for i, text := range numbers(t, text) {
		f := math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		if back, err := strconv.ParseFloat(text, 64); err != nil || float32(back) != f {
			t.Fatalf("%v is written as %s", f, text)
		}
		if s, err := strconv.ParseFloat(text, 32); err != nil || strconv.FormatFloat(s, 'g', -1, 64) != strconv.FormatFloat(float64(f), 'g', -1, 64) {
			t.Fatalf("%v is written as %s", f, text)
		}
		if len(text) > len(strconv.FormatFloat(float64(f), 'e', -1, 32)) && strings.Contains(text, "e") {
			longer++
		}
	}
	if longer > 3 {
		t.Errorf("%d numbers have more digits than they need", longer)
	}
}

// The numbers may be an array in either form, integers among them, and come
// before their type. What a program that does not know embeddings writes is
// read too.
func TestEmbeddingIsRead(t *testing.T) {
	want := []byte{0x00, 0x3c, 0x00, 0xc0, 0x00, 0x38, 0x00, 0x80, 0x66, 0x2e}
	item := func(data string) string {
		return fmt.Sprintf(`{"id":"a","embedding":{"data":%s,"dtype":"float16","of":"%s","side":128}}`, data, embeddingOf)
	}
	inputs := map[string][]byte{
		"sorted JSON":        []byte(item(`[1, -2, 0.5, -0.0, 0.1]`)),
		"rounded JSON":       []byte(item(`[1.0004, -2e0, 0.500001, -0, 0.10000000149]`)),
		"of another program": []byte(item(`{"$bin":"ADwAwAA4AIBmLg=="}`)),
	}
	body := pairs(t, "id", "a", "embedding", pairs(t, "data", []any{1, -2.0, float32(0.5), math.Copysign(0, -1), 0.1},
		"of", embeddingOf, "side", 128, "dtype", "float16"))
	opener := encode(t, record.Binary, []record.Record{head()})
	closer := encode(t, record.Binary, []record.Record{head(), &record.End{}})[len(opener):]
	inputs["binary"] = bytes.Join([][]byte{opener, seal(body), closer}, nil)
	for name, input := range inputs {
		if diff := same(vectorOf(record.Float16, want), decode(t, input)[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// jq counts and computes with the numbers; what it passes on, with its keys
// sorted, has the same bytes.
func TestEmbeddingThroughJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("jq is not installed")
	}
	want := embeddingStream(t)
	run := func(args ...string) []byte {
		cmd := exec.Command(jq, args...)
		cmd.Stdin = bytes.NewReader(encode(t, record.JSON, want))
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for i, r := range decode(t, run("-S", "."))[1:3] {
		e := want[i+1].(*record.Item).Embedding
		got := r.(*record.Item).Embedding
		if !bytes.Equal(got.Data, e.Data) || got.DType != e.DType || got.Of != e.Of {
			t.Errorf("item %d:\n got %+v\nwant %+v", i, got, e)
		}
	}
	if got := string(run("-c", `.embedding.data | [length, .[0], (.[0] * 2)]`)); got != "[9,1,2]\n[8,1,2]\n" {
		t.Errorf("jq counts %s", got)
	}
}

func TestEmbeddingLen(t *testing.T) {
	for dtype, want := range map[string]int{record.Float16: 4, record.Float32: 2, "": 0} {
		if got := (&record.Embedding{DType: dtype, Data: make([]byte, 8)}).Len(); got != want {
			t.Errorf("%s: %d numbers, want %d", dtype, got, want)
		}
	}
}

package record_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/opensandwich/oi/record"
)

// A maker makes random records that keep the rules of the format.
type maker struct {
	*rand.Rand
	t testing.TB
}

func (m *maker) maybe() bool { return m.IntN(3) > 0 }

func (m *maker) text() string {
	if m.IntN(4) == 0 {
		return ""
	}
	alphabet := []rune("abc XYZ\"\\/\n\t\x00\x7f\u009b\u2028éß漢🍔�$")
	s := make([]rune, m.IntN(1<<m.IntN(7)))
	for i := range s {
		s[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(s)
}

func (m *maker) word(most int) string {
	const alphabet = "abcXYZ019_-"
	s := make([]byte, 1+m.IntN(most))
	for i := range s {
		s[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(s)
}

func (m *maker) bytes() []byte {
	n := m.IntN(1 << m.IntN(15))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m *maker) float() float64 {
	switch m.IntN(5) {
	case 0:
		return float64(m.IntN(3) - 1)
	case 1:
		return math.Copysign(0, -1)
	case 2:
		return m.Float64()
	}
	for {
		if f := math.Float64frombits(m.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
}

func (m *maker) count() int64 { return m.Int64() >> m.IntN(63) }

func (m *maker) value(depth int) any {
	kinds := 8
	if depth > 3 {
		kinds = 6
	}
	switch m.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return m.maybe()
	case 2:
		return int64(m.Uint64()) >> m.IntN(64)
	case 3:
		return m.float()
	case 4:
		return m.text()
	case 5:
		return m.bytes()
	case 6:
		list := make([]any, m.IntN(5))
		for i := range list {
			list[i] = m.value(depth + 1)
		}
		return list
	}
	table := make(map[string]any)
	for range m.IntN(20) {
		table[[]string{"", "$", "$$"}[m.IntN(3)]+m.text()] = m.value(depth + 1)
	}
	for _, form := range []string{"$bin", "$str", "$int", "$ext"} {
		if m.IntN(30) == 0 {
			return map[string]any{form: m.value(depth + 1)}
		}
	}
	return table
}

// raw returns a value for an unknown key.
func (m *maker) raw() record.Raw {
	switch m.IntN(10) {
	case 0:
		return append(record.Raw{0xd6, byte(m.Uint32())}, 1, 2, 3, 4) // ext
	case 1:
		return append(record.Raw{0xa3}, 0xff, byte(m.Uint32()), 0xc0) // not UTF-8
	case 2:
		return raw(m.t, m.Uint64())
	}
	return raw(m.t, m.value(4))
}

func (m *maker) extra() []record.Field {
	if m.maybe() {
		return nil
	}
	var all []record.Field
	for i := range m.IntN(1 << m.IntN(7)) {
		all = append(all, record.Field{Key: fmt.Sprint("x", i, m.text()), Value: m.raw()})
	}
	return all
}

func (m *maker) reasons() map[string]int64 {
	var all map[string]int64
	for range m.IntN(4) {
		if all == nil {
			all = make(map[string]int64)
		}
		all[m.text()] = m.count()
	}
	return all
}

func (m *maker) counts() []record.StageCounts {
	var all []record.StageCounts
	for range 1 + m.IntN(3) {
		all = append(all, record.StageCounts{Tool: m.word(20), In: m.count(), Out: m.count(), Added: m.reasons(), Removed: m.reasons(),
			Skipped: m.reasons(), MaxSkips: []string{"", "10", "25% from 20"}[m.IntN(3)], Extra: m.extra()})
	}
	return all
}

func (m *maker) loss() *record.Damage {
	if m.maybe() {
		return nil
	}
	return &record.Damage{Regions: m.count(), Bytes: m.count(), Extra: m.extra()}
}

func (m *maker) header() *record.Header {
	h := &record.Header{Version: 1, Extra: m.extra()}
	if m.maybe() {
		h.Completeness = "unchecked"
		h.Expected = m.count()
	}
	for range m.IntN(4) {
		h.Classes = append(h.Classes, record.Class{MID: m.text(), Name: m.word(10), Extra: m.extra()})
	}
	for range m.IntN(4) {
		s := record.Stage{Tool: m.word(10), Version: m.text(), Extra: m.extra()}
		if m.maybe() {
			s.Args = map[string]string{m.text(): m.text(), "b": m.text()}
		}
		h.Stages = append(h.Stages, s)
	}
	return h
}

func (m *maker) flag() int { return m.IntN(3) - 1 }

func (m *maker) item() *record.Item {
	i := &record.Item{ID: m.word(64), Extra: m.extra()}
	if m.maybe() {
		i.Key, i.Subset, i.Set = m.word(80), m.word(64), []string{"train", "val", "test"}[m.IntN(3)]
	}
	if m.maybe() {
		i.Label = &record.Label{MID: m.text(), Name: "x" + m.text(), Extra: m.extra()}
	}
	if m.maybe() {
		i.Box = &record.Box{XMin: m.float(), XMax: m.float(), YMin: m.float(), YMax: m.float(), Occluded: m.flag(), Truncated: m.flag(),
			GroupOf: m.flag(), Depiction: m.flag(), Inside: m.flag(), Extra: m.extra()}
	}
	if m.maybe() {
		i.Avoid = make([]record.Rect, m.IntN(20))
		for k := range i.Avoid {
			i.Avoid[k] = record.Rect{XMin: m.float(), XMax: m.float(), YMin: m.float(), YMax: m.float(), Extra: m.extra()}
		}
	}
	if m.maybe() {
		i.Image = &record.Image{URL: m.text(), LandingURL: m.text(), ThumbnailURL: m.text(), License: m.text(), Author: m.text(),
			AuthorURL: m.text(), Title: m.text(), OriginalMD5: m.text(), OriginalSize: m.count(), Extra: m.extra()}
		if m.maybe() {
			f := m.float()
			i.Image.Rotation = &f
		}
	}
	if m.maybe() {
		i.Fetched = &record.Fetched{URL: m.text(), Source: m.text(), MediaType: m.text(), Extra: m.extra()}
		for range m.IntN(3) {
			i.Fetched.Earlier = append(i.Fetched.Earlier, record.Attempt{Source: m.word(9), Reason: m.word(9), Status: m.IntN(600), Extra: m.extra()})
		}
		if m.maybe() {
			i.Fetched.Bytes = m.bytes()
			i.Fetched.SHA256 = fmt.Sprintf("%x", sha256.Sum256(i.Fetched.Bytes))
		}
	}
	if m.maybe() {
		i.Crop = &record.Crop{X: m.IntN(math.MaxInt32), Y: m.IntN(10), Width: 1 + m.IntN(5000), Height: 1 + m.IntN(5), Rotation: 90 * m.IntN(4),
			SourceWidth: m.IntN(5000), SourceHeight: m.IntN(5000), Background: m.maybe(), Extra: m.extra()}
	}
	for _, view := range []**record.Tensor{&i.Tensor, &i.Context} {
		if !m.maybe() {
			continue
		}
		shape := []int{1 + m.IntN(160), 1 + m.IntN(160), 1 + m.IntN(4)}
		data := make([]byte, shape[0]*shape[1]*shape[2])
		for k := range data {
			data[k] = byte(k * shape[0])
		}
		*view = &record.Tensor{Shape: shape, DType: "uint8", Data: data, Extra: m.extra()}
	}
	if m.maybe() {
		i.Embedding = m.embedding()
	}
	if m.maybe() {
		i.Augment = &record.Augment{Epoch: m.IntN(100), Copy: m.IntN(3), Seed: m.Uint64() >> m.IntN(64), Theta: m.float(), TX: m.float(),
			TY: m.float(), Shear: m.float(), ZX: m.float(), ZY: m.float(), FlipH: m.maybe(), FlipV: m.maybe(), Extra: m.extra()}
		if m.maybe() {
			i.Augment.Of = fmt.Sprintf("%064x", m.Uint64())
		}
	}
	if m.maybe() {
		i.Prediction = &record.Prediction{Label: m.text(), Probabilities: map[string]float64{m.text(): m.float(), "b": m.float()}, Seen: m.maybe(), Extra: m.extra()}
		for range m.IntN(3) {
			i.Prediction.Neighbours = append(i.Prediction.Neighbours, record.Neighbour{Key: m.word(80), Label: m.text(), Similarity: m.float(), Extra: m.extra()})
		}
	}
	if m.IntN(9) == 0 {
		i.Failure = &record.Failure{Stage: m.word(9), Reason: m.word(9), Detail: m.text(),
			Source: m.text(), Status: m.IntN(600), Attempts: m.IntN(3), Seconds: m.float(), Extra: m.extra()}
	}
	return i
}

func (m *maker) embedding() *record.Embedding {
	e := &record.Embedding{Of: fmt.Sprintf("%064x", m.Uint64()), DType: record.Float16, Side: 1 + m.IntN(500), Extra: m.extra()}
	if m.maybe() {
		e.Pixels = fmt.Sprintf("%064x", m.Uint64())
	}
	if m.maybe() {
		e.Context = m.IntN(500)
	}
	half := m.maybe()
	if !half {
		e.DType = record.Float32
	}
	for range 1 + m.IntN(1<<m.IntN(10)) {
		switch bits := m.Uint32(); {
		case !half && bits&0x7f800000 != 0x7f800000:
			e.Data = binary.LittleEndian.AppendUint32(e.Data, bits)
		case !half:
			e.Data = append(e.Data, 0, 0, 0, byte(bits<<7))
		case bits&0x7c00 == 0x7c00:
			e.Data = append(e.Data, 1, byte(bits<<7))
		default:
			e.Data = binary.LittleEndian.AppendUint16(e.Data, uint16(bits))
		}
	}
	return e
}

func (m *maker) stream() []record.Record {
	var all []record.Record
	for range 1 + m.IntN(3) {
		all = append(all, m.header())
		for range m.IntN(6) {
			all = append(all, m.item())
		}
		all = append(all, &record.End{Stages: m.counts(), Damage: m.loss(), Extra: m.extra()})
	}
	return all
}

// Whatever keeps the rules comes back as it was, through each encoding, and
// its bytes are always the same.
func TestRandomRoundTrip(t *testing.T) {
	for seed := range uint64(40) {
		m := &maker{rand.New(rand.NewPCG(seed, 1)), t}
		want := m.stream()
		data := encode(t, record.Binary, want)
		got := decode(t, data)
		if diff := same(want, got); diff != "" {
			t.Fatalf("seed %d, binary:\n%s", seed, diff)
		}
		if !bytes.Equal(encode(t, record.Binary, got), data) {
			t.Fatalf("seed %d: other bytes when written again", seed)
		}
		text := encode(t, record.FramedJSON, want)
		if again := encode(t, record.Binary, decode(t, text)); !bytes.Equal(again, data) {
			t.Fatalf("seed %d: other bytes by way of JSON:\n%s", seed, text)
		}
	}
}

// Items stay as they are while the Reader reads on: none shares memory with
// the next. The sizes lie around those at which the reader's buffers change.
func TestItemsOwnTheirMemory(t *testing.T) {
	sizes := []int{0, 1, 4095, 4096, 4097, 20 << 10, 49152, 55 << 10, 56<<10 - 100, 57 << 10, 60 << 10, 64<<10 - 60, 64<<10 - 30, 64 << 10, 64<<10 + 1,
		70 << 10, 128 << 10, 300 << 10, 1<<20 - 50, 1 << 20, 1<<20 + 5000, 3 << 20}
	rng := rand.New(rand.NewPCG(3, 4))
	records := []record.Record{head()}
	payload := func(i, n int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8), byte(n)}, n/3+1)[:n] }
	var picked []int
	for i := range 120 {
		n := sizes[rng.IntN(len(sizes))]
		if i < len(sizes) {
			n = sizes[i]
		}
		picked = append(picked, n)
		item := &record.Item{ID: fmt.Sprint("i", i)}
		switch i % 3 {
		case 0:
			item.Fetched = &record.Fetched{Bytes: payload(i, n)}
		case 1:
			item.Extra = []record.Field{{Key: "k", Value: raw(t, payload(i, n))}}
		default: // two payloads in one record
			item.Fetched = &record.Fetched{Bytes: payload(i, n)}
			item.Tensor = &record.Tensor{Shape: []int{1, 100, 3}, DType: "uint8", Data: payload(i, 300)}
		}
		records = append(records, item)
	}
	records = append(records, &record.End{})
	for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
		data := encode(t, to, records)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(data), "pipe": chunkReader{bytes.NewReader(data), 64 << 10}, "odd": chunkReader{bytes.NewReader(data), 9973},
		} {
			all, err := readAll(r)
			if err != nil {
				t.Fatalf("%v, %s: %v", to, name, err)
			}
			for i, n := range picked {
				item := all[i+1].(*record.Item)
				var got []byte
				if item.Fetched != nil {
					got = item.Fetched.Bytes
				} else {
					got = item.Extra[0].Value[len(item.Extra[0].Value)-n:]
				}
				if !bytes.Equal(got, payload(i, n)) {
					t.Errorf("%v, %s: payload %d of %d bytes has changed", to, name, i, n)
				}
				// Appending to one payload must not reach into
				// the next.
				_ = append(got, 0xee)
				if item.Tensor != nil && !bytes.Equal(item.Tensor.Data, payload(i, 300)) {
					t.Errorf("%v, %s: tensor %d has changed", to, name, i)
				}
			}
		}
	}
}

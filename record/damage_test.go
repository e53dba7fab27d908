package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opensandwich/oi/record"
)

// ends returns the offset after each record when written one by one.
func ends(t testing.TB, to record.Encoding, records []record.Record) []int {
	t.Helper()
	var all []int
	for i := range records {
		all = append(all, len(encode(t, to, records[:i+1])))
	}
	return all
}

func TestEveryTruncationIsAnError(t *testing.T) {
	for _, g := range goldenStreams(t) {
		for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
			t.Run(fmt.Sprintf("%s/%v", g.name, to), func(t *testing.T) {
				data := encode(t, to, g.records)
				whole := map[int]bool{len(data): true}
				at := ends(t, to, g.records)
				for _, n := range g.complete {
					whole[at[n-1]] = true
				}
				if to == record.FramedJSON {
					for _, n := range slices.Collect(maps.Keys(whole)) {
						whole[n-1] = true // without its last newline
					}
				}
				options := [][]record.ReaderOption{nil}
				if to == record.Binary {
					options = append(options, []record.ReaderOption{record.Salvage()})
				}
				for n := range len(data) {
					for _, opts := range options {
						_, err := readAll(bytes.NewReader(data[:n]), opts...)
						switch {
						case whole[n]:
							if err != nil {
								t.Fatalf("the first %d of %d bytes are a stream, but: %v", n, len(data), err)
							}
						case n == 0:
							if !errors.Is(err, record.ErrEmpty) {
								t.Fatalf("no bytes: %v", err)
							}
						case !errors.Is(err, record.ErrTruncated):
							t.Fatalf("after %d of %d bytes: %v", n, len(data), err)
						}
					}
				}
			})
		}
	}
}

func TestTruncatedErrorIsOneLineThatNamesTheStageBefore(t *testing.T) {
	data := encode(t, record.Binary, goldenStreams(t)[0].records)
	_, err := readAll(bytes.NewReader(data[:len(data)-1]))
	want := "the stage before failed or was killed; see its message"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestErrorsStick(t *testing.T) {
	data := encode(t, record.Binary, goldenStreams(t)[0].records)
	in := record.NewReader(bytes.NewReader(data[:len(data)-1]))
	var first error
	for first == nil {
		_, first = in.Read()
	}
	if _, err := in.Read(); err != first {
		t.Errorf("first %v, then %v", first, err)
	}
}

// A stream that is read in odd bits is read the same.
func TestReadersOfOddSizes(t *testing.T) {
	for _, g := range goldenStreams(t) {
		for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
			data := encode(t, to, g.records)
			want := decode(t, data)
			for name, r := range map[string]io.Reader{
				"one byte":  iotest.OneByteReader(bytes.NewReader(data)),
				"half":      iotest.HalfReader(bytes.NewReader(data)),
				"data+EOF":  iotest.DataErrReader(bytes.NewReader(data)),
				"odd+EOF":   iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(data))),
				"no bytes":  &lazyReader{r: bytes.NewReader(data)},
				"7 by 7":    chunkReader{bytes.NewReader(data), 7},
				"1021 each": chunkReader{bytes.NewReader(data), 1021},
			} {
				got, err := readAll(r)
				if err != nil {
					t.Fatalf("%s, %v, %s: %v", g.name, to, name, err)
				}
				if diff := same(want, got); diff != "" {
					t.Errorf("%s, %v, %s:\n%s", g.name, to, name, diff)
				}
			}
		}
	}
}

// A lazyReader returns nothing on every other call, which io.Reader allows.
type lazyReader struct {
	r    io.Reader
	busy bool
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.busy = !l.busy; l.busy {
		return 0, nil
	}
	return l.r.Read(p)
}

type chunkReader struct {
	r io.Reader
	n int
}

func (c chunkReader) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

// An error of the underlying reader comes out, wherever it strikes, and is
// never taken for the end of input.
func TestReadErrorsComeOut(t *testing.T) {
	broken := errors.New("the cable was cut")
	for _, to := range []record.Encoding{record.Binary, record.FramedJSON, record.JSON} {
		data := encode(t, to, goldenStreams(t)[0].records)
		step := 1
		if to != record.Binary {
			step = 7
		}
		for n := 0; n <= len(data); n += step {
			for _, opts := range [][]record.ReaderOption{nil, {record.Salvage()}} {
				r := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))
				if _, err := readAll(r, opts...); !errors.Is(err, broken) {
					t.Fatalf("%v, error after %d bytes: %v", to, n, err)
				}
			}
		}
	}
}

func TestReaderThatNeverReturnsAnything(t *testing.T) {
	stuck := readerFunc(func([]byte) (int, error) { return 0, nil })
	if _, err := readAll(stuck); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// No single wrong bit passes, and none makes the reader panic.
func TestEveryBitFlipIsFound(t *testing.T) {
	for _, g := range goldenStreams(t) {
		data := encode(t, record.Binary, g.records)
		for i := range data {
			for bit := range 8 {
				data[i] ^= 1 << bit
				if _, err := readAll(bytes.NewReader(data)); err == nil {
					t.Errorf("%s: bit %d of byte %d of %d flipped, not found", g.name, bit, i, len(data))
				}
				data[i] ^= 1 << bit
			}
		}
	}
}

// What Salvage can step over is told from what it cannot.
func TestDamageIsTold(t *testing.T) {
	records := goldenStreams(t)[0].records
	good := encode(t, record.Binary, records)
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 1
	for _, tt := range []struct {
		name, text string
		data       []byte
		damaged    bool
	}{
		{"a wrong bit", "", flipped, true},
		{"zeros behind", "must be a MessagePack map", append(bytes.Clone(good), 0, 0), true},
		{"JSON behind", "JSON after binary records", append(bytes.Clone(good), `{"id":"a"}`...), false},
		{"cut", "stops early", good[:len(good)-1], false},
		{"JSON that is wrong", "missing", []byte(`{}`), false},
		{"no header", "a stream begins with a header", good[ends(t, record.Binary, records)[0]:], false},
	} {
		_, err := readAll(bytes.NewReader(tt.data))
		if err == nil || errors.Is(err, record.ErrDamaged) != tt.damaged || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// With Salvage a wrong bit costs the record it is in, and says so; or it costs
// a header or an end, and is an error.
func TestSalvageLosesOneRecord(t *testing.T) {
	var records []record.Record
	records = append(records, &record.Header{Version: 1})
	for i := range 4 {
		records = append(records, &record.Item{ID: fmt.Sprint("item-", i), Tensor: &record.Tensor{
			Shape: []int{1, 1, 3}, DType: "uint8", Data: []byte{1, 2, 3}}})
	}
	records = append(records, &record.End{})
	data := encode(t, record.Binary, records)
	at := ends(t, record.Binary, records)
	for i := at[0]; i < at[4]; i++ {
		hit, _ := slices.BinarySearch(at, i+1) // the record that byte i is in
		for bit := range 8 {
			data[i] ^= 1 << bit
			in := record.NewReader(bytes.NewReader(data), record.Salvage())
			var ids []string
			var end *record.End
			for {
				rec, err := in.Read()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("byte %d bit %d: %v", i, bit, err)
				}
				switch rec := rec.(type) {
				case *record.Item:
					ids = append(ids, rec.ID)
				case *record.End:
					end = rec
				}
			}
			data[i] ^= 1 << bit
			var want []string
			for k := range 4 {
				if k+1 != hit {
					want = append(want, fmt.Sprint("item-", k))
				}
			}
			if !slices.Equal(ids, want) {
				t.Fatalf("byte %d bit %d: got %v, want %v", i, bit, ids, want)
			}
			if end.Damage == nil || end.Damage.Regions != 1 || in.Damage().Bytes != end.Damage.Bytes {
				t.Fatalf("byte %d bit %d: end says %+v, reader %+v", i, bit, end.Damage, in.Damage())
			}
			if lost := int64(at[hit] - at[hit-1]); end.Damage.Bytes != lost {
				t.Fatalf("byte %d bit %d: lost %d bytes, want %d", i, bit, end.Damage.Bytes, lost)
			}
		}
	}
}

// What is lost in one segment is told in that segment's end, once, and added
// to what earlier stages lost.
func TestSalvageCountsPerSegment(t *testing.T) {
	one := []record.Record{
		&record.Header{Version: 1}, &record.Item{ID: "a"}, &record.Item{ID: "b"},
		&record.End{Damage: &record.Damage{Regions: 5, Bytes: 1000}},
	}
	data := encode(t, record.Binary, one)
	at := ends(t, record.Binary, one)
	hurt := bytes.Clone(data)
	hurt[at[0]+1] ^= 0xff
	all, err := readAll(bytes.NewReader(slices.Concat(hurt, data, hurt)), record.Salvage())
	if err != nil {
		t.Fatal(err)
	}
	var got []record.Damage
	for _, r := range all {
		if e, ok := r.(*record.End); ok {
			got = append(got, *e.Damage)
		}
	}
	lost := int64(at[1] - at[0])
	want := []record.Damage{{Regions: 6, Bytes: 1000 + lost}, {Regions: 5, Bytes: 1000}, {Regions: 6, Bytes: 1000 + lost}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A wrong length may lead far beyond its record; the good ones behind it are
// found all the same.
func TestSalvageLooksInsideWhatADamagedLengthSwallowed(t *testing.T) {
	records := []record.Record{&record.Header{Version: 1},
		&record.Item{ID: "a", Fetched: &record.Fetched{Bytes: make([]byte, 300)}}}
	for i := range 50 {
		records = append(records, &record.Item{ID: fmt.Sprint("good-", i), Fetched: &record.Fetched{Bytes: make([]byte, 100)}})
	}
	records = append(records, &record.End{})
	data := encode(t, record.Binary, records)
	length := bytes.Index(data, []byte{0xc5, 0x01, 0x2c})
	if length < 0 {
		t.Fatal("no bin of 300 bytes")
	}
	for _, claim := range [][]byte{{0xc5, 0x0f, 0xff}, {0xc5, 0xff, 0xff}, {0xc6, 0x01, 0x2c}} {
		copy(data[length:], claim)
		all, err := readAll(bytes.NewReader(data), record.Salvage())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 52 {
			t.Errorf("claim %x: %d records, want header, 50 items, end", claim, len(all))
		}
	}
}

// A picture may hold the bytes that end a trailer.
func TestSalvageIsNotFooledByMagicInAPicture(t *testing.T) {
	picture := bytes.Repeat([]byte("\xd8\x6foi-rec1\n....oi-rec1\n"), 400)
	records := []record.Record{&record.Header{Version: 1},
		&record.Item{ID: "a", Fetched: &record.Fetched{Bytes: picture}}, &record.Item{ID: "b", Fetched: &record.Fetched{Bytes: picture}},
		&record.Item{ID: "c"}, &record.End{}}
	data := encode(t, record.Binary, records)
	if got := decode(t, data); len(got) != 5 {
		t.Fatalf("undamaged: %d records", len(got))
	}
	at := ends(t, record.Binary, records)
	data[at[0]+2000] ^= 1
	all, err := readAll(bytes.NewReader(data), record.Salvage())
	if err != nil {
		t.Fatal(err)
	}
	end := all[len(all)-1].(*record.End)
	if len(all) != 4 || end.Damage.Regions != 1 || end.Damage.Bytes != int64(at[1]-at[0]) {
		t.Errorf("%d records, lost %+v, want 4 and %d bytes", len(all), end.Damage, at[1]-at[0])
	}
}

// A stream that was cut off within an item and one that follows it are not taken
// for one, wherever it was cut: what is left of the item does not take the next
// header along.
func TestSalvageTellsACutStreamFromTheNext(t *testing.T) {
	for _, size := range []int{10, 400, 3 << 16} {
		var records []record.Record
		records = append(records, &record.Header{Version: 1})
		for i := range 3 {
			records = append(records, &record.Item{ID: fmt.Sprint(i), Fetched: &record.Fetched{Bytes: make([]byte, size)}})
		}
		records = append(records, &record.End{})
		data := encode(t, record.Binary, records)
		at := ends(t, record.Binary, records)
		step := 1 + (at[3]-at[1])/100
		for cut := at[1]; cut < at[3]; cut += step {
			_, err := readAll(iotest.HalfReader(bytes.NewReader(slices.Concat(data[:cut], data))), record.Salvage())
			if !errors.Is(err, record.ErrTruncated) {
				t.Fatalf("cut after %d bytes of %d: %v", cut, len(data), err)
			}
		}
	}
}

// More items than were sent are an error, whatever the damage.
func TestSalvageOfMoreThanWasSent(t *testing.T) {
	digest := record.DigestOf(&record.Item{ID: "a"})
	for sent, want := range map[int64]bool{2: false, 3: true, 4: true} {
		records := []record.Record{&record.Header{Version: 1}}
		for i := range 4 { // the last is damaged
			records = append(records, &record.Item{ID: fmt.Sprint(i)})
		}
		records = append(records, &record.End{Stages: []record.StageCounts{
			{Tool: "source", In: sent, Out: sent, Digests: &record.Digests{Source: true, Out: digest}}}})
		data := writeLoose(t, record.Binary, records...)
		data[ends(t, record.Binary, records[:5])[3]+3] ^= 1
		_, err := readAll(bytes.NewReader(data), record.Salvage())
		var account *record.AccountError
		if want && err != nil || !want && !errors.As(err, &account) {
			t.Errorf("%d sent, 3 arrived: %v", sent, err)
		}
	}
}

func TestLostHeaderAndLostEndStayErrors(t *testing.T) {
	records := []record.Record{&record.Header{Version: 1}, &record.Item{ID: "a"}, &record.End{}}
	data := encode(t, record.Binary, records)
	at := ends(t, record.Binary, records)
	for _, hit := range []int{5, at[1] + 5} {
		data[hit] ^= 1
		if _, err := readAll(bytes.NewReader(data), record.Salvage()); err == nil {
			t.Errorf("damage at byte %d passed", hit)
		}
		// The next segment does not hide that this one has no end.
		if _, err := readAll(bytes.NewReader(slices.Concat(data, encode(t, record.Binary, records))), record.Salvage()); err == nil {
			t.Errorf("damage at byte %d passed before another segment", hit)
		}
		data[hit] ^= 1
	}
}

func TestDamageNamesRecordAndByte(t *testing.T) {
	records := goldenStreams(t)[0].records
	data := encode(t, record.Binary, records)
	at := ends(t, record.Binary, records)
	data[at[1]-30] ^= 0x10
	_, err := readAll(bytes.NewReader(data))
	var fe *record.FormatError
	if !errors.As(err, &fe) {
		t.Fatalf("%v", err)
	}
	if fe.Record != 2 || fe.Offset != int64(at[0]) {
		t.Errorf("record %d, byte %d; want 2 and %d", fe.Record, fe.Offset, at[0])
	}
}

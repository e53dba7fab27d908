package openimages

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// boxFields are forms of fields of a box list, after the confidence.
var (
	edgeForms = []string{"0.%06d", "0.%06d", "0.%06d", "1.%06d", "9.%06d", "0.%05d", "0.%d", "0.%07d", ".%d", "%d", "-0.%06d", "0.%06d0", "0.%06dx", " 0.%06d", "1e-%d"}
	flagForms = []string{"0", "1", "0", "1", "-1", "", "1.0", "2", "x", "01"}
)

// TestPackBoxes packs rows of all forms: what is unpacked is what the parser
// makes, and what the parser refuses is not packed.
func TestPackBoxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(91, 92))
	packed, left := 0, 0
	for round := range 60_000 {
		plain := round%3 > 0
		columns := strings.Split([]string{oitest.Header13, oitest.Header21}[rng.IntN(2)], ",")
		if round%4 == 0 {
			rng.Shuffle(len(columns)-3, func(i, j int) { columns[i+3], columns[j+3] = columns[j+3], columns[i+3] })
			columns = columns[:len(columns)-rng.IntN(3)]
		}
		header := csvscan.Header{Columns: columns}
		pack := packBoxes(header, 2)
		request := BoxRequest{}
		parse, err := request.parser(header)
		if (pack == nil) != (err != nil) {
			t.Fatalf("%v: %v", columns, err)
		}
		if err != nil {
			continue
		}
		id := rng.Uint64()
		fields := []string{oitest.HexID(id), "xclick", "/m/0cdn1", "1"}
		for _, column := range columns[3:] {
			field := "1"
			switch {
			case strings.HasPrefix(column, "Is") && plain:
				field = flagForms[rng.IntN(2)]
			case strings.HasPrefix(column, "Is"):
				field = flagForms[rng.IntN(len(flagForms))]
			case column != "Confidence" && plain:
				field = fmt.Sprintf("0.%06d", rng.IntN(1e6))
			case column != "Confidence":
				form := edgeForms[rng.IntN(len(edgeForms))]
				field = fmt.Sprintf(form, rng.IntN([]int{10, 60_000, 1_000_000}[rng.IntN(3)]))
			}
			fields = append(fields, field)
		}
		fields = append(fields[:3], fields[4:]...)
		if !plain && rng.IntN(20) == 0 {
			fields = append(fields, "more")
		}
		if !plain && rng.IntN(20) == 0 {
			fields = fields[:len(fields)-1]
		}
		var p csvscan.Packed
		ok := pack([]byte(strings.Join(fields[3:], ",")), &p)
		if len(fields) != len(columns) {
			if ok {
				t.Fatalf("%q is packed as one of %q", fields, columns)
			}
			continue
		}
		var row [][]byte
		for _, f := range fields {
			row = append(row, []byte(f))
		}
		want, _, err := parse(row)
		if !ok {
			if left++; plain {
				t.Fatalf("%q is not packed", fields)
			}
			continue
		}
		packed++
		if err != nil {
			t.Fatalf("%q is packed: %v", fields, err)
		}
		var got PickedRow
		unpackBoxes()(&csvscan.PackedRow{Packed: &p, Value: "/m/0cdn1", Key: id}, &got)
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("%q: %s", fields, d)
		}
	}
	if packed < 30_000 || left < 1000 {
		t.Errorf("%d rows are packed, %d not", packed, left)
	}
}

// TestSixDigits reads every coordinate of six decimals.
func TestSixDigits(t *testing.T) {
	var text [9]byte
	for v := range uint64(maxEdge + 1) {
		copy(text[:], ",0.000000")
		putMillionths(&text, v)
		got, ok := millionths(text[1:])
		if want := fmt.Sprintf(",%.6f", float64(v)/edgeUnit); !ok || got != v || string(text[:]) != want {
			t.Fatalf("%d: got %d from %q, want %q", v, got, text, want)
		}
	}
}

// manyBoxes is a list of some labels whose rows an index holds in several
// pieces, most of them packed.
func manyBoxes(rng *rand.Rand, rows int) []byte {
	var b bytes.Buffer
	b.WriteString(oitest.Header13 + "\n")
	id := uint64(0)
	for range rows {
		if rng.IntN(3) > 0 {
			id += rng.Uint64N(1 << 40)
		}
		photo := oitest.HexID(id)
		if rng.IntN(300) == 0 {
			photo = "photo"
		}
		edge := "0.123456"
		if rng.IntN(100) == 0 {
			edge = []string{`"0.1"`, "0.12345678", "none", "2.000000"}[rng.IntN(4)]
		}
		fmt.Fprintf(&b, "%s,xclick,/m/%d,1,0.%06d,%s,0.%06d,1.000000,%d,%d,%d,%d,%d\n", photo, rng.IntN(6), rng.IntN(1e6),
			edge, rng.IntN(1e6), rng.IntN(2), rng.IntN(3)-1, rng.IntN(2), rng.IntN(2), rng.IntN(2))
		if rng.IntN(4000) == 0 {
			b.WriteString("a broken row\n")
		}
	}
	return b.Bytes()
}

// TestIndexPacked reads rows that an index holds in several pieces, and then
// damages it everywhere: what has been read before is right, and a scan finds
// the rest.
func TestIndexPacked(t *testing.T) {
	rng := rand.New(rand.NewPCG(93, 94))
	data := manyBoxes(rng, 40_000)
	src := testDir{DirSource: DirSource(t.TempDir()), step: 64 << 10}
	name := src.write(t, data) + csvscan.IndexEnding
	gather(t, src, "/m/1")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	late := 0
	for round := range 40 {
		mids := []string{"/m/0", "/m/1", "/m/2", "/m/3"}
		rng.Shuffle(len(mids), func(i, j int) { mids[i], mids[j] = mids[j], mids[i] })
		mids = append(mids[:1+rng.IntN(3)], "/m/none")
		index := bytes.Clone(whole)
		if round >= 10 {
			index[rng.IntN(len(index))] ^= 1
		}
		if err := os.WriteFile(name, index, 0o666); err != nil {
			t.Fatal(err)
		}
		want, got := gatherPlain(t, data, mids...), gather(t, src, mids...)
		if d := gocmp.Diff(want.uncounted(), got.uncounted()); d != "" {
			t.Fatalf("%v: %s", mids, d)
		}
		first, last := got.Rows[0].Line, got.Rows[len(got.Rows)-1].Line
		if round < 10 && last > 0 {
			t.Fatalf("%v: the index was not used", mids)
		}
		if first == 0 && last > 0 {
			late++
		}
		for i, row := range got.Rows {
			if row.Line > 0 && row.Line != want.Rows[i].Line {
				t.Fatalf("%v: line %d instead of %d", mids, row.Line, want.Rows[i].Line)
			}
		}
	}
	if late < 3 {
		t.Errorf("%d times the damage was found late", late)
	}
}

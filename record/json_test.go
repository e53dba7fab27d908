package record_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// items reads JSON and returns its items as plain JSON again.
func items(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := record.NewWriter(&out, record.JSON)
	for _, r := range decode(t, []byte(text)) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJSONReads(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"one line", `{"id":"a"}`, `{"id":"a"}`},
		{"byte order mark", "\ufeff\r\n{\"id\":\"a\"}\r\n", `{"id":"a"}`},
		{"no space", `{"id":"a"}{"id":"b"}`, `{"id":"a"}|{"id":"b"}`},
		{"pretty", "\r\n{\n  \"id\" : \"a\",\n\t\"x\": [ 1 , 2 ],\n \"y\": { }\n}\n\n\n{ \"id\":\"b\" }\n", `{"id":"a","x":[1,2],"y":{}}|{"id":"b"}`},
		{"order of keys", `{"x":1,"set":"val","a":2,"id":"i"}`, `{"id":"i","set":"val","x":1,"a":2}`},
		{"validation is val", `{"id":"a","set":"validation","subset":"val"}`, `{"id":"a","subset":"val","set":"val"}`},
		{"null is nothing", `{"id":"a","box":null,"set":null,"x":null}`, `{"id":"a","x":null}`},
		{"escapes", `{"id":"\u0061","x":"\"\\\/\b\f\n\r\t\u00e9\ud83c\udf54"}`, `{"id":"a","x":"\"\\/\u0008\u000c\n\r\té🍔"}`},
		{"escaped keys", `{"\u0069d":"a","\u0078\"":1}`, `{"id":"a","x\"":1}`},
		{"integers for numbers", `{"id":"a","avoid":[{"xmin":0,"xmax":1,"ymin":-0,"ymax":1e0}]}`,
			`{"id":"a","avoid":[{"xmin":0,"xmax":1,"ymin":-0,"ymax":1}]}`},
		{"numbers for integers", `{"id":"a","augment":{"epoch":2.0,"copy":1e1}}`,
			`{"id":"a","augment":{"epoch":2,"copy":10,"seed":"0","theta":0,"tx":0,"ty":0,"shear":0,"zx":0,"zy":0,"flip_h":false,"flip_v":false}}`},
		{"seed as a number", `{"id":"a","augment":{"epoch":"1","seed":7}}`,
			`{"id":"a","augment":{"epoch":1,"copy":0,"seed":"7","theta":0,"tx":0,"ty":0,"shear":0,"zx":0,"zy":0,"flip_h":false,"flip_v":false}}`},
		{"unknown numbers", `{"id":"a","x":[0,-1,1.0,1E2,0.1,1e30,18446744073709551615,18446744073709551616]}`,
			`{"id":"a","x":[0,-1,1.0,100.0,0.1,1e+30,{"$int":"18446744073709551615"},18446744073709552000.0]}`},
		{"large integers", `{"id":"a","image":{"original_size":9007199254740993}}`, `{"id":"a","image":{"original_size":"9007199254740993"}}`},
		{"large integers as strings", `{"id":"a","image":{"original_size":"9007199254740993"}}`, `{"id":"a","image":{"original_size":"9007199254740993"}}`},
		{"forms", `{"id":"a","x":{ "$bin" : "AAE=" },"y":{"$ext":[ -1 , "AA==" ]},"z":{"$str":"/w=="},"i":{"$int":"-9007199254740993"}}`,
			`{"id":"a","x":{"$bin":"AAE="},"y":{"$ext":[-1,"AA=="]},"z":{"$str":"/w=="},"i":{"$int":"-9007199254740993"}}`},
		{"forms that are none", `{"id":"a","x":{"$bin":"AAE=","y":1},"z":{"$bin":5},"$bin":"AA=="}`,
			`{"id":"a","x":{"$$bin":"AAE=","y":1},"z":{"$$bin":5},"$bin":"AA=="}`},
		{"small forms become plain", `{"id":"a","x":{"$int":"5"},"y":{"$str":"YWI="}}`, `{"id":"a","x":5,"y":"ab"}`},
		{"base64 with line ends", `{"id":"a","fetched":{"bytes":"AAEC\nAwQF\r\n"}}`, `{"id":"a","fetched":{"bytes":"AAECAwQF"}}`},
		{"escaped base64", `{"id":"a","fetched":{"bytes":"\/\/\/\/"}}`, `{"id":"a","fetched":{"bytes":"////"}}`},
		{"empty strings", `{"id":"a","set":"","fetched":{"bytes":""}}`, `{"id":"a","fetched":{"bytes":""}}`},
	}
	for _, tt := range tests {
		if got := strings.ReplaceAll(strings.TrimSuffix(items(t, tt.in), "\n"), "\n", "|"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	tests := []struct{ in, field, err string }{
		{`{"id":5}`, "id", "want a string, have an integer"},
		{`{"id":"a","box":{"xmin":"0","xmax":0,"ymin":0,"ymax":0}}`, "box.xmin", "want a number, have a string"},
		{`{"id":"a","box":[]}`, "box", "want a map, have an array"},
		{`{"id":"a","augment":{"epoch":1.5}}`, "augment.epoch", "want an integer, have a number"},
		{`{"id":"a","augment":{"epoch":1,"seed":"-1"}}`, "augment.seed", "want an integer"},
		{`{"id":"a","fetched":{"bytes":"A"}}`, "fetched.bytes", "illegal base64"},
		{`{"id":"a","fetched":{"bytes":"AAEC$"}}`, "fetched.bytes", "illegal base64"},
		{`{"id":"a","fetched":{"bytes":[0,1]}}`, "fetched.bytes", "want bytes, have an array"},
		{`{"id":"a","x":{"$bin":"A"}}`, "x.$bin", "illegal base64"},
		{`{"id":"a","x":{"$int":"1.5"}}`, "x.$int", "not a 64-bit integer"},
		{`{"id":"a","x":{"$ext":[128,"AA=="]}}`, "x.$ext", "ext type"},
		{`{"id":"a","x":{"$ext":[1,"A"]}}`, "x.$ext", "illegal base64"},
		{`{"id":"a","x":1e999}`, "x", "no float64"},
		{`{"id":"a","x":NaN}`, "x", "want a value"},
		{`{"id":"a","x":+1}`, "x", "want a value"},
		{`{"id":"a","x":01}`, "", `want ','`},
		{`{"id":"a","x":1.}`, "x", "want a digit"},
		{`{"id":"a","x":-}`, "x", "want a digit"},
		{`{"id":"a","x":tru}`, "x", "want a value"},
		{`{"id":"a","x":truest}`, "", `want ','`},
		{`{"id":"a","x":"\ud800"}`, "x", "surrogate"},
		{`{"id":"a","x":"\ud83c\u0041"}`, "x", "surrogate"},
		{`{"id":"a","x":"\u12g4"}`, "x", "four hex digits"},
		{`{"id":"a","x":"\x"}`, "x", "unknown escape"},
		{"{\"id\":\"a\",\"x\":\"\n\"}", "x", "control character"},
		{"{\"id\":\"a\",\"x\":\"\xff\"}", "x", "UTF-8"},
		{"{\"id\":\"a\",\"\xff\":1}", "", "UTF-8"},
		{`{"id":"a",}`, "", "want a key"},
		{`{"id":"a" "x":1}`, "", `want ','`},
		{`{"id" "a"}`, "id", `want ':'`},
		{`{"id":"a","x":[1,]}`, "x[1]", "want a value"},
		{`{"id":"a","x":[1}}`, "x", `want ','`},
		{`{"id":"a"]`, "", `want ','`},
		{`{id:"a"}`, "", "want a key"},
		{`{"id":"a","id":"b"}`, "id", "twice"},
		{`{"id":"a","x":1,"x":1}`, "x", "twice"},
		{`{"oi":"banana"}`, "oi", "header, end, part"},
		{`{"oi":null,"id":"a"}`, "oi", "want a string"},
		{`{"oi":"header","version":1}{"oi":"header"`, "", "stops early"},
	}
	for _, tt := range tests {
		_, err := readAll(strings.NewReader(tt.in))
		var fe *record.FormatError
		if !errors.As(err, &fe) {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if fe.Field != tt.field || !strings.Contains(fe.Err.Error(), tt.err) {
			t.Errorf("%s: %v\nwant field %s, %q", tt.in, err, tt.field, tt.err)
		}
	}
}

func TestJSONErrorsNameTheLine(t *testing.T) {
	text := "{\"id\":\"a\"}\n{\n\"id\":\n\"b\"}\n\n  {\"id\":\"c/d\"}\n"
	_, err := readAll(strings.NewReader(text))
	var fe *record.FormatError
	if !errors.As(err, &fe) || fe.Record != 3 || fe.Line != 6 || fe.Offset != int64(strings.Index(text, `{"id":"c`)) {
		t.Errorf("%v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "record 3, line 6") {
		t.Errorf("%v", err)
	}
}

func TestLongKeyInAnError(t *testing.T) {
	key := strings.Repeat("x", 100_000)
	_, err := readAll(strings.NewReader(`{"id":"a","` + key + `":1,"` + key + `":2}`))
	if err == nil || !strings.Contains(err.Error(), "xxx: the key stands twice") || len(err.Error()) > 1000 {
		t.Errorf("%.2000v", err)
	}
}

func TestPlainAndFramedDoNotMix(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"a"}{"oi":"end"}`:                                                "among plain items",
		`{"id":"a"}{"oi":"header","version":1}`:                                 "among plain items",
		`{"oi":"header","version":1}{"oi":"end"}{"id":"a"}`:                     "outside a segment",
		`{"oi":"header","version":1}{"id":"a"}{"oi":"end"} garbage`:             "want {",
		`{"oi":"header","version":1}` + "\x80" + strings.Repeat("oi-rec1\n", 3): "a binary record after JSON",
	} {
		if _, err := readAll(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := readAll(strings.NewReader(`{"id":"a"}`), record.SinglePiece()); err == nil || !strings.Contains(err.Error(), "plain JSON") {
		t.Errorf("plain JSON as a piece: %v", err)
	}
}

// The kind is told wherever its key stands.
func TestKindAnywhere(t *testing.T) {
	text := `{"classes":[{"name":"}\"{"}],"x":{"oi":"item"},"version":1,"oi":"header"}{"stages":[{"tool":"t","in":1,"out":"1"}],"oi":"end"}`
	all := decode(t, []byte(text))
	if kinds(all) != "header end" || all[0].(*record.Header).Classes[0].Name != `}"{` || all[1].(*record.End).Stages[0].Out != 1 {
		t.Errorf("%+v", all)
	}
}

// What JSON cannot say is an error, not something else.
func TestJSONCannotSayNaN(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		item := &record.Item{ID: "a", Extra: []record.Field{{Key: "x", Value: raw(t, []any{f})}}}
		if got := decode(t, encode(t, record.Binary, []record.Record{head(), item, &record.End{}})); same(item, got[1]) != "" {
			t.Error("binary does not keep it")
		}
		w := record.NewWriter(io.Discard, record.JSON)
		if err := w.Write(head()); err != nil {
			t.Fatal(err)
		}
		var fe *record.FormatError
		if err := w.Write(item); !errors.As(err, &fe) || fe.Field != "x[0]" || !strings.Contains(err.Error(), "finite") {
			t.Errorf("%v: %v", f, err)
		}
	}
}

// The output is JSON by the standard library's reading, one object a line,
// without control characters.
func TestJSONIsJSON(t *testing.T) {
	for _, g := range goldenStreams(t) {
		text := encode(t, record.FramedJSON, g.records)
		lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		if len(lines) != len(g.records) {
			t.Errorf("%s: %d lines for %d records", g.name, len(lines), len(g.records))
		}
		for _, line := range lines {
			if !json.Valid(line) {
				t.Errorf("not JSON: %s", line)
			}
			for _, r := range string(line) {
				if r < ' ' || r >= 0x7f && r < 0xa0 {
					t.Errorf("control character %#x in %q", r, line)
				}
			}
		}
	}
}

// jq may stand in the middle: what it passes on, pretty-printed and with its
// keys sorted, is read as the same items.
func TestThroughJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("jq is not installed")
	}
	var records []record.Record
	for _, r := range goldenStreams(t)[0].records {
		if i, ok := r.(*record.Item); ok {
			kept := *i
			kept.Extra = nil // numbers of unknown keys are jq's to round
			records = append(records, &kept)
		}
	}
	records = append(append([]record.Record{head()}, records...), &record.End{})
	cmd := exec.Command(jq, "-S", ".")
	cmd.Stdin = bytes.NewReader(encode(t, record.JSON, records))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := decode(t, out)
	if kinds(all) != kinds(records) {
		t.Fatalf("%s", kinds(all))
	}
	for i, r := range records[1 : len(records)-1] {
		// Sorting moved the unknown keys: note stands behind a_….
		if got, want := encodeSorted(t, all[i+1]), encodeSorted(t, r); got != want {
			t.Errorf("item %d:\n got %s\nwant %s", i, got, want)
		}
	}
}

// encodeSorted returns the JSON of an item with sorted keys.
func encodeSorted(t *testing.T, r record.Record) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(encode(t, record.JSON, []record.Record{head(), r}), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A photo's base64 is decoded into memory of its own, once.
func TestJSONPayload(t *testing.T) {
	photo := bytes.Repeat([]byte{0xff, 0xd8, 0x00}, 100<<10)
	text := []byte(strings.Repeat(`{"id":"a","fetched":{"bytes":"`+base64.StdEncoding.EncodeToString(photo)+`"}}`, 3))
	var all []record.Record
	used := allocated(func() { all = decode(t, text) })
	for _, r := range all[1:4] {
		if !bytes.Equal(r.(*record.Item).Fetched.Bytes, photo) {
			t.Error("payload differs")
		}
	}
	if most := uint64(3*len(photo)*5/4 + len(text)); used > most && !raceEnabled {
		t.Errorf("%d bytes set aside, want at most %d", used, most)
	}
}

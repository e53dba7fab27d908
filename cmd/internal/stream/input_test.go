package stream

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/opensandwich/oi/record"
)

func compress(t *testing.T, w io.WriteCloser, data []byte) {
	t.Helper()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func zstdOf(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	compress(t, w, data)
	return b.Bytes()
}

func gzipOf(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	compress(t, gzip.NewWriter(&b), data)
	return b.Bytes()
}

func count1(t *testing.T, in *Input) (int, error) {
	t.Helper()
	n := 0
	for item, err := range in.Items() {
		if err != nil {
			return n, err
		}
		if number(item) != n {
			t.Errorf("item %d came as %d", number(item), n)
		}
		n++
	}
	return n, nil
}

func TestInputForms(t *testing.T) {
	plain := segment(t, record.Binary, 0, 5)
	for name, data := range map[string][]byte{
		"binary": plain,
		"json":   segment(t, record.JSON, 0, 5),
		"framed": segment(t, record.FramedJSON, 0, 5),
		"zstd":   zstdOf(t, plain),
		"gzip":   gzipOf(t, plain),
		"frames": append(zstdOf(t, segment(t, record.Binary, 0, 2)), zstdOf(t, segment(t, record.Binary, 2, 3))...),
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := testEnv(bytes.NewReader(data), nil)
			in, err := Open(env, &Flags{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := count1(t, in); n != 5 || err != nil {
				t.Errorf("%d items, %v", n, err)
			}
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInputCutWhileCompressed(t *testing.T) {
	plain := segment(t, record.Binary, 0, 5)
	for name, data := range map[string][]byte{"zstd": zstdOf(t, plain), "gzip": gzipOf(t, plain)} {
		for _, n := range []int{4, len(data) / 2, len(data) - 9} {
			env, _ := testEnv(bytes.NewReader(data[:n]), nil)
			in, err := Open(env, &Flags{}, nil)
			if err == nil {
				_, err = count1(t, in)
			}
			if !errors.Is(err, record.ErrTruncated) {
				t.Errorf("%s cut at %d of %d: %v", name, n, len(data), err)
			}
		}
	}
}

func TestInputFiles(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for i, data := range [][]byte{segment(t, record.Binary, 0, 2), zstdOf(t, segment(t, record.Binary, 2, 3)), segment(t, record.FramedJSON, 5, 1)} {
		names = append(names, filepath.Join(dir, string(rune('a'+i))))
		if err := os.WriteFile(names[i], data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names = append(names, "-")
	env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 6, 4)), nil)
	in, err := Open(env, &Flags{}, names)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := count1(t, in); n != 10 || err != nil {
		t.Errorf("%d items, %v", n, err)
	}

	if err := os.WriteFile(names[1], segment(t, record.Binary, 2, 3)[:2000], 0o600); err != nil {
		t.Fatal(err)
	}
	if in, err = Open(env, &Flags{}, names[:3]); err != nil {
		t.Fatal(err)
	}
	if _, err := count1(t, in); !errors.Is(err, record.ErrTruncated) || !strings.Contains(err.Error(), names[1]) {
		t.Errorf("got %v, want the name of the cut file", err)
	}
	if _, err := Open(env, &Flags{}, []string{filepath.Join(dir, "absent")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

func TestTerminalIsRefused(t *testing.T) {
	for _, test := range []struct {
		f  Flags
		ok bool
	}{{Flags{}, false}, {Flags{Zstd: true, JSON: "items"}, false}, {Flags{JSON: "items"}, true}, {Flags{JSON: "framed"}, true}} {
		env, _ := testEnv(nil, io.Discard)
		env.StdoutTTY = true
		if _, err := Create(env, &test.f); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.f, err)
		}
	}
}

func TestCompressedOutputDoesNotDependOnTiming(t *testing.T) {
	var outputs [2]bytes.Buffer
	for i := range outputs {
		env, _ := testEnv(nil, &outputs[i])
		out, err := Create(env, &Flags{Zstd: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Write(&record.Header{Version: record.Version}); err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			if err := out.Write(testItem(n)); err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				if err := out.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(outputs[0].Bytes(), outputs[1].Bytes()) {
		t.Error("flushing changed the compressed bytes")
	}
}

func TestSalvageTellsWhatWasLost(t *testing.T) {
	data := segment(t, record.Binary, 0, 5)
	data[len(data)/2] ^= 1
	env, stderr := testEnv(bytes.NewReader(data), nil)
	in, err := Open(env, &Flags{Salvage: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range in.Items() {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 4 || !strings.Contains(stderr.String(), "oi-test: standard input: lost 1") || !strings.Contains(stderr.String(), "bytes to damage in 1 places") {
		t.Errorf("%d of 5 items, %q", n, stderr)
	}
}

// A hint is given where it helps, and only there.
func TestInputHints(t *testing.T) {
	plain := segment(t, record.Binary, 0, 5)
	damaged := bytes.Clone(plain)
	damaged[len(damaged)/2] ^= 1
	for _, test := range []struct {
		name, message, hint string
		data                []byte
	}{
		{"empty", "the input is empty: the stage before sent nothing", "", nil},
		{"damaged", "checksum", "--salvage", damaged},
		{"JSON that is wrong", "id: missing", "", []byte(`{}`)},
		{"cut", "stops early", "", plain[:len(plain)-1]},
		{"zstd and then none", "followed by something else", "", append(zstdOf(t, plain), plain...)},
		{"none and then zstd", "the first byte is 0x28, as zstd data does", "--salvage", append(bytes.Clone(plain), zstdOf(t, plain)...)},
		{"none and then gzip", "the first byte is 0x1f, as gzip data does", "--salvage", append(bytes.Clone(plain), gzipOf(t, plain)...)},
		{"gzip and then none", "followed by something else", "", append(gzipOf(t, plain), plain...)},
	} {
		env, _ := testEnv(bytes.NewReader(test.data), nil)
		in, err := Open(env, &Flags{}, nil)
		for err == nil {
			_, err = in.Read()
		}
		var hinted interface{ Hint() string }
		hint := ""
		if errors.As(err, &hinted) {
			hint = hinted.Hint()
		}
		if !strings.Contains(err.Error(), test.message) || (hint == "") != (test.hint == "") || !strings.Contains(hint, test.hint) {
			t.Errorf("%s: %v, hint %q", test.name, err, hint)
		}
	}
}

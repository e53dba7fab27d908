package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// embedded returns the items of a stream with embeddings by the means of the
// colours from 0 to 1.
func embedded(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	code, stdout, stderr := eval(t, stdin, append([]string{"--embed", "--normalize=0..1"}, args...)...)
	if code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, stderr)
	}
	return []byte(stdout)
}

func TestEmbed(t *testing.T) {
	m := writeMeans(t, side)
	in := held()
	in[3].Key = ""
	want := embedded(t, encode(t, in...), m)
	header, items, end := cmdtest.Decode(t, want)
	if len(items) != len(in) || end.Stages[1].Out != int64(len(in)) {
		t.Fatalf("%d items, %+v", len(items), end)
	}
	trail := header.Stages[1]
	for i, item := range items {
		e := item.Embedding
		if item.Tensor != nil || e == nil || e.DType != "float16" || e.Side != side || e.Of != trail.Args["embedding"] ||
			e.Pixels != dataset.TensorOf(in[i]).String() || item.Key != dataset.KeyOf(in[i]) {
			t.Fatalf("item %d: %+v %+v, trail %v", i, item, e, trail.Args)
		}
		colours := []byte{0, 0, 0, 0, 0, 0}
		at := 2 * slices.IndexFunc(in[i].Tensor.Data[:3], func(b byte) bool { return b > 0 })
		colours[at+1] = 0x3c // 1
		if !bytes.Equal(e.Data, colours) {
			t.Errorf("item %d: %v, want %v", i, e.Data, colours)
		}
	}
	for _, args := range [][]string{{"-j1"}, {"-j3", "--batch=1"}, {"--batch=3"}, {"-j2", "--batch=1000"}} {
		if got := embedded(t, encode(t, in...), append(args, m)...); !bytes.Equal(got, want) {
			t.Errorf("%v: other bytes", args)
		}
	}
	// All that was there is still there, and may stay as it is.
	kept := embedded(t, encode(t, in...), "--keep-tensor", m)
	_, both, _ := cmdtest.Decode(t, kept)
	for i, item := range both {
		wanted := *in[i]
		wanted.Key, wanted.Embedding = dataset.KeyOf(in[i]), items[i].Embedding
		if diff := cmp.Diff(&wanted, item); diff != "" {
			t.Errorf("item %d: %s", i, diff)
		}
	}
	code, stdout, stderr := eval(t, kept, "--embed", "--normalize=0..1", m)
	_, again, _ := cmdtest.Decode(t, []byte(stdout))
	if diff := cmp.Diff(items, again); code != 0 || diff != "" || !strings.Contains(stderr, "8 items had their embedding already") {
		t.Errorf("exit %d: %s\n%s", code, stderr, diff)
	}
	if _, items, _ := cmdtest.Decode(t, embedded(t, encode(t, in...), "--embedding-dtype=float32", m)); items[0].Embedding.DType != "float32" || items[0].Embedding.Of == trail.Args["embedding"] {
		t.Errorf("float32: %+v", items[0].Embedding)
	}
	// A network that declares another side works at this one, too.
	code, stdout, stderr = eval(t, encode(t, in...), "--embed", "--normalize=0..1", writeMeans(t, 8))
	_, taken, _ := cmdtest.Decode(t, []byte(stdout))
	if code != 0 || !strings.Contains(stderr, "declares pictures of 8x8 and works at 4x4") || !bytes.Equal(taken[0].Embedding.Data, items[0].Embedding.Data) {
		t.Errorf("another side: exit %d: %s", code, stderr)
	}
}

// The numbers of JSON are those of the binary form, and read back they are the
// same bytes.
func TestEmbedJSON(t *testing.T) {
	m := writeMeans(t, side)
	binary := embedded(t, encode(t, held()...), m)
	text := embedded(t, encode(t, held()...), "--json", m)
	if line, _, _ := strings.Cut(string(text), "\n"); !strings.Contains(line, `"data":[1,0,0]}`) {
		t.Errorf("JSON %s", line)
	}
	_, want, _ := cmdtest.Decode(t, binary)
	_, got, _ := cmdtest.Decode(t, text)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEmbedRefuses(t *testing.T) {
	m, fixed := writeMeans(t, side), writeMeans(t, 8)
	whole := encode(t, held()...)
	code, other, stderr := eval(t, whole, "--embed", "--normalize=-1..1", "--keep-tensor", m)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	_, items, _ := cmdtest.Decode(t, embedded(t, whole, "--keep-tensor", m))
	_, others, _ := cmdtest.Decode(t, []byte(other))
	items[1] = others[1]
	mixed := encode(t, items...)
	large := picture(2, "red", "red", "test")
	large.Tensor = &record.Tensor{Shape: []int{8, 8, 3}, DType: "uint8", Data: make([]byte, 192)}
	oblong := picture(2, "red", "red", "test")
	oblong.Tensor = &record.Tensor{Shape: []int{2, 8, 3}, DType: "uint8", Data: make([]byte, 48)}
	bare := picture(1, "red", "red", "test")
	bare.Tensor = nil
	cut := func(size string) []byte {
		return cmdtest.EncodeItems(t, &record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-crop", Args: map[string]string{"size": size, "context": "0.25"}}}}, held()...)
	}
	photos := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(photos, []byte("\xff\xd8\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		wants []string
	}{
		"no preprocessing": {whole, []string{m}, 1, []string{"imagenet, -1..1, 0..1", "hint: the model's page", "--labels NAMES.txt --normalize=CHOICE " + m}},
		"odd numbers":      {whole, []string{"--normalize=0..2", m}, 2, []string{"--normalize 0..2"}},
		"channels alone":   {whole, []string{"--channels=bgr", m}, 2, []string{"--channels bgr says nothing without --normalize"}},
		"odd type":         {whole, []string{"--embedding-dtype=float8", m}, 2, []string{"want float16 or float32"}},
		"with --emit":      {whole, []string{"--emit", m}, 2, []string{"does not go with --emit"}},
		"a photo":          {nil, []string{m, photos}, 2, []string{"needs a stream of items"}},
		"no features":      {whole, []string{"--normalize=0..1", "--features=nonsense", m}, 1, []string{`no value "nonsense"`}},
		"too large":        {whole, []string{"--normalize=0/0.00001", m}, 1, []string{"item 0010-00000000", "feature 0 is 100000"}},
		"too large, of 32": {whole, []string{"--normalize=0/0.00001", "--embedding-dtype=float32", m}, 1, []string{"item 0010-00000000", "feature 0 is 100000"}},
		"other embeddings": {[]byte(other), []string{"--normalize=0..1", m}, 1, []string{"item 0010-00000000", "means", "hint: embeddings can be compared"}},
		"mixed embeddings": {mixed, []string{"--normalize=0..1", m}, 1, []string{"item 0011-00000000", "means"}},
		"two sides":        {encode(t, append(held(), large)...), []string{"--normalize=0..1", m}, 1, []string{"item 0002-00000000 is 8x8 pixels, not 4x4", "oi-crop --size"}},
		"a fixed side":     {whole, []string{"--normalize=0..1", "--features=image", fixed}, 1, []string{"picture itself"}},
		"no square":        {encode(t, oblong), []string{"--normalize=0..1", m}, 1, []string{"item 0002-00000000 is 8x2 pixels"}},
		"no tensor":        {encode(t, bare), []string{"--normalize=0..1", m}, 1, []string{"hint: run oi-crop"}},
		"other crops":      {append(cut("4"), cut("5")...), []string{"--normalize=0..1", m}, 1, []string{"cut with oi-crop --context 0.25 --size 5, after some that were cut with oi-crop --context 0.25 --size 4"}},
		"another trail":    {cut("5"), []string{"--normalize=0..1", m}, 1, []string{"item 0010-00000000 is 4x4 pixels, not 5x5"}},
		"no model":         {whole, []string{"--normalize=0..1", photos}, 1, []string{"model " + photos}},
		"part alone":       {whole, []string{"--part", writeModel(t)}, 2, []string{"--part works with --embed only"}},
		"keep alone":       {whole, []string{"--keep-tensor", writeModel(t)}, 2, []string{"nothing without --embed"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := tc.args
			if !strings.HasSuffix(name, " alone") || name == "channels alone" {
				args = append([]string{"--embed"}, args...)
			}
			code, _, stderr := eval(t, tc.stdin, args...)
			if code != tc.code {
				t.Errorf("exit %d, want %d: %s", code, tc.code, stderr)
			}
			for _, want := range tc.wants {
				if !strings.Contains(stderr, want) {
					t.Errorf("%s\nwant %q", stderr, want)
				}
			}
		})
	}
}

// TestEmbedInPieces embeds in pieces that GNU parallel cuts: joined, they are
// what one process makes.
func TestEmbedInPieces(t *testing.T) {
	if _, err := exec.LookPath("parallel"); err != nil {
		t.Skip("GNU parallel is not installed")
	}
	m := writeMeans(t, side)
	header := &record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-crop", Version: "1", Args: map[string]string{"size": "4"}}}}
	var items []*record.Item
	for n := range 300 {
		items = append(items, picture(n, []string{"red", "green"}[n%2], "red", "train"))
	}
	data := cmdtest.EncodeItems(t, header, items...)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's own program is the command where it has its name.
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "oi-eval")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "parallel", "-k", "--pipe", "--block", "20k", "--header", `(?s).*?oi-rec1\n`, "--recend", `oi-rec1\n`,
		fmt.Sprintf("oi-eval -q --embed --part --normalize=0..1 %s", m))
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir)
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	joined, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	_, want, _ := cmdtest.Decode(t, embedded(t, data, m))
	_, got, end := cmdtest.Decode(t, joined)
	if diff := cmp.Diff(want, got); diff != "" || end == nil || end.Stages[1].Out != 300 {
		t.Errorf("%+v\n%s", end, diff)
	}
}

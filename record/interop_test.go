package record_test

import (
	"bytes"
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// codeBlocks returns the code blocks of the package comment.
func codeBlocks(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	var p comment.Parser
	for _, b := range p.Parse(file.Doc.Text()).Content {
		if code, ok := b.(*comment.Code); ok {
			blocks = append(blocks, code.Text)
		}
	}
	return blocks
}

// findBlock returns the code block that contains text.
func findBlock(t *testing.T, text string) string {
	t.Helper()
	for _, b := range codeBlocks(t) {
		if strings.Contains(b, text) {
			return b
		}
	}
	t.Fatalf("the package comment has no code block with %q", text)
	return ""
}

// python returns a Python that has the msgpack package.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import msgpack").Run() == nil {
			return path
		}
	}
	t.Skip("no Python with the msgpack package (Debian: python3-msgpack)")
	return ""
}

// The reader and writer in Python that the package comment shows copy a
// stream, and find that one is cut or damaged.
func TestPythonInPackageComment(t *testing.T) {
	interpreter := python(t)
	script := filepath.Join(t.TempDir(), "oistream.py")
	if err := os.WriteFile(script, []byte(findBlock(t, "# oistream.py")), 0o600); err != nil {
		t.Fatal(err)
	}
	filter := func(input []byte) ([]byte, error) {
		cmd := exec.Command(interpreter, script)
		cmd.Stdin = bytes.NewReader(input)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return stdout.Bytes(), fmt.Errorf("%w\n%s", err, &stderr)
		}
		return stdout.Bytes(), nil
	}
	for _, g := range goldenStreams(t) {
		data := encode(t, record.Binary, g.records)
		out, err := filter(data)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		if diff := same(decode(t, data), decode(t, out)); diff != "" {
			t.Errorf("%s: Python changed the stream:\n%s", g.name, diff)
		}
	}
	records := goldenStreams(t)[0].records
	data := encode(t, record.Binary, records)
	at := ends(t, record.Binary, records)
	for _, n := range []int{0, 1, at[0], at[1] - 18, at[1] - 1, at[1], at[3], len(data) - 18, len(data) - 1} {
		if _, err := filter(data[:n]); err == nil || !strings.Contains(err.Error(), "EOFError") {
			t.Errorf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	for _, i := range []int{at[0] + 20, at[1] - 18, at[1] - 17, at[1] - 14, at[1] - 10, at[1] - 1} {
		hurt := bytes.Clone(data)
		hurt[i] ^= 1
		if _, err := filter(hurt); err == nil {
			t.Errorf("byte %d flipped: not found", i)
		}
	}
}

// A filter in Python, as the package comment shows one, stands in the accounts;
// one that forgets them is found.
func TestPythonFilter(t *testing.T) {
	interpreter := python(t)
	dir := t.TempDir()
	for _, name := range []string{"oistream.py", "single.py"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(findBlock(t, "# "+name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	filter := func(input []byte) []byte {
		cmd := exec.Command(interpreter, filepath.Join(dir, "single.py"))
		cmd.Stdin = bytes.NewReader(input)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		return out
	}
	var items []*record.Item
	for i := range 6 {
		items = append(items, &record.Item{ID: fmt.Sprint("i", i), Box: &record.Box{XMax: 1, YMax: 1, GroupOf: i % 2}})
	}
	end := &record.End{Stages: []record.StageCounts{source(items)}}
	whole := append(append([]record.Record{head("a")}, records(items)...), end)
	got := decode(t, filter(encode(t, record.Binary, whole)))
	if k := kinds(got); k != "header item item item end" {
		t.Fatalf("the filter wrote %s", k)
	}
	count := got[4].(*record.End).Stages[1]
	if count.In != 6 || count.Out != 3 || count.Removed["group"] != 3 || count.Digests.In != record.DigestOf(items...) {
		t.Errorf("the filter counted %+v", count)
	}

	piece := head("a")
	piece.Piece = true
	var cut []record.Record
	for i := 0; i < 6; i += 2 {
		of := runStage("oi-fetch")
		of.In, of.Out, of.Digests.In, of.Digests.Out = 2, 2, record.DigestOf(items[i:i+2]...), record.DigestOf(items[i:i+2]...)
		part := &record.Part{Total: -1, Stages: []record.StageCounts{of.StageCounts}}
		if i == 2 {
			part.Total, part.Upstream = 6, end.Stages
		}
		cut = append(cut, piece, items[i], items[i+1], part)
	}
	if k := kinds(decode(t, filter(writeLoose(t, record.Binary, cut...)))); k != "header item item item end" {
		t.Errorf("of joined pieces the filter wrote %s", k)
	}
	missing := exec.Command(interpreter, filepath.Join(dir, "oistream.py"))
	missing.Stdin = bytes.NewReader(writeLoose(t, record.Binary, cut[4:]...))
	if out, err := missing.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("EOFError")) {
		t.Errorf("a missing piece: %v\n%s", err, out)
	}
}

// GNU parallel cuts a stream as the package comment says, and gives each
// piece the header.
func TestGNUParallel(t *testing.T) {
	parallel, err := exec.LookPath("parallel")
	if err != nil {
		t.Skip("GNU parallel is not installed")
	}
	if out, err := exec.Command(parallel, "--version").Output(); err != nil || !bytes.Contains(out, []byte("GNU parallel")) {
		t.Skipf("%s is not GNU parallel", parallel)
	}
	recipe := findBlock(t, "parallel -k")
	if want := `parallel -k --pipe --block 1M --header '(?s).*?oi-rec1\n' --recend 'oi-rec1\n'`; !strings.Contains(recipe, want) {
		t.Fatalf("this test runs\n%s\nthe package comment says\n%s", want, recipe)
	}
	args := []string{"-k", "--pipe", "--block", "64k", "--header", `(?s).*?oi-rec1\n`, "--recend", `oi-rec1\n`}

	const items = 200
	header := head("Hamburger")
	records := []record.Record{header}
	for i := range items {
		picture := make([]byte, 64*i) // small ones and ones of several kB
		for k := range picture {
			picture[k] = byte(k * (i + 1) >> 3)
		}
		records = append(records, &record.Item{ID: fmt.Sprint("i", i), Fetched: &record.Fetched{Bytes: picture}})
	}
	end := &record.End{Stages: counted("oi-fetch", items)}
	records = append(records, end)
	dir := t.TempDir()
	cmd := exec.Command(parallel, append(args, "cat > '"+dir+"'/{#}")...)
	cmd.Stdin = bytes.NewReader(encode(t, record.Binary, records))
	cmd.Env = append(os.Environ(), "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	var joined []byte
	pieces := 0
	for {
		data, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(pieces+1)))
		if err != nil {
			break
		}
		pieces++
		all := decode(t, data, record.SinglePiece())
		if diff := same(header, all[0]); diff != "" {
			t.Fatalf("piece %d does not begin with the header:\n%s", pieces, diff)
		}
		part := all[len(all)-1].(*record.Part)
		n := int64(len(all) - 2)
		part.Stages = append(part.Stages, record.StageCounts{Tool: "oi-crop", In: n, Out: n})
		joined = append(joined, encode(t, record.Binary, all)...)
	}
	if pieces < 3 {
		t.Fatalf("%d pieces", pieces)
	}
	want := slices.Clone(records)
	want[len(want)-1] = &record.End{Stages: append(slices.Clone(end.Stages), counted("oi-crop", items)...)}
	if diff := same(want, decode(t, joined)); diff != "" {
		t.Errorf("the joined pieces are not the stream:\n%s", diff)
	}
}

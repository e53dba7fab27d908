package demo

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// unarmour is what worker.js does.
func unarmour(text []byte) []byte {
	var out []byte
	bits, held := 0, 0
	for _, c := range string(text) {
		held = held<<7 | int(c)&127
		if bits += 7; bits >= 8 {
			bits -= 8
			out = append(out, byte(held>>bits))
			held &= 1<<bits - 1
		}
	}
	return out
}

// Text of 7 bits a character gives the same bytes, and has nothing that an HTML
// parser would change.
func TestArmour(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for size := range 300 {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		if size%3 == 0 {
			clear(data)
		}
		text := armour([]byte("x"), data)[1:]
		if got := unarmour(text); !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: %x, not %x", size, got, data)
		}
		if bytes.ContainsAny(text, "\x00\r<") || !bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
			t.Fatalf("%q", text)
		}
	}
}

// Bytes that were sorted by their place within four are all there.
func TestPlanes(t *testing.T) {
	for size, want := range []string{"", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "aebfcgdh", "aebfcgdhi"} {
		if got := string(planes([]byte("abcdefghi"[:size]))); got != want {
			t.Errorf("%d bytes: %q, not %q", size, got, want)
		}
	}
}

// The page has the model inside and is hardly larger, escapes what it is told,
// and allows no connection.
func TestPage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := &Page{
		Title: "a </script><b>", Model: make([]byte, 1<<20), Classes: []string{"<i>Hamburger</i>", "</script>", "Sandwich"},
		About: []Fact{{"file", "x<y"}}, Notes: []string{"a & b"},
	}
	for i := range p.Model { // nothing to be compressed
		p.Model[i] = byte(r.Uint32())
	}
	var page, again bytes.Buffer
	if err := errors.Join(p.Write(&page), p.Write(&again)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page.Bytes(), again.Bytes()) {
		t.Error("the same page has other bytes")
	}
	if most := len(p.Model) + 5<<20; page.Len() > most {
		t.Errorf("%d bytes, more than %d", page.Len(), most)
	}
	html := page.String()
	if strings.Count(html, "</script>") != 6 || strings.Count(html, "<i>") != 0 || strings.Contains(html, "x<y") {
		t.Error("something is not escaped")
	}
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in the policy", want)
		}
	}
	model := regexp.MustCompile(`(?s)<script id="model"[^>]*>(.*?)</script>`).FindStringSubmatch(html)
	if model == nil || !bytes.Equal(inflate(t, unarmour([]byte(model[1]))), planes(p.Model)) {
		t.Error("the model is not in the page")
	}
	for _, name := range []string{"page.js", "worker.js", "built/wasm_exec.js", "page.css"} {
		if strings.Contains(text(name), "</s") || strings.Contains(text(name), "<!--") || strings.Contains(text(name), "://") && name == "page.js" {
			t.Errorf("%s does not fit into the page", name)
		}
	}
}

// Pages are made up to a size, and a writer that fails is an error.
func TestPageFails(t *testing.T) {
	var size *SizeError
	if err := (&Page{Model: make([]byte, MaxModel+1)}).Write(io.Discard); !errors.As(err, &size) {
		t.Errorf("%v", err)
	}
	broken := errors.New("broken")
	if err := (&Page{}).Write(writer{broken}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type writer struct{ err error }

func (w writer) Write([]byte) (int, error) { return 0, w.err }

package sheet

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// testSheet has n entries, each with so many pictures.
func testSheet(t testing.TB, n, pictures, side int, photos bool, key string) *Sheet {
	t.Helper()
	s := &Sheet{Title: "test"}
	for i := range n {
		e := Entry{Title: "a name that is so long that it must go on in the next line", Key: key, Class: i - 1}
		for k := range pictures {
			caption := ""
			if pictures > 1 {
				caption = fmt.Sprint("picture ", k)
			}
			e.Pictures = append(e.Pictures, NewPicture(bytes.Repeat([]byte{200, byte(k), 0}, side*side), side, side, caption))
		}
		if photos {
			e.Photo = pix.NewThumb(pix.NewRGB(make([]byte, 300*500*3), 300, 500), image.Rect(10, 10, 100, 200), 90*(i%4))
		}
		s.Add(e)
	}
	return s
}

func TestEncodeJPEG(t *testing.T) {
	if err := new(Sheet).EncodeJPEG(io.Discard); !errors.Is(err, ErrEmpty) {
		t.Errorf("a sheet of nothing: %v", err)
	}
	for _, c := range []struct {
		n, pictures int
		photos      bool
		side        int
		want        image.Point
	}{
		{1, 1, true, 128, image.Pt(401, 238)}, {5, 1, true, 64, image.Pt(1574, 466)}, {12, 1, true, 128, image.Pt(1574, 694)},
		{30, 1, false, 300, image.Pt(1546, 850)}, {3, 4, false, 64, image.Pt(1212, 402)}, {2, 40, false, 64, image.Pt(5975, 402)},
	} {
		encode := func() []byte {
			var b bytes.Buffer
			if err := testSheet(t, c.n, c.pictures, c.side, c.photos, "00017b0dd06aab97-1f").EncodeJPEG(&b); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		data := encode()
		config, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || image.Pt(config.Width, config.Height) != c.want {
			t.Errorf("%d entries of %d: %dx%d %v, want %v", c.n, c.pictures, config.Width, config.Height, err, c.want)
		}
		if !bytes.Equal(data, encode()) {
			t.Errorf("%d entries: two sheets of the same differ", c.n)
		}
	}
}

// TestLayoutFits: no sheet is higher than a JPEG may be, however many entries
// there are and however long their texts.
func TestLayoutFits(t *testing.T) {
	for _, n := range []int{1, 300, MaxEntries} {
		s := testSheet(t, 1, 1, 8, true, strings.Repeat("k", 80))
		s.entries[0].Title = strings.Repeat("long ", 100)
		s.entries = slices.Repeat(s.entries, n)
		l := s.layout()
		placed := 0
		for _, r := range l.rows {
			placed += r.entries
		}
		if l.size.Y > maxHeight || l.size.X > maxHeight || placed != n {
			t.Errorf("%d entries: a page of %v with %d", n, l.size, placed)
		}
	}
}

// TestTextIsWhole: no letter of a key, a title or a line is lost.
func TestTextIsWhole(t *testing.T) {
	for _, text := range []string{
		"", "a", "00017b0dd06aab97-1f2e3d4c-e12-c3", strings.Repeat("k", 80), "two words", strings.Repeat("word ", 30) + "end",
		strings.Repeat("x", 20), strings.Repeat("x", 21), "käse " + strings.Repeat("ü", 50),
	} {
		lines := wrap(text, 20)
		for _, line := range lines {
			if len([]rune(line)) > 20 || line == "" {
				t.Errorf("%q: the line %q", text, line)
			}
		}
		squeeze := strings.NewReplacer(" ", "").Replace
		if got := squeeze(strings.Join(lines, "")); got != squeeze(text) {
			t.Errorf("%q became %q", text, lines)
		}
	}
	key := strings.Repeat("0123456789", 8)
	e := Entry{Title: "t", Key: key, Lines: []Line{{"predicted: x", Bad}}}
	var text []string
	for _, line := range e.text(cropSide) {
		text = append(text, line.text)
	}
	if got := strings.Join(text, ""); got != "t"+key+"predicted: x" {
		t.Errorf("got %q", got)
	}
}

func TestEncodeHTML(t *testing.T) {
	var nothing bytes.Buffer
	if err := new(Sheet).EncodeHTML(&nothing); err != nil || !strings.Contains(nothing.String(), "0 shown") {
		t.Errorf("a page of nothing: %v\n%s", err, &nothing)
	}
	const hostile = `<script>alert("x")</script>' onload='y & "z" {{.}} --> </style>`
	s := testSheet(t, 2, 2, 64, true, hostile)
	s.Title = hostile
	s.entries[0].Title = hostile
	s.entries[0].Lines = []Line{{hostile, Bad}, {"fine", Good}, {"so so", Neutral}}
	s.entries[0].Credit = hostile
	s.entries[0].Pictures[0].Caption = hostile
	var b bytes.Buffer
	if err := s.EncodeHTML(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if strings.Contains(text, "<script") || strings.Contains(text, "ZgotmplZ") || strings.Contains(text, `alert("x")`) || strings.Contains(text, "onload='") {
		t.Error("what stands in a record was taken for HTML")
	}
	if strings.Contains(text, "http:") || strings.Contains(text, "https:") {
		t.Error("the page needs something from elsewhere")
	}
	// It reads as XML with HTML's rules for what needs no end, and its keys
	// are whole.
	d := xml.NewDecoder(&b)
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var keys []string
	in := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			in = v.Name.Local
		case xml.CharData:
			if in == "code" && len(bytes.TrimSpace(v)) > 0 {
				keys = append(keys, string(v))
			}
		case xml.EndElement:
			in = ""
		}
	}
	if !slices.Equal(keys, []string{hostile, hostile}) {
		t.Errorf("the keys are %q", keys)
	}
	images := regexp.MustCompile(`src="data:image/jpeg;base64,([^"]*)" width="(\d+)" height="(\d+)"`).FindAllStringSubmatch(text, -1)
	if len(images) != 6 {
		t.Fatalf("%d pictures, want 6", len(images))
	}
	for _, img := range images {
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(img[1], "&#43;", "+"))
		if err != nil {
			t.Fatal(err)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || fmt.Sprint(config.Width, config.Height) != img[2]+" "+img[3] {
			t.Errorf("%dx%d, the page says %s by %s: %v", config.Width, config.Height, img[2], img[3], err)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	s := testSheet(t, 1, 1, 8, false, "k")
	for name, start := range map[string]string{"a.jpg": "\xff\xd8", "a.HTML": "<!DOCTYPE html>", "b.htm": "<!DOCTYPE html>", "c": "\xff\xd8"} {
		if err := s.Write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(data), start) {
			t.Errorf("%s begins with %.20q: %v", name, data, err)
		}
	}
	for name, ok := range map[string]bool{"a.JPEG": true, "b.jpg": true, "c": true, "d.htm": true, "/dev/stdout": true, "e.png": false, "f.webp": false, "g.jpg.pdf": false} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := new(Sheet).Write(filepath.Join(dir, "d")); !errors.Is(err, ErrEmpty) {
		t.Errorf("of nothing: %v", err)
	}
}

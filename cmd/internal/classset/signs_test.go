package classset

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// TestSignsAsTyped has the signs as other keyboards and editors write them.
func TestSignsAsTyped(t *testing.T) {
	names, h := load(t, classFile+"/m/cafe,Café au lait\n/m/tear,Angel’s Tear\n", treeFile)
	for _, tt := range []struct{ text, assigned string }{
		{"Sandwich／", "burg:Sandwich sand:Sandwich subm:Sandwich"},
		{"“Hot dog”", "hot:Hot dog"},
		{"„Hot dog“", "hot:Hot dog"},
		{"«Hot\u00a0dog»", "hot:Hot dog"},
		{"‘Hot dog’", "hot:Hot dog"},
		{"＂Hot dog＂", "hot:Hot dog"},
		{"“Hot dog”/", "hot:Hot dog"},
		{`"Hot dog"+"Pizza"`, "hot:Hot dog+Pizza piz:Hot dog+Pizza"},
		{"'Angel's Tear'", "tear:Angel’s Tear"},
		{"Hot\u2011dog＋Pizza", "hot:Hot dog+Pizza piz:Hot dog+Pizza"},
		{"“Hot dog”+“Pizza”", "hot:Hot dog+Pizza piz:Hot dog+Pizza"},
		{"fast＝“Hot dog”＋Pizza／", "hot:fast piz:fast"},
		{"\ufefffast\u200b = Hamburger", "burg:fast"},
		{"Hamburger，Pizza", "burg:Hamburger piz:Pizza"},
		{"Pizza,“Angel's Tear”", "piz:Pizza tear:Angel’s Tear"},
		{"Ｈａｍｂｕｒｇｅｒ", "burg:Hamburger"},
		{"cafe\u0301 au lait", "cafe:Café au lait"},
		{"CAFE-AU-LAIT/", "cafe:Café au lait"},
		{"Angel's tears", "tear:Angel’s Tear"},
		{"’n Burger=Hamburger", "burg:’n Burger"},
		{norm.NFD.String("brûlée") + "=Pizza", "piz:brûlée"},
		{"/m/burg/\u200b", "burg:Hamburger"},
	} {
		s, err := Parse(names, []string{tt.text}, nil, false)
		if err != nil {
			t.Errorf("%+q: %v", tt.text, err)
			continue
		}
		if got := spell(s, h); got != tt.assigned {
			t.Errorf("%+q: got %s, want %s", tt.text, got, tt.assigned)
		}
	}
	// A name is one label, however its letters are written.
	s, err := Parse(names, []string{"brûlée=Pizza", norm.NFD.String("brûlée") + "=Hamburger"}, []string{norm.NFD.String("CAFÉ AU LAIT"), "Rocket／"}, false)
	if err != nil || len(s.Labels) != 1 {
		t.Fatalf("got %v %v", s, err)
	}
	if labels, without := s.Args(); labels != "brûlée=/m/burg+/m/piz" || without != "/m/cafe/,/m/rock/" {
		t.Errorf("got %s without %s", labels, without)
	}
}

// TestMinusAsTyped has hyphens in front, as an editor makes them: names are
// found without regard to them, and the opposite is meant.
func TestMinusAsTyped(t *testing.T) {
	names, _ := load(t, classFile, treeFile)
	for _, minus := range []string{"-", "–", "—", "−", "‐", "\u2011", "－", " \ufeff–"} {
		for _, text := range []string{minus + "Rocket", "Car+" + minus + "Rocket", "x=" + minus + "Rocket", minus + "Rocket/"} {
			_, err := Parse(names, []string{text}, nil, false)
			if err == nil || !strings.HasPrefix(err.Error(), "no class ") {
				t.Errorf("%+q: got %v", text, err)
			}
		}
		if name, ok := CutMinus(minus + " Rocket"); !ok || name != "Rocket" {
			t.Errorf("%+q: got %q %v", minus, name, ok)
		}
	}
	for _, text := range []string{"", "Rocket", "\u00adRocket", "Hot-dog-"} {
		if _, ok := CutMinus(text); ok {
			t.Errorf("%+q begins with a minus", text)
		}
	}
}

// utf16Of is a text as PowerShell redirects it, and old editors save it.
func utf16Of(order binary.AppendByteOrder, text string) string {
	data := make([]byte, 0, 2*len(text))
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		data = order.AppendUint16(data, unit)
	}
	return string(data)
}

// TestListsAsSaved has lists of classes as other programs save them.
func TestListsAsSaved(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"\ufeffHamburger\r\nHot dog\r\n", []string{"Hamburger", "Hot dog"}},
		{"\ufeff/m/burg\tHamburger\r\n", []string{"/m/burg"}},
		{"\ufeff{\"mid\":\"/m/burg\"}\r\n", []string{"/m/burg"}},
		{"\ufeff# nothing\r\n\ufeff\"Hot dog\"\r\n", []string{"Hot dog"}},
		{"\u00a0Hot\u00a0dog\u00a0\n", []string{"Hot\u00a0dog"}},
		{"“Hot dog”, ‘Pizza’\n", []string{"Hot dog", "Pizza"}},
		{"‘Angel’s Tear’ ‘Pizza’\n", []string{"Angel’s Tear", "Pizza"}},
		{"„Hot dog“\u00a0«Pizza»\n", []string{"Hot dog", "Pizza"}},
		{utf16Of(binary.LittleEndian, "Hamburger\r\nCafé\r\n"), []string{"Hamburger", "Café"}},
		{utf16Of(binary.BigEndian, "Hamburger\r\nCafé\r\n"), []string{"Hamburger", "Café"}},
	} {
		got, err := ReadList(strings.NewReader(tt.text))
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{"“Hot dog\n", "‘Angel’s Tear\n"} {
		if got, err := ReadList(strings.NewReader(text)); err == nil {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func FuzzReadList(f *testing.F) {
	for _, seed := range []string{"\ufeffHamburger\r\n", "“Hot dog”, ‘Pizza’", "{\"mid\":\"/m/a\"}", "\xff\xfeH\x00", "’", "\"a\"b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadList(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, name := range list {
			if name == "" || strings.Contains(name, "\n") {
				t.Errorf("%q: %q", text, name)
			}
		}
	})
}

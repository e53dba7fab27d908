package openimages

import (
	"bytes"
	"cmp"
	"errors"
	"strings"
	"testing"
)

func TestParseClasses(t *testing.T) {
	want := []Class{{"/m/0cdn1", "Hamburger"}, {"/m/04zpv", "Organ, musical"}, {"/m/0l515", "Sandwich"}}
	for name, text := range map[string]string{
		"no header":       "/m/0l515,Sandwich\n/m/0cdn1,Hamburger\n/m/04zpv,\"Organ, musical\"\n",
		"header":          "LabelName,DisplayName\n/m/0l515,Sandwich\n/m/0cdn1,Hamburger\n/m/04zpv,\"Organ, musical\"\n",
		"crlf":            "LabelName,DisplayName\r\n/m/0l515,Sandwich\r\n/m/0cdn1,Hamburger\r\n/m/04zpv,\"Organ, musical\"\r\n",
		"no last newline": "/m/0l515,Sandwich\n/m/0cdn1,Hamburger\n/m/04zpv,\"Organ, musical\"",
		"byte order mark": "\ufeffLabelName,DisplayName\n/m/0l515,Sandwich\n/m/0cdn1,Hamburger\n/m/04zpv,\"Organ, musical\"\n",
	} {
		c, err := ParseClasses(strings.NewReader(text), "c.csv")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := c.All()
		if len(got) != len(want) {
			t.Errorf("%s: got %v", name, got)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: got %v, want %v", name, got[i], want[i])
			}
		}
	}
}

func TestParseClassesBad(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "c.csv: no classes in it"},
		{"LabelName,DisplayName\n", "c.csv: no classes in it"},
		{"<html>\n", "c.csv:1: expected a MID such as /m/0cdn1 and a name, found <html>"},
		{"/m/0cdn1,Hamburger\nSandwich,/m/0l515\n", "c.csv:2: expected a MID such as /m/0cdn1 and a name, found Sandwich,/m/0l515"},
		{"/m/0cdn1,Hamburger\n/m/0l515\n", "c.csv:2: expected a MID such as /m/0cdn1 and a name, found /m/0l515"},
		{"/m/1,A\n/m/2,B\"C\n", `c.csv:2: bare " in non-quoted-field`},
		{"/m/1,A\n/m/1,B\n", "c.csv: MID /m/1 stands for both A and B"},
	} {
		_, err := ParseClasses(strings.NewReader(tt.text), "c.csv")
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

// foods is a class list to search in.
func foods(t testing.TB) *Classes {
	t.Helper()
	c, err := ParseClasses(strings.NewReader(`/m/0cdn1,Hamburger
/m/0l515,Sandwich
/m/06pcq,Submarine sandwich
/m/01b9xk,Hot dog
/m/01bjv,Bus
/m/0jyfg,Glasses
/m/09tvcd,Wine glass
/m/04ctx,Knife
/m/07fbm7,Strawberry
/m/07j87,Tomato
/m/04yx4,Man
/m/03bt1vf,Woman
/m/01mzpv,Chair
/m/07mhn,Trousers
/m/0174k2,Washing machine
/m/04169hn,Wood-burning stove
/m/a1,Bat (Animal)
/m/b1,Turkey
/m/b2,TURKEY
`), "c.csv")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFind(t *testing.T) {
	c := foods(t)
	for query, want := range map[string]string{
		"Hamburger": "Hamburger", "hamburger": "Hamburger", "HAMBURGERS": "Hamburger", " Hamburger ": "Hamburger",
		"/m/0cdn1": "Hamburger", "hot dog": "Hot dog", "Hot_Dogs": "Hot dog", "hotdog": "Hot dog", "hot-dog": "Hot dog",
		"sandwiches": "Sandwich", "submarine sandwiches": "Submarine sandwich", "bus": "Bus", "buses": "Bus",
		"glasses": "Glasses", "wine glasses": "Wine glass", "knives": "Knife", "strawberries": "Strawberry",
		"tomatoes": "Tomato", "men": "Man", "women": "Woman", "trouser": "Trousers", "washing machines": "Washing machine",
		"wood burning stoves": "Wood-burning stove", "bat (animal)": "Bat (Animal)", "Turkey": "Turkey", "TURKEY": "TURKEY",
	} {
		got, err := c.Find(query)
		if err != nil || got.Name != want {
			t.Errorf("%q: got %v, %v, want %s", query, got, err, want)
		}
	}
}

func TestFindUnknown(t *testing.T) {
	c := foods(t)
	for _, tt := range []struct{ query, err, hint string }{
		{"Hamburgr", `no class "Hamburgr"`, "did you mean Hamburger?"},
		{"hot dgo", `no class "hot dgo"`, "did you mean Hot dog?"},
		{"bu", `no class "bu"`, "did you mean Bus?"},
		{"bat", `no class "bat"`, "did you mean Bat (Animal)?"},
		{"burger", `no class "burger"`, "did you mean Hamburger, TURKEY or Turkey?"},
		{"van", `no class "van"`, "did you mean Man?"},
		{"/m/0cdn2", `no class "/m/0cdn2"`, "none"},
		{"", `no class ""`, "none"},
		{"*", `no class "*"`, "none"},
		{"Xylophone", `no class "Xylophone"`, "none"},
		{"turkey", `class "turkey" is ambiguous: TURKEY (/m/b2), Turkey (/m/b1)`, "name it by its MID"},
		{strings.Repeat("x", 1000), `no class "` + strings.Repeat("x", 1000) + `"`, "none"},
	} {
		_, err := c.Find(tt.query)
		var unknown *UnknownClassError
		if errors.As(err, &unknown) {
			unknown.Suggest(&Hierarchy{}, c)
		}
		if unknown == nil || err.Error() != tt.err {
			t.Errorf("%.20q: got %v, want %s", tt.query, err, tt.err)
			continue
		}
		if hint := cmp.Or(unknown.Hint(), "none"); hint != tt.hint && tt.hint != "" {
			t.Errorf("%.20q: got hint %q, want %q", tt.query, hint, tt.hint)
		}
	}
}

func TestSearch(t *testing.T) {
	c := foods(t)
	for _, tt := range []struct{ queries, want string }{
		{"sandwich", "Sandwich, Submarine sandwich"},
		{"SAND_wiches", "Sandwich, Submarine sandwich"},
		{"glass", "Glasses, Wine glass"},
		{"/m/0cdn1 hot", "Hamburger, Hot dog"},
		{"zebra", ""},
	} {
		var names []string
		for _, class := range c.Search(strings.Fields(tt.queries)...) {
			names = append(names, class.Name)
		}
		if got := strings.Join(names, ", "); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.queries, got, tt.want)
		}
	}
	if got := len(c.Search()); got != 19 {
		t.Errorf("no query found %d of 19", got)
	}
	if got := c.Search(""); len(got) != 0 {
		t.Errorf("an empty query found %v", got)
	}
}

// TestRealClasses finds every official name by itself, in capitals, and with
// underscores.
func TestRealClasses(t *testing.T) {
	src := mirror(t)
	for _, version := range []string{"v4", "v5", "v7"} {
		d, err := LookupDataset(version)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadClasses(t.Context(), src, d)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.All()) != 601 {
			t.Errorf("%s: %d classes, want 601", version, len(c.All()))
		}
		for _, class := range c.All() {
			for _, query := range []string{class.Name, class.MID, strings.ToUpper(class.Name), strings.ReplaceAll(class.Name, " ", "_")} {
				if got, err := c.Find(query); err != nil || got != class {
					t.Errorf("%s: %q: got %v, %v", version, query, got, err)
				}
			}
		}
	}
}

func FuzzParseClasses(f *testing.F) {
	f.Add([]byte("LabelName,DisplayName\r\n/m/0cdn1,\"Ham, burger\"\r\n"))
	f.Add([]byte("/m/1,A\n/m/2,a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseClasses(bytes.NewReader(data), "c.csv")
		if err != nil {
			return
		}
		for _, class := range c.All() {
			got, err := c.Find(class.MID)
			if strings.TrimSpace(class.MID) == class.MID && (err != nil || got != class) {
				t.Fatalf("%v is not found: %v, %v", class, got, err)
			}
		}
	})
}

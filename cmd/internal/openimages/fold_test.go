package openimages

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func dishes(t testing.TB) *Classes {
	t.Helper()
	c, err := ParseClasses(strings.NewReader(`/m/025s4nn,Café
/m/0364jn,Café au lait
/m/017bml,Crème brûlée
/m/01csdn,Smörgåsbord
/m/026mnp8,İmam bayıldı
/m/02x8fbd,Angel’s Tear
/m/y1,Yellow lady's slipper
/m/018z5l,Mikoyan–gurevich mig-15
/m/025yj0m,M35 2½-ton cargo truck
/m/n1,Smørrebrød
/m/z1,Żubrówka
/m/s1,Straße
/m/p1,Park
/m/p2,Pärk
/m/p3,Pâte
/m/p4,Pâté
/m/01b9xk,Hot dog
/m/04169hn,Wood-burning stove
/m/0cdn1,Hamburger
/m/d1,`+norm.NFD.String("Décor")+"\n"), "c.csv")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFindAsTyped has names as other keyboards, programs and people write them.
func TestFindAsTyped(t *testing.T) {
	c := dishes(t)
	for query, want := range map[string]string{
		norm.NFD.String("Café"): "Café", norm.NFD.String("CRÈME BRÛLÉE"): "Crème brûlée", "cafe": "Café", "Cafes": "Café", "cafés": "Café",
		"creme brulee": "Crème brûlée", "Crème brulée": "Crème brûlée", "cremes brulees": "", "Cafe-au_lait": "Café au lait",
		"SMORGASBORD": "Smörgåsbord", "imam bayildi": "İmam bayıldı", "İMAM BAYILDI": "İmam bayıldı", "Imam Bayıldı": "İmam bayıldı",
		"Angel's tear": "Angel’s Tear", "Angel‘s Tear": "Angel’s Tear", "angel`s tears": "Angel’s Tear", "Angel´s Tear": "Angel’s Tear",
		"angels tear": "Angel’s Tear", "Angelʼs Tear": "Angel’s Tear", "Angel＇s Tear": "Angel’s Tear",
		"Yellow lady’s slipper": "Yellow lady's slipper", "yellow ladys slippers": "Yellow lady's slipper",
		"Mikoyan-gurevich mig-15": "Mikoyan–gurevich mig-15", "mikoyan gurevich mig‑15": "Mikoyan–gurevich mig-15",
		"M35 2 1/2-ton cargo truck": "M35 2½-ton cargo truck", "m35 2½ ton cargo trucks": "M35 2½-ton cargo truck",
		"smorrebrod": "Smørrebrød", "zubrowka": "Żubrówka", "strasse": "Straße", "STRASSE": "Straße", "STRAẞE": "Straße",
		"park": "Park", "PÄRK": "Pärk", norm.NFD.String("pärks"): "Pärk", "pâté": "Pâté", "Pâte": "Pâte", "pate": "",
		"Hot\u00a0dog": "Hot dog", "Hot\u2011dogs": "Hot dog", "hot\u00addog": "Hot dog", "hot\u200bdog": "Hot dog", "\ufeffHot dog": "Hot dog",
		"Ｈｏｔ　ｄｏｇ": "Hot dog", "Hot−dog": "Hot dog", "Hot\u202fdog\u200e": "Hot dog", "hot＿dog": "Hot dog", "hot—dog": "Hot dog",
		"Wood‐burning stove": "Wood-burning stove", "Wood\u2013burning\u2009stoves": "Wood-burning stove",
		"\ufeff/m/0cdn1": "Hamburger", "/m/0cdn1\u00a0": "Hamburger", "／m／0cdn1": "Hamburger", "/m/0cdn1\u200b": "Hamburger",
		"Décor": "Décor", "decor": "Décor", norm.NFD.String("décor"): "Décor",
	} {
		got, err := c.Find(query)
		if norm.NFC.String(got.Name) != want {
			t.Errorf("%+q: got %v, %v, want %s", query, got, err, want)
		}
		if want == "" && err == nil {
			t.Errorf("%+q: got %v", query, got)
		}
	}
	_, err := c.Find("pate")
	if err == nil || err.Error() != `class "pate" is ambiguous: Pâte (/m/p3), Pâté (/m/p4)` {
		t.Errorf("got %v", err)
	}
}

func TestSearchAsTyped(t *testing.T) {
	c := dishes(t)
	for query, want := range map[string]string{
		"cafe": "Café, Café au lait", norm.NFD.String("CAFÉ"): "Café, Café au lait", "brulee": "Crème brûlée",
		"ladys": "Yellow lady's slipper", "angel's": "Angel’s Tear", "‑burning": "Wood-burning stove", "ｄｏｇ": "Hot dog",
		"\ufeff/m/0cdn1 ": "Hamburger", "\u200b": "", "’": "",
	} {
		var names []string
		for _, class := range c.Search(query) {
			names = append(names, class.Name)
		}
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("%+q: got %s, want %s", query, got, want)
		}
	}
}

// TestLookAlike asks with letters of other scripts: what comes back must not
// look as if it were what was asked for.
func TestLookAlike(t *testing.T) {
	c := dishes(t)
	for query, want := range map[string]string{
		"Hаmburger": `no class "H\u0430mburger"`, // Cyrillic
		"Ηamburger": `no class "\u0397amburger"`, // Greek
		"Hаmburgér": `no class "H\u0430mburg\u00e9r"`,
		"Кошка":     `no class "Кошка"`,
		"Hambürgr":  `no class "Hambürgr"`,
	} {
		_, err := c.Find(query)
		var unknown *UnknownClassError
		if errors.As(err, &unknown) {
			unknown.Suggest(&Hierarchy{}, c)
		}
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// typed are ways to write a name.
func typed(rng *rand.Rand, name string) []string {
	change := func(from string, to ...string) string {
		return strings.ReplaceAll(name, from, to[rng.IntN(len(to))])
	}
	wide := strings.Map(func(r rune) rune {
		if '!' <= r && r <= '~' {
			return r - '!' + '！'
		}
		return r
	}, name)
	return []string{
		norm.NFD.String(name), norm.NFC.String(name), strings.ToUpper(norm.NFD.String(name)), strings.ToLower(name), wide,
		change(" ", "\u00a0", "\u2009", "_", "", "\u3000"), change("-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2212", "\u00ad", ""),
		change("'", "’", "‘", "ʼ", "′", "´", "`"), change("’", "'", "‘", "ʼ"), "\ufeff" + name + "\u200b",
	}
}

// TestRealNamesAsTyped finds every official name, written in any way, and none
// is told that it may have meant itself.
func TestRealNamesAsTyped(t *testing.T) {
	path := filepath.Join(string(mirror(t)), "..", "metadata", "v6", "oidv6-class-descriptions.csv")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // read only
	c, err := ParseClasses(f, path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(91, 92))
	within := func(err error, class Class) bool {
		var unknown *UnknownClassError
		return errors.As(err, &unknown) && slices.Contains(unknown.Same, class)
	}
	accents := 0
	for _, class := range c.All() {
		ascii := isASCII(class.Name)
		if ascii && rng.IntN(10) > 0 {
			continue
		}
		for _, query := range typed(rng, class.Name) {
			if got, err := c.Find(query); got != class && !within(err, class) {
				t.Errorf("%+q: got %v, %v, want %v", query, got, err, class)
			}
		}
		if ascii {
			continue
		}
		accents++
		query := strings.Map(func(r rune) rune {
			if r < 0x300 || r > 0x36f {
				return r
			}
			return -1
		}, norm.NFD.String(class.Name))
		got, err := c.Find(query)
		if got != class && !within(err, class) && got.Name != query {
			t.Errorf("%q without accents: got %v, %v, want %v", query, got, err, class)
		}
		if err == nil {
			continue
		}
		var unknown *UnknownClassError
		if errors.As(err, &unknown) {
			unknown.Suggest(&Hierarchy{}, c)
		}
		if unknown != nil && slices.ContainsFunc(unknown.Near, func(near Class) bool { return bare(fold(near.Name)) == bare(fold(query)) }) {
			t.Errorf("%q: %v, %s", query, err, unknown.Hint())
		}
	}
	if accents < 300 {
		t.Errorf("only %d names have accents", accents)
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{"Café", "cafe\u0301", "Hot\u2011dog", "－", "\ufeff", "İ", "ﬁ", "㌔", "\xff", "Hаmburger", "가", "´"} {
		f.Add(seed)
	}
	c := dishes(f)
	f.Fuzz(func(t *testing.T, query string) {
		folded := fold(query)
		if again := fold(folded); again != folded {
			t.Errorf("%+q: folds to %+q, and that to %+q", query, folded, again)
		}
		_, err := c.Find(query)
		var unknown *UnknownClassError
		if err == nil || !errors.As(err, &unknown) {
			return
		}
		unknown.Suggest(&Hierarchy{}, c)
		for _, near := range unknown.Near {
			if norm.NFC.String(near.Name) == norm.NFC.String(strings.TrimSpace(query)) {
				t.Errorf("%+q: %v: %s", query, err, unknown.Hint())
			}
		}
	})
}

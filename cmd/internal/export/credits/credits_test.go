package credits

import "testing"

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Lunch": "Lunch", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@home": "'@home", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"\n=1": "'\n=1", " =1": "' =1", "＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", "\u00a0@a": "'\u00a0@a", " ": " ", "\xff=": "\xff=",
	} {
		if got := plain(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestLicenceName(t *testing.T) {
	for licence, want := range map[string]string{
		"https://creativecommons.org/licenses/by/2.0/":        "CC BY 2.0",
		"http://creativecommons.org/licenses/by-nc-sa/4.0/de": "CC BY-NC-SA 4.0 DE",
		"https://creativecommons.org/publicdomain/zero/1.0/":  "CC0 1.0",
		"https://creativecommons.org/publicdomain/mark/1.0/":  "Public Domain Mark 1.0",
		"https://creativecommons.org/licenses/":               "https://creativecommons.org/licenses/",
		"https://creativecommons.org/":                        "https://creativecommons.org/",
		"https://example.org/":                                "https://example.org/",
		"":                                                    "licence unknown",
	} {
		if got := LicenceName(licence); got != want {
			t.Errorf("%q: %q, want %q", licence, got, want)
		}
	}
}

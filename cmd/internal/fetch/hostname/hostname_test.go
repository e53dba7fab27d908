package hostname_test

import (
	"net/url"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostname"
)

func TestCanonical(t *testing.T) {
	for host, want := range map[string]string{
		"Example.COM.": "example.com", "[::1]": "::1", "0:0::1": "::1",
		"::ffff:10.0.0.1": "10.0.0.1", "10.0.0.1": "10.0.0.1", "": "",
	} {
		if got := hostname.Canonical(host); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string]string{
		"Example.com": "example.com", "example.com:080": "example.com:80",
		"[FD00::00AB]:81": "[fd00::ab]:81", "[fd00:0::1]": "fd00::1", "fd00:0::1": "fd00::1",
	} {
		if got, err := hostname.Parse(s); err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v, want %q", s, got, err, want)
		}
	}
	for _, bad := range []string{"", "http://x", "a b", "x/y", ":80", "u@x", "x:", "x:99999", "x:-1", "[::1", "::1]", "[]", "[]:80", "[::1]80", "[::1]:x"} {
		if got, err := hostname.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", bad, got)
		}
	}
}

func TestWithPort(t *testing.T) {
	for raw, want := range map[string]string{
		"http://A.example/x": "a.example:80", "https://a.example./": "a.example:443",
		"http://[0::1]:08080/": "[::1]:8080", "https://10.0.0.1:80/": "10.0.0.1:80",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got := hostname.WithPort(u)
		if got != want {
			t.Errorf("WithPort(%q) = %q, want %q", raw, got, want)
		}
		host, port, err := hostname.Split(got)
		if err != nil || hostname.Canonical(u.Hostname()) != host || port == "" {
			t.Errorf("Split(%q) = %q, %q, %v", got, host, port, err)
		}
	}
	if _, _, err := hostname.Split("no port"); err == nil {
		t.Error("Split took a host without a port")
	}
}

package netguard

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestCheckAddr(t *testing.T) {
	for addr, public := range map[string]bool{
		"8.8.8.8":                  true,
		"52.216.0.1":               true,
		"2600:1901:0:38d7::":       true,
		"64:ff9b::808:808":         true, // NAT64 of 8.8.8.8
		"2002:808:808::1":          true, // 6to4 of 8.8.8.8
		"0.0.0.0":                  false,
		"0.1.2.3":                  false,
		"10.1.2.3":                 false,
		"100.64.0.1":               false,
		"100.100.100.200":          false,
		"127.0.0.1":                false,
		"127.9.9.9":                false,
		"168.63.129.16":            false,
		"169.254.169.254":          false,
		"172.16.0.1":               false,
		"172.32.0.1":               true,
		"192.0.0.192":              false,
		"192.168.1.1":              false,
		"198.18.0.1":               false,
		"224.0.0.1":                false,
		"240.0.0.1":                false,
		"255.255.255.255":          false,
		"::":                       false,
		"::1":                      false,
		"::ffff:127.0.0.1":         false,
		"::ffff:10.0.0.1":          false,
		"::127.0.0.1":              false,
		"64:ff9b::7f00:1":          false, // NAT64 of 127.0.0.1
		"64:ff9b::a9fe:a9fe":       false, // of the metadata service
		"2002:7f00:1::":            false, // 6to4 of 127.0.0.1
		"fc00::1":                  false,
		"fd00:ec2::254":            false,
		"fe80::1":                  false,
		"fe80::1%eth0":             false,
		"2600:1901:0:38d7::1%eth0": false,
		"fec0::1":                  false,
		"ff02::1":                  false,
		"2001:db8::1":              false,
		"2001:0:7f00:1::":          false,
		"::ffff:0:7f00:1":          false, // 127.0.0.1 translated, RFC 2765
		"3fff::1":                  false, // documentation
		"5f00::1":                  false, // segment routing
		"4000::1":                  false, // not given out
	} {
		err := checkAddr(netip.MustParseAddr(addr))
		if (err == nil) != public {
			t.Errorf("%s: got %v, want public = %v", addr, err, public)
		}
		var refused *RefusedError
		if err != nil && (!errors.As(err, &refused) || refused.Detail == "") {
			t.Errorf("%s: got %#v, want a *RefusedError", addr, err)
		}
		// The check at the connection is the same.
		ap := netip.AddrPortFrom(netip.MustParseAddr(addr), 80)
		if err := control(t.Context(), "tcp", ap.String(), nil); (err == nil) != public {
			t.Errorf("%s: control: %v", ap, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	var named []*url.URL
	for _, raw := range []string{"http://127.0.0.1:8080/x", "https://[::1]/y"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, u)
	}
	g, err := New([]string{"10.0.0.1", "Box.Example:81", "[fd00::1]", "inner"}, named...)
	if err != nil {
		t.Fatal(err)
	}
	for raw, ok := range map[string]bool{
		"http://127.0.0.1:8080/z":    true,
		"http://127.0.0.1/z":         false, // another port
		"https://127.0.0.1:8081/z":   false,
		"https://[::1]/z":            true,
		"http://[::1]/z":             false,
		"http://10.0.0.1:99/":        true, // any port
		"http://[fd00::1]:5/":        true,
		"http://[fd00::2]/":          false,
		"http://192.168.0.1/":        false,
		"http://example.com/":        true, // its address is checked when it is known
		"http://inner/":              true,
		"ftp://example.com/":         false,
		"file:///etc/passwd":         false,
		"gopher://example.com/":      false,
		"//example.com/":             false,
		"http:///x":                  false,
		"javascript:alert(1)":        false,
		"http://[::ffff:127.0.0.1]/": false,
		"http://[fe80::1%25eth0]/":   false,
		"http://8.8.8.8/":            true,
		"http://localhost/":          false,
		"http://a.LocalHost.:80/":    false,
		"http://2130706433/":         false, // 127.0.0.1 to some
		"http://0x7f.1/":             false,
		"http://127.1/":              false,
		"http://0177.0.0.1/":         false,
		"http://127.0.0.1./":         false,
		"http://farm9.example.com/":  true,
		"http://127.0.0.１/":          false, // 127.0.0.1 when it is made ASCII
		"http://①②⑦。⓪。⓪。①/":          false,
		"http://ｌｏｃａｌｈｏｓｔ/":          false,
		"http://9.example.com/":      true,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.CheckURL(u); (err == nil) != ok {
			t.Errorf("%s: got %v, want allowed = %v", raw, err, ok)
		}
	}
	for addr, exempt := range map[string]bool{
		"box.example:81": true, "BOX.example.:81": true, "box.example:80": false, "inner:1": true, "outer:1": false, "nonsense": false,
	} {
		if g.exempt(addr) != exempt {
			t.Errorf("exempt(%q) = %v", addr, !exempt)
		}
	}
}

// TestAllowHostInAnyForm: an address is the same however it is written, on the
// command line and in the stream.
func TestAllowHostInAnyForm(t *testing.T) {
	for _, tt := range []struct {
		allow string
		urls  []string // that it allows
		not   []string
	}{
		{"[0:0:0:0:0:0:0:1]:8080", []string{"http://[::1]:8080/", "http://[0::1]:08080/", "http://[::0001]:8080/"}, []string{"http://[::1]/", "http://[::1]:8081/", "http://[::2]:8080/"}},
		{"[FD00::00AB]:81", []string{"http://[fd00::ab]:81/", "http://[fd00:0::AB]:81/"}, []string{"http://[fd00::ab]/"}},
		{"[::1]:080", []string{"http://[::1]/", "http://[::1]:80/"}, []string{"https://[::1]/"}},
		{"[fd00:0::1]", []string{"http://[fd00::1]:99/", "https://[fd00::1]/"}, []string{"http://[fd00::2]/"}},
		{"fd00:0::1", []string{"http://[fd00::1]:99/"}, nil},
		{"[::ffff:10.0.0.1]:81", []string{"http://10.0.0.1:81/", "http://[::ffff:a00:1]:81/"}, []string{"http://10.0.0.1/"}},
		{"127.0.0.1:0443", []string{"https://127.0.0.1/", "https://[::ffff:127.0.0.1]/"}, []string{"http://127.0.0.1/"}},
		{"LOCALHOST.:080", []string{"http://localhost/", "http://LocalHost.:80/"}, []string{"http://localhost:81/"}},
	} {
		g, err := New([]string{tt.allow})
		if err != nil {
			t.Errorf("%s: %v", tt.allow, err)
			continue
		}
		for i, raw := range append(tt.urls, tt.not...) {
			u, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.CheckURL(u); (err == nil) != (i < len(tt.urls)) {
				t.Errorf("--allow-host %s: %s: got %v", tt.allow, raw, err)
			}
			// The transport dials the host as the address has it.
			addr := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
			if g.exempt(addr) != (i < len(tt.urls)) {
				t.Errorf("--allow-host %s: a connection to %s: exempt = %v", tt.allow, addr, g.exempt(addr))
			}
		}
	}
}

func TestAllowHostIsChecked(t *testing.T) {
	for _, bad := range []string{"", "http://x", "a b", "x/y", ":80", "u@x", "x:", "x:99999", "x:-1", "[::1", "::1]", "[]", "[]:80", "[::1]80", "[::1]:x"} {
		if _, err := New([]string{bad}); err == nil {
			t.Errorf("%q was taken for a host", bad)
		}
	}
}

// TestDialContext: a name that resolves to this machine is refused when the
// connection is made, unless the user named it.
func TestDialContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // nothing was sent
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Resolver: oitest.NameServer(netip.MustParseAddr("127.0.0.1"))}
	name := net.JoinHostPort("photos.example.com", port)
	proxy := &url.URL{Scheme: "http", Host: name}
	for _, tt := range []struct {
		name  string
		hosts []string
		proxy bool
		ok    bool
	}{
		{"not named", nil, false, false},
		{"another", []string{"example.com"}, false, false},
		{"the host", []string{"Photos.Example.com."}, false, true},
		{"the host and port", []string{name}, false, true},
		{"the address only", []string{"127.0.0.1"}, false, false},
		{"a proxy", nil, true, true},
	} {
		g, err := New(tt.hosts)
		if err != nil {
			t.Fatal(err)
		}
		if tt.proxy {
			g.AllowProxy(proxy)
		}
		conn, err := g.DialContext(t.Context(), dialer, "tcp", name)
		if conn != nil {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
		var refused *RefusedError
		if tt.ok && err != nil || !tt.ok && !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want a connection: %v", tt.name, err, tt.ok)
		}
	}
}

func TestProxyAddr(t *testing.T) {
	for raw, want := range map[string]string{
		"http://proxy": "proxy:80", "https://proxy": "proxy:443", "socks5://proxy": "proxy:1080",
		"http://proxy:3128": "proxy:3128", "http://[::1]": "[::1]:80",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := proxyAddr(u); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

// Package hostname writes hosts in one form, by which they are compared: the
// command line, the stream and the transport spell the same host differently.
package hostname

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Canonical returns the canonical form of a host without a port: a name in
// lower case without the dot at its end, an IP address, with or without
// brackets, as package netip writes it.
func Canonical(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().String()
	}
	return host
}

// canonicalPort writes a port without leading zeros, or returns "" if it is
// none.
func canonicalPort(port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Parse reads HOST or HOST:PORT, where an IPv6 address with a port is in
// brackets, and returns it in canonical form.
func Parse(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil { // an address, or a name without a port
		host, port = s, ""
	} else if port = canonicalPort(port); port == "" {
		host = ""
	}
	h := Canonical(host)
	_, err = netip.ParseAddr(h)
	if h == "" || err != nil && strings.ContainsAny(h, "/:@[] ") {
		return "", fmt.Errorf("%q is not HOST or HOST:PORT", s)
	}
	if port == "" {
		return h, nil
	}
	return net.JoinHostPort(h, port), nil
}

// WithPort returns the HOST:PORT that u leads to, in canonical form. A URL
// without a port has the one of its scheme.
func WithPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(Canonical(u.Hostname()), canonicalPort(port))
}

// Split returns the host and the port of HOST:PORT, each in canonical form.
func Split(hostPort string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(hostPort)
	return Canonical(host), canonicalPort(port), err
}

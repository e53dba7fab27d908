package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode"
)

// A guard keeps addresses out of the stream from reaching what only this
// machine or its network can reach: loopback, link-local and private addresses,
// and the services that hand out a cloud machine's credentials. It looks at the
// address that a name resolved to, when the connection is made, so neither a
// name that points inside nor a redirect gets past it. Hosts that the user
// named are exempt. Through a proxy, which the user named as well, only literal
// addresses can be told, and names that stand for one.
type guard struct {
	allowed map[string]bool // "host" or "host:port", each canonical
	proxies sync.Map        // "host:port" of proxies in use
}

func newGuard(sources []Source, hosts []string) (*guard, error) {
	g := &guard{allowed: map[string]bool{}}
	for _, s := range sources {
		named, ok := s.(*server)
		if !ok || named.template == "" {
			continue
		}
		u, err := url.Parse(exampleOf(named.template))
		if err != nil {
			return nil, err
		}
		g.allowed[hostPort(u)] = true
	}
	for _, h := range hosts {
		h, err := parseHost(h)
		if err != nil {
			return nil, err
		}
		g.allowed[h] = true
	}
	return g, nil
}

// canonicalHost writes a host in the one way by which hosts are compared: a
// name in lower case without the dot at its end, an IP address, with or without
// brackets, as package netip writes it.
func canonicalHost(host string) string {
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

// parseHost reads HOST or HOST:PORT, where an IPv6 address with a port is in
// brackets, and returns it in canonical form.
func parseHost(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil { // an address, or a name without a port
		host, port = s, ""
	} else if port = canonicalPort(port); port == "" {
		host = ""
	}
	h := canonicalHost(host)
	_, err = netip.ParseAddr(h)
	if h == "" || err != nil && strings.ContainsAny(h, "/:@[] ") {
		return "", fmt.Errorf("%q is not HOST or HOST:PORT", s)
	}
	if port == "" {
		return h, nil
	}
	return net.JoinHostPort(h, port), nil
}

// hostPort is the host and port that u leads to, in canonical form.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(canonicalHost(u.Hostname()), canonicalPort(port))
}

func (g *guard) exempt(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	host = canonicalHost(host)
	return g.allowed[host] || g.allowed[net.JoinHostPort(host, canonicalPort(port))]
}

// checkURL refuses what can be told without resolving a name.
func (g *guard) checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return faultf(Refused, "scheme %.20q: only http and https", u.Scheme)
	}
	if u.Hostname() == "" {
		return faultf(Refused, "no host name")
	}
	if g.exempt(hostPort(u)) {
		return nil
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return checkAddr(addr)
	}
	return checkName(u.Hostname())
}

// checkName refuses names that mean an address without a look-up: that of this
// machine (RFC 6761), and numbers that are no address as Go writes it but that
// a proxy may take for one, such as 2130706433, 0x7f.1 and 127.1. No public
// name ends in a number (RFC 3696, section 2). Names in other letters are
// refused, as the digits among them become plain ones on the way.
func checkName(host string) error {
	if strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return faultf(Refused, "%.80q is not a name in ASCII", host)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "localhost":
		return faultf(Refused, "%.80q is this machine", host)
	case last == "", last[0] >= '0' && last[0] <= '9':
		return faultf(Refused, "%.80q is neither a name nor a plain address", host)
	}
	return nil
}

// control refuses a connection to a resolved address. It has the type of
// net.Dialer.ControlContext.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return faultf(Refused, "%s is not an IP address", address)
	}
	return checkAddr(ap.Addr())
}

// notPublic lists what netip's own predicates leave out.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network, RFC 791
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier's NAT, RFC 6598; a metadata service lives here too
	netip.MustParsePrefix("168.63.129.16/32"), // a cloud's host agent
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments, RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation, RFC 5737
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, RFC 1112
	netip.MustParsePrefix("2001::/23"),        // protocol assignments with Teredo, RFC 2928
	netip.MustParsePrefix("2001:db8::/32"),    // documentation, RFC 3849
	netip.MustParsePrefix("3fff::/20"),        // documentation, RFC 9637
}

var (
	public6 = netip.MustParsePrefix("2000::/3")     // all that is given out, RFC 4291
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address in the last four bytes, RFC 6052
	sixTo4  = netip.MustParsePrefix("2002::/16")    // one in bytes 2 to 5, RFC 3056
)

// checkAddr refuses an address that is not on the public internet.
func checkAddr(addr netip.Addr) error {
	refuse := func(what string) error { return faultf(Refused, "%s is %s", addr, what) }
	a := addr.Unmap()
	switch {
	case a.Zone() != "":
		return refuse("bound to an interface")
	case a.IsLoopback():
		return refuse("loopback")
	case a.IsPrivate():
		return refuse("private")
	case a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast():
		return refuse("link-local")
	case !a.IsGlobalUnicast():
		return refuse("not a host's address")
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return refuse("not public")
		}
	}
	if a.Is6() {
		b := a.As16()
		switch {
		case nat64.Contains(a):
			return checkAddr(netip.AddrFrom4([4]byte(b[12:16])))
		case sixTo4.Contains(a):
			return checkAddr(netip.AddrFrom4([4]byte(b[2:6])))
		case !public6.Contains(a):
			return refuse("not public")
		}
	}
	return nil
}

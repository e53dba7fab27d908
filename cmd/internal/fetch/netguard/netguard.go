// Package netguard keeps addresses that are not trusted from reaching what only
// this machine or its network can reach: loopback, link-local and private
// addresses, and the services that hand out a cloud machine's credentials.
//
// It looks at the address that a name resolved to, when the connection is made,
// so neither a name that points inside nor a redirect gets past it. Hosts that
// the user named are exempt. Through a proxy, which the user named as well,
// only literal addresses can be refused, and names that stand for one.
package netguard

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"unicode"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostname"
)

// A Guard says which addresses may be asked. Its methods may be called from
// several goroutines.
type Guard struct {
	allowed map[string]bool // HOST or HOST:PORT, each canonical
	proxies sync.Map        // HOST:PORT of proxies in use
}

// A RefusedError says why an address may not be asked.
type RefusedError struct {
	Detail string // names the address
}

func (e *RefusedError) Error() string { return e.Detail }

func refusef(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...)}
}

// New returns a Guard that exempts what the user named: hosts, each HOST or
// HOST:PORT, and the host and port of each of the URLs.
func New(hosts []string, urls ...*url.URL) (*Guard, error) {
	g := &Guard{allowed: map[string]bool{}}
	for _, u := range urls {
		g.allowed[hostname.WithPort(u)] = true
	}
	for _, h := range hosts {
		h, err := hostname.Parse(h)
		if err != nil {
			return nil, err
		}
		g.allowed[h] = true
	}
	return g, nil
}

// AllowProxy lets connections lead to a proxy, which the user has named.
func (g *Guard) AllowProxy(u *url.URL) { g.proxies.Store(proxyAddr(u), true) }

// proxyAddr is the HOST:PORT that a transport dials for a proxy.
func proxyAddr(u *url.URL) string {
	if port := u.Port(); port != "" {
		return net.JoinHostPort(u.Hostname(), port)
	}
	port := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), port)
}

// DialContext connects to addr, a HOST:PORT, as d does. The error is a
// *RefusedError, perhaps wrapped, if the name resolved to an address that may
// not be asked.
func (g *Guard) DialContext(ctx context.Context, d net.Dialer, network, addr string) (net.Conn, error) {
	if _, proxy := g.proxies.Load(addr); !proxy && !g.exempt(addr) {
		d.ControlContext = control
	}
	return d.DialContext(ctx, network, addr)
}

// exempt reports whether a HOST:PORT is allowed whatever it resolves to.
func (g *Guard) exempt(addr string) bool {
	host, port, err := hostname.Split(addr)
	return err == nil && (g.allowed[host] || g.allowed[net.JoinHostPort(host, port)])
}

// CheckURL refuses, with a *RefusedError, what need not be resolved to be
// refused.
func (g *Guard) CheckURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return refusef("scheme %.20q: only http and https", u.Scheme)
	}
	if u.Hostname() == "" {
		return refusef("no host name")
	}
	if g.exempt(hostname.WithPort(u)) {
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
		return refusef("%.80q is not a name in ASCII", host)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "localhost":
		return refusef("%.80q is this machine", host)
	case last == "", last[0] >= '0' && last[0] <= '9':
		return refusef("%.80q is neither a name nor a plain address", host)
	}
	return nil
}

// control refuses a connection to a resolved address. It has the type of
// net.Dialer.ControlContext.
func control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refusef("%s is not an IP address", address)
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
	refuse := func(what string) error { return refusef("%s is %s", addr, what) }
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

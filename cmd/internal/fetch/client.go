package fetch

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	maxHeaderBytes  = 64 << 10
	readBuffer      = 64 << 10
	idleConnTimeout = 60 * time.Second
)

// readBuffers are shared by transfers; a transfer holds one at a time.
type readBuffers struct{ pool sync.Pool }

func (b *readBuffers) get() *[readBuffer]byte {
	if p, ok := b.pool.Get().(*[readBuffer]byte); ok {
		return p
	}
	return new([readBuffer]byte)
}

func (b *readBuffers) put(p *[readBuffer]byte) { b.pool.Put(p) }

// newTransport makes what requests are sent with. Redirects are not its
// business: each is a request of its own, to be guarded and to wait its turn.
func (f *Fetcher) newTransport() *http.Transport {
	t := &http.Transport{
		DialContext:            f.dial,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    max(f.opts.Connections, defaultConns),
		IdleConnTimeout:        idleConnTimeout,
		DisableCompression:     true, // pictures are compressed; what claims to be is a bomb
	}
	if f.opts.EnvProxy {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if u != nil {
				f.guard.proxies.Store(proxyAddr(u), true)
			}
			return u, err
		}
	}
	return t
}

// proxyAddr is the address that the transport dials for a proxy.
func proxyAddr(u *url.URL) string {
	if port := u.Port(); port != "" {
		return net.JoinHostPort(u.Hostname(), port)
	}
	port := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), port)
}

func (f *Fetcher) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if f.opts.Dial != nil {
		return f.opts.Dial(ctx, network, addr)
	}
	d := net.Dialer{Timeout: connectTimeout, Resolver: f.resolver}
	if _, proxy := f.guard.proxies.Load(addr); !proxy && !f.guard.exempt(addr) {
		d.ControlContext = f.guard.control
	}
	return d.DialContext(ctx, network, addr)
}

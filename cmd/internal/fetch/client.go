package fetch

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
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
		MaxIdleConnsPerHost:    max(f.opts.Connections, hostlimit.DefaultConnections),
		IdleConnTimeout:        idleConnTimeout,
		DisableCompression:     true, // pictures are compressed; what claims to be is a bomb
	}
	if f.opts.EnvProxy {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if u != nil {
				f.guard.AllowProxy(u)
			}
			return u, err
		}
	}
	return t
}

func (f *Fetcher) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if f.opts.Dial != nil {
		return f.opts.Dial(ctx, network, addr)
	}
	d := net.Dialer{Timeout: connectTimeout, Resolver: f.resolver}
	return f.guard.DialContext(ctx, d, network, addr)
}

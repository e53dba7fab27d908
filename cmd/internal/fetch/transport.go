package fetch

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
)

const (
	connectTimeout  = 10 * time.Second
	headerTimeout   = 30 * time.Second
	maxHeaderBytes  = 64 << 10
	idleConnTimeout = 60 * time.Second
)

// newTransport makes what requests are sent with. It follows no redirects: each
// is a request of its own, which is guarded and waits for its turn.
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

package fetch

import (
	"context"
	"net"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/fetch/hostlimit"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// Defaults of Options.
const (
	DefaultTimeout  = 60 * time.Second
	DefaultRetries  = 5
	DefaultMaxBytes = 32 << 20
	DefaultMemory   = 32 << 20

	defaultIdleTimeout = 20 * time.Second
)

// Options say where photos come from and within what bounds. The zero value of
// a field is its default, except for Retries.
type Options struct {
	Sources []Source // required; see ParseSources
	// Cache opens the cache. It is called when the cache is first needed,
	// and is required if a source is on the network.
	Cache func() (*cas.Cache, error)
	// CacheFull, unless nil, is called once if photos are handed out and
	// not kept, because the cache has no room for them, and says why.
	CacheFull func(error)
	// Asking, unless nil, is called once if nobody on the network answers
	// for a while, with the address of a photo that is asked for, and
	// Retrying once before a first request that nobody answered is sent
	// again. Both addresses are without anything secret.
	Asking   func(address string)
	Retrying func(address string, err error)
	// Sample renders a photo of the built-in data set; addresses of the
	// scheme sample: go to it.
	Sample func(subset, id string) ([]byte, error)

	Timeout      time.Duration // for one whole transfer, from dialing to the last byte
	IdleTimeout  time.Duration // between two reads of a body
	Retries      int           // further attempts at a transfer after the first
	Rates        hostlimit.Rates
	SharedRates  *hostlimit.Shared // holds several processes to Rates together, nil for this alone
	Connections  int               // to each host at a time
	AllowHosts   []string          // HOST or HOST:PORT that may be at a private address
	IgnoreRobots bool              // take photos though X-Robots-Tag forbids it
	Offline      bool              // answer from folders and the cache only
	Check        Check
	MaxBytes     int64  // of one photo
	MaxPixels    int    // of one photo
	Memory       int64  // bytes of photos held between Fetch and Release
	UserAgent    string // names the tool and its version
	EnvProxy     bool   // use HTTP_PROXY, HTTPS_PROXY and NO_PROXY

	// Clock is the time of pauses and rates, nil for the real one.
	// Deadlines of transfers are by the real one.
	Clock hostlimit.Clock
	// Dial makes connections, nil for the network, by way of the guard.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// withDefaults returns the options with the defaults filled in.
func (o Options) withDefaults() Options {
	setDefault(&o.Timeout, DefaultTimeout)
	setDefault(&o.IdleTimeout, defaultIdleTimeout)
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.MaxPixels, imagefile.DefaultMaxPixels)
	setDefault(&o.Memory, DefaultMemory)
	setDefault(&o.UserAgent, "oi-fetch")
	setDefault(&o.Check, CheckHeader)
	if o.Clock == nil {
		o.Clock = hostlimit.RealClock{}
	}
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

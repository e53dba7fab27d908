package download

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// A connectProxy opens tunnels, all of them to one address, and notes where they
// were asked to lead.
type connectProxy struct {
	*httptest.Server
	to string // host and port

	mu    sync.Mutex
	asked []string // method and address
}

func newConnectProxy(t *testing.T, to string) *connectProxy {
	t.Helper()
	p := &connectProxy{to: to}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		http.Error(w, "tunnels only", http.StatusMethodNotAllowed)
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // the test sees no file
	}
	defer client.Close()
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client) // until either end closes
		server.Close()
	}()
	_, _ = io.Copy(client, server)
	client.Close()
	<-done
}

// seen returns what was asked for since the last time.
func (p *connectProxy) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

// childBase says to TestProxyChild what to download from.
const childBase = "OI_TEST_DOWNLOAD_FROM"

// TestProxyChild downloads a file in a process of its own, which reads the
// variables about proxies and certificates once. Every name leads to this
// machine there.
func TestProxyChild(t *testing.T) {
	base := os.Getenv(childBase)
	if base == "" {
		t.Skip("it is run by TestProxy")
	}
	net.DefaultResolver = oitest.NameServer(netip.MustParseAddr("127.0.0.1"))
	s, _ := newClient(t, base, nil, Options{HTTPSOnly: true, Retries: 1})
	file, err := openWhole(t.Context(), s, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if data, err := io.ReadAll(file); err != nil || string(data) != "the network" {
		t.Fatalf("%q, %v", data, err)
	}
}

// TestProxy: HTTPS_PROXY and NO_PROXY are followed, and so are redirects, unless
// they lead out of HTTPS.
func TestProxy(t *testing.T) {
	server := oitest.NewTLS(t, fstest.MapFS{"net.onnx": {Data: []byte("the network")}})
	address := server.Listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	// The test server's certificate is for example.com.
	host := net.JoinHostPort("example.com", port)
	trusted := filepath.Join(t.TempDir(), "trusted.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(trusted, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := newConnectProxy(t, address)
	plain := oitest.New(t, fstest.MapFS{"net.onnx": {Data: []byte("the network")}})
	plainURL, err := url.Parse(plain.URL)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	tunnel := []string{"CONNECT " + host}
	for _, test := range []struct {
		name    string
		env     []string
		fault   oitest.Fault
		tunnels []string // without repetitions
		fails   string   // "": it does not
	}{
		{name: "HTTPS_PROXY", env: []string{"HTTPS_PROXY=" + proxy.URL}, tunnels: tunnel},
		{name: "https_proxy", env: []string{"https_proxy=" + proxy.URL}, tunnels: tunnel},
		{name: "a proxy for HTTP", env: []string{"HTTP_PROXY=" + proxy.URL}},
		{name: "NO_PROXY", env: []string{"HTTPS_PROXY=" + proxy.URL, "NO_PROXY=example.com"}},
		{name: "NO_PROXY of others", env: []string{"HTTPS_PROXY=" + proxy.URL, "NO_PROXY=example.org"}, tunnels: tunnel},
		{name: "no such proxy", env: []string{"HTTPS_PROXY=" + nobody}, fails: "proxyconnect tcp"},
		{name: "redirected", env: []string{"HTTPS_PROXY=" + proxy.URL}, fault: oitest.Redirect("https://" + host + "/net.onnx"), tunnels: tunnel},
		{
			name: "redirected to http", env: []string{"HTTPS_PROXY=" + proxy.URL, "HTTP_PROXY=" + proxy.URL},
			fault:   oitest.Redirect("http://" + net.JoinHostPort("example.com", plainURL.Port()) + "/net.onnx"),
			tunnels: tunnel, fails: "which is not https",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.fault != nil {
				server.Fault("net.onnx", test.fault)
			}
			before := server.Total()
			child := exec.Command(os.Args[0], "-test.run=^TestProxyChild$")
			child.Env = append([]string{childBase + "=https://" + host, "SSL_CERT_FILE=" + trusted, "TMPDIR=" + t.TempDir()}, test.env...)
			out, err := child.CombinedOutput()
			if (err != nil) != (test.fails != "") || !strings.Contains(string(out), test.fails) {
				t.Errorf("%v: %s", err, out)
			}
			if asked := slices.Compact(proxy.seen()); !slices.Equal(asked, test.tunnels) {
				t.Errorf("the proxy was asked for %q, want %q", asked, test.tunnels)
			}
			if test.fails == "" && server.Total() == before || plain.Total() > 0 {
				t.Errorf("the server was asked %d times, that without TLS %d times", server.Total()-before, plain.Total())
			}
		})
	}
}

package cmdtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/zoo"
	"github.com/opensandwich/oi/cmd/internal/zoo/named"
)

// A Zoo is a server on loopback, with HTTPS, that has the file of one network.
type Zoo struct {
	*oitest.Server
	Path   string // of the file at the server
	Models named.Models
}

// NewZoo serves a network, whose name is given and whose file is NAME-1.onnx. It
// takes bytes as colours from 0 to 1.
func NewZoo(t testing.TB, name string, file []byte) *Zoo {
	t.Helper()
	path := "models/" + name + "-1.onnx"
	sum := sha256.Sum256(file)
	z := &Zoo{Server: oitest.NewTLS(t, fstest.MapFS{path: {Data: file}}), Path: path}
	z.Models = named.Models{
		Table: zoo.Table{{
			Name: name, Base: z.URL, Path: path, Size: int64(len(file)), SHA256: hex.EncodeToString(sum[:]),
			Normalize: "0..1", Licence: "MIT; trained on nothing", Source: "a test",
		}},
		Download: func(o *download.Options) {
			o.Transport = z.Client().Transport
			o.Retries, o.Sleep = 1, func(context.Context, time.Duration) error { return nil }
		},
	}
	return z
}

package oitest

import (
	"crypto/md5" // what the server sends
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
)

// A Mirror serves one file, with the headers of the official server.
type Mirror struct {
	*Server
	path string

	mu     sync.Mutex
	tree   fstest.MapFS
	header []string
	ranges []string // asked for
}

// Open makes it the tree of its server, which may ask while a test writes.
func (m *Mirror) Open(name string) (fs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tree.Open(name)
}

// Asked returns the ranges that were asked for.
func (m *Mirror) Asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.ranges)
}

// NewMirror serves a file at a path, with the tag "1".
func NewMirror(t testing.TB, path string, data []byte) *Mirror {
	t.Helper()
	m := &Mirror{path: path, tree: fstest.MapFS{}}
	m.Replace(data, `"1"`)
	m.Server = New(t, m)
	return m
}

// Replace replaces the file. With an empty tag nothing is said of it.
func (m *Mirror) Replace(data []byte, tag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tree[m.path] = &fstest.MapFile{Data: data}
	m.header = nil
	if tag != "" {
		sum := md5.Sum(data) // as above
		crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
		m.header = []string{"ETag", tag, "X-Goog-Hash", "crc32c=" + base64.StdEncoding.EncodeToString(crc),
			"X-Goog-Hash", "md5=" + base64.StdEncoding.EncodeToString(sum[:])}
	}
}

// SetHeader replaces what is said of the file.
func (m *Mirror) SetHeader(header ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.header = header
}

// Answer queues faults for requests to come; nil is none.
func (m *Mirror) Answer(faults ...Fault) {
	for _, fault := range faults {
		m.Fault(m.path, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			m.mu.Lock()
			m.ranges = append(m.ranges, r.Header.Get("Range"))
			header := m.header
			m.mu.Unlock()
			withHeader := func(w http.ResponseWriter, r *http.Request) { Header(header...)(w, r, serve) }
			if fault == nil {
				withHeader(w, r)
			} else {
				fault(w, r, withHeader)
			}
		})
	}
}

// RandomBytes returns n bytes that follow from the seed.
func RandomBytes(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

// Files lists the base names of all files below a folder.
func Files(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

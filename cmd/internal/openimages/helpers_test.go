package openimages

import (
	"io"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// mirror returns the folder of real rows, or skips.
func mirror(t testing.TB) DirSource {
	t.Helper()
	return DirSource(oitest.RealData(t, "openimages/mirror"))
}

func readFile(t testing.TB, src Source, path string) []byte {
	t.Helper()
	r, err := src.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func anything([]byte) bool { return true }

package main

import (
	"bytes"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

// The header says how many items are expected only where that is the same
// whether the lists are downloaded, read again, or looked up in their index.
func TestExpected(t *testing.T) {
	server, _, _ := sampleServer(t)
	for _, tc := range []struct {
		args  []string
		known bool
	}{
		{[]string{"--limit", "20", "--negatives", "5"}, true},
		{[]string{"--max-per-class", "7"}, true},
		{[]string{"--balance", "--min-side", "0.2"}, true},
		{[]string{"--limit", "20", "--strict-authors"}, true},
		{[]string{"--strict-authors"}, true},
		{[]string{"--strict-authors", "--min-side", "0.2"}, true},
		{[]string{"--strict-authors", "--negatives", "5"}, false},
		{[]string{"--strict-authors", "--shard", "1/2"}, false},
		{[]string{"--limit", "20", "--shard", "1/2"}, false},
		{[]string{"--negatives", "5"}, false},
		{nil, false},
	} {
		cache := t.TempDir()
		var first []byte
		for _, run := range []string{"cold", "cached", "indexed"} {
			args := append([]string{"-q", "--metadata", server.URL, "--cache", cache, "--subset", "train,validation", "Hamburger", "Sandwich"}, tc.args...)
			code, out, stderr := execute(t.Context(), "", args...)
			if code != 0 {
				t.Fatalf("%v, %s: exit %d: %s", tc.args, run, code, stderr)
			}
			header, items, _ := cmdtest.Decode(t, out)
			want := int64(0)
			if tc.known {
				want = int64(len(items))
			}
			if len(items) == 0 || header.Expected != want {
				t.Errorf("%v, %s: %d expected of %d items, want %d", tc.args, run, header.Expected, len(items), want)
			}
			if first == nil {
				first = out
			}
			if !bytes.Equal(out, first) {
				t.Errorf("%v, %s: other bytes than before", tc.args, run)
			}
		}
	}
}

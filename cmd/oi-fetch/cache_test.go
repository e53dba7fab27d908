package main

import (
	"strings"
	"testing"
)

// TestVerifyCacheRefuses: what it would not do is not asked of it.
func TestVerifyCacheRefuses(t *testing.T) {
	for _, args := range [][]string{{"--check", "full"}, {"items.oi"}} {
		if _, words := oiFetch(t, nil, 2, append([]string{"--verify-cache", "--cache", t.TempDir()}, args...)...); !strings.Contains(words, "--verify-cache") {
			t.Errorf("%v: %s", args, words)
		}
	}
}

package main

import (
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// TestIDsBehindAnotherColumn has a table that begins with its rows' numbers, as
// pandas writes it: each would pass for an id, of no photo.
func TestIDsBehindAnotherColumn(t *testing.T) {
	for _, list := range []string{
		",ImageID,Reason\r\n0,001b3933d63541b0,dark\r\n",
		"n,\"ImageID\"\n7,001b3933d63541b0\n",
	} {
		_, err := readIDs(&cli.Env{Stdin: strings.NewReader(list)}, "-")
		if err == nil || !strings.Contains(err.Error(), "-:1: ") || !strings.Contains(err.Error(), "first column") {
			t.Errorf("%q: got %v", list, err)
		}
	}
	if _, err := readIDs(&cli.Env{Stdin: strings.NewReader("\"ImageID\",ImageID\n001b3933d63541b0,x\n")}, "-"); err != nil {
		t.Error(err)
	}
}

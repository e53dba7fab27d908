package main

import (
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

// writeMeans writes the model of [cmdtest.MeansModel].
func writeMeans(t *testing.T, side int) string {
	t.Helper()
	return cmdtest.MeansModel(t, side)
}

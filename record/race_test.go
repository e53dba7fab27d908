//go:build race

package record_test

// The race detector allocates too, so sizes are not compared under it.
const raceEnabled = true

package openimages

import (
	"strings"
	"testing"
)

func TestRestoreID(t *testing.T) {
	for id, want := range map[string]string{
		"000CD56BB02E4EDB":          "000cd56bb02e4edb",
		"cd56bb02e4edb":             "000cd56bb02e4edb",
		"CD56BB02E4EDB":             "000cd56bb02e4edb",
		"123456789":                 "0000000123456789",
		"0":                         "0000000000000000",
		"cd56bb02e4edb-0A1b2c3d":    "000cd56bb02e4edb-0a1b2c3d",
		"000cd56bb02e4edb-0A1B2C3D": "000cd56bb02e4edb-0a1b2c3d",
		"000cd56bb02e4edb":          "",
		"000cd56bb02e4edb-0a1b2c3d": "",
		"0000cd56bb02e4edb":         "", // too long
		"photo-7":                   "",
		"cd56bb02e4edb-0a1b2c3":     "",
		"cd56bb02e4edb-0a1b2c3g":    "",
		"-0a1b2c3d":                 "",
		"":                          "",
	} {
		if got, ok := RestoreID(id); got != want && ok || ok != (want != "") {
			t.Errorf("%q: got %q %v, want %q", id, got, ok, want)
		}
	}
}

func TestFloatID(t *testing.T) {
	for id, want := range map[string]bool{
		"1.23E+15": true, "1.23457e+15": true, "1,23E+15": true, "123456789012345.0": true, "1E+15": true, "123.": true,
		"123456e789012345": false, "123": false, "1e15": false, "000cd56bb02e4edb": false, "a.b": false, "": false, "1.2.3": false,
	} {
		if got := FloatID(id); got != want {
			t.Errorf("%q: got %v", id, got)
		}
	}
}

// TestSpoiltImageIDs reads lists that a spreadsheet has saved: what it made of
// the ids is said with the row.
func TestSpoiltImageIDs(t *testing.T) {
	_, bad, err := scanText(t, header13+"\n1.23457E+15,x,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0\n")
	if err != nil || len(bad) != 1 || !strings.HasPrefix(bad[0], "b.csv:2: ImageID: ") || !strings.HasSuffix(bad[0], FloatIDHint) {
		t.Errorf("got %q %v", bad, err)
	}
}

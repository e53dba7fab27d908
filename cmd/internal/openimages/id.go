package openimages

import (
	"regexp"
	"strings"

	"github.com/opensandwich/oi/record"
)

// officialID is the length of the official image ids, which are hex digits in
// lower case.
const officialID = 16

// RestoreID returns the official form of an image id, or of an item's key, that
// has been through a program which writes hex digits as capitals, or takes them
// for a number and drops the zeros in front. ok is false where there is nothing
// to restore.
func RestoreID(id string) (restored string, ok bool) {
	image, box := id, ""
	if cut := len(id) - 9; cut > 0 && id[cut] == '-' {
		image, box = id[:cut], id[cut:]
	}
	hex := func(text string) bool { return strings.Trim(text, "0123456789abcdefABCDEF") == "" }
	if image == "" || len(image) > officialID || !hex(image) || box != "" && !hex(box[1:]) {
		return "", false
	}
	restored = strings.ToLower(strings.Repeat("0", officialID-len(image)) + image + box)
	return restored, restored != id
}

// FloatID reports whether what cannot be an id was one before a spreadsheet
// took its digits for a number, and wrote that with a point or an exponent.
func FloatID(text string) bool { return !record.ValidID(text) && floatForm.MatchString(text) }

var floatForm = regexp.MustCompile(`^[0-9]+[.,]?[0-9]*([eE][+-]?[0-9]+)?$`)

// FloatIDHint is what to do about it.
const FloatIDHint = "a spreadsheet has taken the id for a number and lost its digits; import that column as text"

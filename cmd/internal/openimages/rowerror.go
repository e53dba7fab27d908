package openimages

import "github.com/opensandwich/oi/cmd/internal/csvscan"

// A RowError is a row that cannot be used. The scan continues after it.
type RowError = csvscan.RowError

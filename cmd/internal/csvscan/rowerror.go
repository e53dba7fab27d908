package csvscan

import "fmt"

// A RowError is a row that cannot be used. The scan goes on after it.
type RowError struct {
	File string // relative path of the file
	Line int64  // where the row begins, from 1
	Err  error  // what was expected
}

func (e *RowError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }
func (e *RowError) Unwrap() error { return e.Err }

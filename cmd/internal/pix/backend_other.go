//go:build !amd64 || noasm

package pix

// addRow adds weight times each value of row to sums, which are as many.
func addRow(sums []int32, row []byte, weight int32) { addRowGo(sums, row, weight) }

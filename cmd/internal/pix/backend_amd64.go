//go:build amd64 && !noasm

package pix

import "golang.org/x/sys/cpu"

//go:generate go run -C ../tools/avo ./pix -out ../../pix/kernels_amd64.s -stubs ../../pix/kernels_amd64.go -pkg pix

// addRow adds weight times each value of row to sums, which are as many.
func addRow(sums []int32, row []byte, weight int32) {
	n := 0
	if cpu.X86.HasAVX2 {
		if n = min(len(sums), len(row)) &^ 15; n > 0 {
			addRowAVX2(sums, row, weight, n)
		}
	}
	addRowGo(sums[n:], row[n:], weight)
}

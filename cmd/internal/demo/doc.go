// Package demo writes one page, with a model inside, that says in a browser
// what a photo shows, without any server: it also works from a disk, and it may
// not open a connection.
//
// # The program in the page
//
// The folder built has package predictor compiled to WebAssembly, the file of
// Go that runs it, Go's licence, and the toolchain that all three come from.
// "go generate" makes them anew, and a test compares, but only under the
// toolchain that built/toolchain.txt names: to change it, edit that file first.
//
// # The model in the page
//
// Both the program and the model are compressed, and written as text of 7 bits
// a character: see [armour]. The bytes of a model are sorted first, see
// [planes]. So a page is hardly larger than its model.
package demo

//go:generate go test . -run ^TestPredictorIsBuilt$ -update

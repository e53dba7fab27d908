// Package pipetest tests what no package can test alone: the seven binaries
// in real pipes, the README's commands, the generated documentation and the
// rules of who may import what.
package pipetest

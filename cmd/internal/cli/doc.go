// Package cli is the process around a command: arguments, signals, exit
// codes, help, man pages and shell completions. Nothing outside it touches
// the process's own standard streams, arguments or exit status.
package cli

// Package report tells what a model is worth and where it came from: as data
// (JSON), as one self-contained page (HTML with its own drawings, nothing
// loaded from elsewhere), and as text for a terminal.
package report

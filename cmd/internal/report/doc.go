// Package report says how good a model is and where it came from: as data
// (JSON), as one self-contained page (HTML with SVG charts of its own, nothing
// loaded from elsewhere), as Markdown, and as text for a terminal.
package report

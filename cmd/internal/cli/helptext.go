package cli

import (
	"fmt"
	"strings"
)

// A helpText is the help of a command, taken apart.
type helpText struct {
	summary  string // "cut boxes out of photos"
	usage    string // the arguments after the flags: "[FILE...]"
	examples []example
	// description is paragraphs with blank lines between them.
	description string
}

// An example is a command line with what it is for.
type example struct{ why, line string }

// parseHelp takes apart the text of a help.txt:
//
//	NAME: SUMMARY
//
//	Usage:
//	  NAME [flags] ARGUMENTS
//
//	Examples:
//	  # WHY
//	  LINE
//
//	PARAGRAPH
//
// {{part}} stands for one of parts, which several commands share.
func parseHelp(name, text string, parts map[string]string) (helpText, error) {
	for part, value := range parts {
		text = strings.ReplaceAll(text, "{{"+part+"}}", value)
	}
	if _, rest, ok := strings.Cut(text, "{{"); ok {
		return helpText{}, fmt.Errorf("help text: no part {{%.20s", rest)
	}
	blocks := strings.SplitN(strings.TrimSpace(text), "\n\n", 4)
	if len(blocks) < 4 {
		return helpText{}, fmt.Errorf("help text: %d blocks, want summary, usage, examples and description", len(blocks))
	}
	h := helpText{description: blocks[3]}
	for _, block := range []struct {
		text, prefix string
		to           *string
	}{{blocks[0], name + ": ", &h.summary}, {blocks[1], "Usage:\n  " + name + " [flags]", &h.usage}} {
		rest, ok := strings.CutPrefix(block.text, block.prefix)
		if !ok {
			return helpText{}, fmt.Errorf("help text: %q, want it to begin with %q", block.text, block.prefix)
		}
		*block.to = strings.TrimSpace(rest)
	}
	lines, ok := strings.CutPrefix(blocks[2], "Examples:\n")
	if !ok {
		return helpText{}, fmt.Errorf("help text: %q, want the examples", blocks[2])
	}
	var why string
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			why = comment
			continue
		}
		h.examples = append(h.examples, example{why, line})
		why = ""
	}
	return h, nil
}

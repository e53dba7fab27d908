package cli

import (
	"strings"
	"unicode/utf8"
)

// The width of text for people, in columns.
const (
	defaultWidth = 80 // where it goes to no terminal
	minWidth     = 60
	maxWidth     = 96
)

// textWidth returns the width of text for a terminal of so many columns, 0
// being no terminal.
func textWidth(columns int) int {
	if columns <= 0 {
		return defaultWidth
	}
	return min(max(columns, minWidth), maxWidth)
}

// wrap breaks the lines of paragraphs anew. One whose lines are indented
// keeps them.
func wrap(text string, width int) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		if strings.HasPrefix(paragraph, "  ") {
			b.WriteString(paragraph)
			b.WriteByte('\n')
			continue
		}
		for _, line := range fill(strings.Fields(paragraph), width) {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// fill puts as many words on each line as fit.
func fill(words []string, width int) []string {
	var lines []string
	var line strings.Builder
	column := 0
	for _, word := range words {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > width:
			lines = append(lines, line.String())
			line.Reset()
			column = 0
		default:
			line.WriteByte(' ')
			column++
		}
		line.WriteString(word)
		column += n
	}
	return append(lines, line.String())
}

// wrapShell breaks a shell command into lines that a shell reads as the same
// command: after a | where one is near the end of the line, else at a space
// outside quotes with a backslash. Lines after the first are indented by four
// spaces.
func wrapShell(command string, width int) []string {
	const indent = "    "
	words := shellWords(command)
	var lines []string
	first := 0 // word of the line
	prefix := ""
	for first < len(words) {
		column, last, pipe := len(prefix), first, -1 // words up to last fit, and end with a | at pipe
		for i := first; i < len(words); i++ {
			column += utf8.RuneCountInString(words[i])
			room := width
			if i < len(words)-1 && words[i] != "|" {
				room -= len(` \`)
			}
			if i > first && column > room {
				break
			}
			if column <= room {
				last = i
				if words[i] == "|" {
					pipe = i
				}
			}
			column++
		}
		end := ``
		switch {
		case last == len(words)-1:
		case pipe > first:
			last = pipe
		case words[last] != "|":
			end = ` \`
		}
		lines = append(lines, prefix+strings.Join(words[first:last+1], " ")+end)
		first = last + 1
		prefix = indent
	}
	return lines
}

// shellWords splits a command at the spaces outside quotes. A redirection and
// its file are one word.
func shellWords(command string) []string {
	var words []string
	quote, start := rune(0), 0
	for i, r := range command {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		case r == ' ' && quote == 0 && command[start:i] != ">" && command[start:i] != "<":
			words = append(words, command[start:i])
			start = i + 1
		}
	}
	return append(words, command[start:])
}

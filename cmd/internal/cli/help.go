package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

type helpLength int

const (
	shortHelp helpLength = iota
	longHelp
)

// exitStatus is the same promise for every command.
const exitStatus = `0  done; also when the reader of standard output left early
1  failed
2  called wrongly
130, 143  interrupted`

func (c *Command) writeHelp(w io.Writer, flags *FlagSet, length helpLength) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n\nUsage:\n  %s\n", c.Name, c.Summary, c.synopsis())
	if c.Examples != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s", indent(c.Examples, "  "))
	}
	if length == longHelp && c.Description != "" {
		fmt.Fprintf(&b, "\n%s", wrap(c.Description, width))
	}
	fmt.Fprintf(&b, "\nFlags:\n")
	flagTable(&b, flags)
	if length == longHelp {
		fmt.Fprintf(&b, "\nExit status:\n%s", indent(exitStatus, "  "))
	} else {
		fmt.Fprintf(&b, "\n%s --help says more\n", c.Name)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (c *Command) synopsis() string {
	return strings.TrimSpace(c.Name + " [flags] " + c.Usage)
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(by)
		}
		b.WriteString(strings.TrimRight(line, "\n"))
		b.WriteByte('\n')
	}
	return b.String()
}

// flagTable writes the flags in two columns.
func flagTable(b *bytes.Buffer, flags *FlagSet) {
	const left = 30 // the first column, spaces included
	visible(flags, func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		word := "  " + spelling(f, name)
		if f.Shorthand == "" {
			word = "    " + word // below the -x of the others
		}
		if len(word) >= left {
			fmt.Fprintf(b, "%s\n", word)
			word = ""
		}
		for line := range strings.Lines(wrap(withDefault(f, usage), width-left)) {
			fmt.Fprintf(b, "%-*s%s", left, word, line)
			word = ""
		}
	})
}

// width is where text for people is broken.
const width = 96

// wrap breaks the lines of paragraphs anew.
func wrap(text string, width int) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		column := 0
		for word := range strings.FieldsSeq(paragraph) {
			n := utf8.RuneCountInString(word)
			switch {
			case column == 0:
			case column+1+n > width:
				b.WriteByte('\n')
				column = 0
			default:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += n
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// visible calls f for the flags that help shows, in order.
func visible(flags *FlagSet, f func(*pflag.Flag)) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			f(flag)
		}
	})
}

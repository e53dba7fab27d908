package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

type helpLength int

const (
	shortHelp helpLength = iota
	longHelp
)

// exitStatus is the same promise for every command.
const exitStatus = `0  done; also when the reader of the output left early
1  failed
2  called wrongly
130, 143  interrupted`

// writeHelp writes the help for a width in columns.
func (c *Command) writeHelp(w io.Writer, flags *FlagSet, length helpLength, width int) error {
	text, err := c.help()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(wrap(c.Name+": "+text.summary, width))
	fmt.Fprintf(&b, "\nUsage:\n  %s\n", c.synopsis(text))
	fmt.Fprintf(&b, "\nExamples:\n%s", exampleLines(text.examples, "  ", width))
	if length == longHelp {
		fmt.Fprintf(&b, "\n%s", wrap(text.description, width))
	}
	fmt.Fprintf(&b, "\nFlags:\n")
	flagTable(&b, flags, width)
	if length == longHelp {
		fmt.Fprintf(&b, "\nExit status:\n%s", indent(exitStatus, "  "))
	} else {
		fmt.Fprintf(&b, "\n%s --help says more\n", c.Name)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// help takes the help text apart.
func (c *Command) help() (helpText, error) { return parseHelp(c.Name, c.Help, c.HelpParts) }

func (c *Command) synopsis(text helpText) string {
	return strings.TrimSpace(c.Name + " [flags] " + text.usage)
}

// exampleLines writes examples, each line with an indent.
func exampleLines(examples []example, by string, width int) string {
	var b strings.Builder
	width -= len(by)
	for _, e := range examples {
		if e.why != "" {
			for _, line := range fill(strings.Fields(e.why), width-len("# ")) {
				b.WriteString(by + "# " + line + "\n")
			}
		}
		for _, line := range wrapShell(e.line, width) {
			b.WriteString(by + line + "\n")
		}
	}
	return b.String()
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
func flagTable(b *bytes.Buffer, flags *FlagSet, width int) {
	left := min(30, width*2/5) // the first column, spaces included
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

// visible calls f for the flags that help shows, in order.
func visible(flags *FlagSet, f func(*pflag.Flag)) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			f(flag)
		}
	})
}

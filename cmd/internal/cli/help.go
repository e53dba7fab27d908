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
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.Description))
	}
	fmt.Fprintf(&b, "\nFlags:\n%s", flags.FlagUsagesWrapped(100))
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

// visible calls f for the flags that help shows, in order.
func visible(flags *FlagSet, f func(*pflag.Flag)) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			f(flag)
		}
	})
}

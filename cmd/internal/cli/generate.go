package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// generate prints what is made from the flag table: a man page, the
// completions of a shell, or the command's doc.go.
func (c *Command) generate(w io.Writer, flags *FlagSet, kind string) error {
	text, err := c.help()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	switch kind {
	case "man":
		c.man(&b, text, flags, version())
	case "bash":
		c.bash(&b, text, flags)
	case "zsh":
		c.zsh(&b, text, flags)
	case "fish":
		c.fish(&b, text, flags)
	case "doc":
		c.doc(&b, text, flags)
	default:
		return Usagef("--generate %s: want man, bash, zsh, fish or doc", kind)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func (c *Command) man(b *bytes.Buffer, text helpText, flags *FlagSet, version string) {
	fmt.Fprintf(b, ".TH %s 1 \"\" \"oi %s\" \"oi\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(c.Name), version, roff(c.Name), roff(text.summary))
	fmt.Fprintf(b, ".SH SYNOPSIS\n.B %s\n", roff(c.synopsis(text)))
	fmt.Fprint(b, ".SH DESCRIPTION\n")
	fmt.Fprintln(b, strings.ReplaceAll(roff(text.description), "\n\n", "\n.PP\n"))
	fmt.Fprint(b, ".SH OPTIONS\n")
	visible(flags, func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(spelling(f, name)), roff(withDefault(f, usage)))
	})
	fmt.Fprintf(b, ".SH EXIT STATUS\n.nf\n%s\n.fi\n", roff(exitStatus))
	fmt.Fprint(b, ".SH ENVIRONMENT\n")
	visible(flags, func(f *pflag.Flag) {
		for _, name := range f.Annotations[variable] {
			fmt.Fprintf(b, ".TP\n.B %s\nstands for %s where that is not given.\n", name, roff("--"+f.Name))
		}
	})
	fmt.Fprintf(b, ".TP\n.B HTTPS_PROXY, HTTP_PROXY, NO_PROXY\nname a proxy for what asks the network.\n.TP\n.B XDG_CACHE_HOME\nis the folder that the cache oi is in, %s where it is not set.\n", roff("~/.cache"))
	fmt.Fprintf(b, ".SH FILES\n.TP\n.I %s\nkeeps what has been downloaded, and indexes of it.\n", roff("~/.cache/oi"))
	fmt.Fprintf(b, ".SH EXAMPLES\n.nf\n%s.fi\n", roff(exampleLines(text.examples, "", manWidth)))
	var others []string
	for _, name := range []string{"oi-labels", "oi-boxes", "oi-fetch", "oi-crop", "oi-augment", "oi-train", "oi-eval"} {
		if name != c.Name {
			others = append(others, ".BR "+roff(name)+" (1)")
		}
	}
	fmt.Fprintf(b, ".SH SEE ALSO\n%s\n", strings.Join(others, ",\n"))
}

const (
	manWidth   = 72 // of examples, which man indents and does not break
	tabColumns = 8  // a tab is at most that wide
)

// roff escapes what troff would take for a command.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

func spelling(f *pflag.Flag, value string) string {
	s := "--" + f.Name
	if f.Shorthand != "" {
		s = "-" + f.Shorthand + ", " + s
	}
	switch {
	case f.Value.Type() == "bool":
	case f.NoOptDefVal != "":
		s += "[=" + value + "]"
	default:
		s += " " + value
	}
	return s
}

func withDefault(f *pflag.Flag, usage string) string {
	switch f.DefValue {
	case "", "false", "0", "[]", "0s":
		return usage
	}
	return fmt.Sprintf("%s (default %s)", usage, strings.Trim(f.DefValue, "[]"))
}

// doc prints the command's doc.go, so that package documentation, help and
// man page cannot disagree.
func (c *Command) doc(b *bytes.Buffer, help helpText, flags *FlagSet) {
	const width = defaultWidth - len("// ")
	var text bytes.Buffer
	text.WriteString(wrap(c.Name+": "+help.summary+".", width))
	fmt.Fprintf(&text, "\nUsage:\n\n\t%s\n\n", c.synopsis(help))
	fmt.Fprintf(&text, "Examples:\n\n%s\n", exampleLines(help.examples, "\t", width-tabColumns))
	fmt.Fprintf(&text, "%s\nFlags:\n\n", wrap(help.description, width))
	visible(flags, func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&text, "\t%s\n%s", spelling(f, name), indent(wrap(withDefault(f, usage), width-2*tabColumns), "\t\t"))
	})
	fmt.Fprintf(&text, "\nExit status:\n\n%s", indent(exitStatus, "\t"))

	fmt.Fprintf(b, "// Code generated from the flag table; DO NOT EDIT.\n\n")
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(b, strings.TrimRight(comment(strings.TrimRight(line, "\n")), " "))
	}
	fmt.Fprint(b, "package main\n")
}

// comment puts a line into the form gofmt gives it: code follows // directly
// with its tab, which in a help text is two blanks.
func comment(line string) string {
	if code, ok := strings.CutPrefix(line, "  "); ok {
		line = "\t" + code
	}
	if strings.HasPrefix(line, "\t") {
		return "//" + line
	}
	return "// " + line
}

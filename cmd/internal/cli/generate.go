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
		c.man(&b, text, flags)
	case "bash":
		c.bash(&b, flags)
	case "zsh":
		c.zsh(&b, flags)
	case "fish":
		c.fish(&b, flags)
	case "doc":
		c.doc(&b, text, flags)
	default:
		return Usagef("--generate %s: want man, bash, zsh, fish or doc", kind)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func (c *Command) man(b *bytes.Buffer, text helpText, flags *FlagSet) {
	fmt.Fprintf(b, ".TH %s 1\n.SH NAME\n%s \\- %s\n", strings.ToUpper(c.Name), roff(c.Name), roff(text.summary))
	fmt.Fprintf(b, ".SH SYNOPSIS\n.B %s\n", roff(c.synopsis(text)))
	fmt.Fprint(b, ".SH DESCRIPTION\n")
	for paragraph := range strings.SplitSeq(text.description, "\n\n") {
		fmt.Fprintf(b, ".PP\n%s\n", roff(paragraph))
	}
	fmt.Fprint(b, ".SH OPTIONS\n")
	visible(flags, func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(spelling(f, name)), roff(withDefault(f, usage)))
	})
	fmt.Fprintf(b, ".SH EXIT STATUS\n.nf\n%s\n.fi\n", roff(exitStatus))
	fmt.Fprintf(b, ".SH EXAMPLES\n.nf\n%s.fi\n", roff(exampleLines(text.examples, "", manWidth)))
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

func (c *Command) bash(b *bytes.Buffer, flags *FlagSet) {
	var words []string
	visible(flags, func(f *pflag.Flag) {
		words = append(words, "--"+f.Name)
		if f.Shorthand != "" {
			words = append(words, "-"+f.Shorthand)
		}
	})
	function := "_" + strings.ReplaceAll(c.Name, "-", "_")
	// What is no flag is a file name, which the shell completes better.
	fmt.Fprintf(b, `%[1]s() {
  COMPREPLY=()
  local word=${COMP_WORDS[COMP_CWORD]}
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W '%[2]s' -- "$word"))
  fi
}
complete -o default -F %[1]s %[3]s
`, function, strings.Join(words, " "), c.Name)
}

func (c *Command) zsh(b *bytes.Buffer, flags *FlagSet) {
	fmt.Fprintf(b, "#compdef %s\n_arguments -s \\\n", c.Name)
	visible(flags, func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		usage = strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(usage)
		tail := "[" + usage + "]"
		switch {
		case f.Value.Type() == "bool":
		case f.NoOptDefVal != "":
			tail = "=-" + tail + "::" + name + ":_files"
		default:
			tail = "=" + tail + ":" + name + ":_files"
		}
		fmt.Fprintf(b, "  '--%s%s' \\\n", f.Name, tail)
		if f.Shorthand != "" {
			fmt.Fprintf(b, "  '-%s%s' \\\n", f.Shorthand, strings.TrimPrefix(strings.TrimPrefix(tail, "=-"), "="))
		}
	})
	fmt.Fprint(b, "  '*:file:_files'\n")
}

func (c *Command) fish(b *bytes.Buffer, flags *FlagSet) {
	visible(flags, func(f *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, "complete -c %s -l %s", c.Name, f.Name)
		if f.Shorthand != "" {
			fmt.Fprintf(b, " -s %s", f.Shorthand)
		}
		if f.Value.Type() != "bool" && f.NoOptDefVal == "" {
			fmt.Fprint(b, " -r")
		}
		fmt.Fprintf(b, " -d '%s'\n", strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(usage))
	})
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
// with its tab.
func comment(line string) string {
	if strings.HasPrefix(line, "\t") {
		return "//" + line
	}
	return "// " + line
}

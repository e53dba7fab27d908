package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// A completion is what a shell may offer for a value.
type completion struct {
	values  []string
	folders bool
	files   bool
	classes bool
}

// valueOf tells from a flag's placeholder what its value is: one of several
// words, as in yes|no, a FILE, a DIR or a CLASS.
func valueOf(f *pflag.Flag) completion {
	name, _ := pflag.UnquoteUsage(f)
	return completionOf(name)
}

func completionOf(name string) completion {
	c := completion{}
	switch {
	case name == "FILE" || name == "NAME" || name == "MODEL":
		c.files = true
	case name == "CLASS" || name == "QUERY":
		c.classes = true
	case name == "DIR" || strings.HasSuffix(name, "|DIR"):
		c.folders = true
	case name == "framed", strings.Contains(name, "|") && strings.ToLower(name) == name:
		c.values = strings.Split(name, "|")
	}
	return c
}

// argument tells what the command's own arguments are: after the first one of
// oi-eval they are files.
func (c *Command) argument(text helpText) completion {
	first, _, _ := strings.Cut(strings.Trim(text.usage, "[]"), " ")
	found := completionOf(strings.TrimRight(first, ".]"))
	found.files = !found.classes
	return found
}

// classList prints the names of the classes as far as the cache has them: a
// completion asks no network.
const classList = "oi-labels --offline 2>/dev/null | cut -f2"

func (c *Command) bash(b *bytes.Buffer, text helpText, flags *FlagSet) {
	function := "_" + strings.ReplaceAll(c.Name, "-", "_")
	var words []string
	var cases bytes.Buffer
	visible(flags, func(f *pflag.Flag) {
		words = append(words, "--"+f.Name)
		pattern := "--" + f.Name
		if f.Shorthand != "" {
			words = append(words, "-"+f.Shorthand)
			pattern += "|-" + f.Shorthand
		}
		if f.Value.Type() == "bool" {
			return
		}
		if f.NoOptDefVal != "" {
			pattern = "--" + f.Name + "="
		}
		switch v := valueOf(f); {
		case len(v.values) > 0:
			fmt.Fprintf(&cases, "    %s) COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", pattern, strings.Join(v.values, " "))
		case v.folders:
			fmt.Fprintf(&cases, "    %s) compopt -o filenames; COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n", pattern)
		case v.classes:
			fmt.Fprintf(&cases, "    %s) %s_classes; return ;;\n", pattern, function)
		case f.NoOptDefVal == "": // a file, which the shell completes better, or anything
			fmt.Fprintf(&cases, "    %s) return ;;\n", pattern)
		}
	})
	other := ""
	if c.argument(text).classes {
		other = "\n  else\n    " + function + "_classes"
	}
	fmt.Fprintf(b, `%[1]s_classes() {
  local name typed=${word//[\\\"\']/}
  while IFS= read -r name; do
    [[ $name == "$typed"* ]] && COMPREPLY+=("$(printf %%q "$name")")
  done < <(%[5]s)
}
%[1]s() {
  local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # --flag=value is three words
  if [[ $word == = ]]; then
    word=
  elif [[ $flag == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD-2]}
    [[ $flag == --json ]] && flag=--json=
  fi
  case $flag in
%[4]s  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W '%[2]s' -- "$word"))%[6]s
  fi
}
complete -o default -F %[1]s %[3]s
`, function, strings.Join(words, " "), c.Name, cases.String(), classList, other)
}

// zshWords quotes text for the parts of a specification of _arguments.
func zshWords(text string) string {
	return strings.NewReplacer(`\`, `\\`, "'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
}

func (c completion) zsh() string {
	switch {
	case len(c.values) > 0:
		return "(" + zshWords(strings.Join(c.values, " ")) + ")"
	case c.folders:
		return "_files -/"
	case c.classes:
		return "_oi_classes"
	case c.files:
		return "_files"
	}
	return " "
}

func (c *Command) zsh(b *bytes.Buffer, text helpText, flags *FlagSet) {
	fmt.Fprintf(b, `#compdef %s
_oi_classes() {
  local -a classes
  classes=(${(f)"$(%s)"})
  compadd -a classes
}
_arguments -s \
`, c.Name, classList)
	visible(flags, func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		tail := "[" + zshWords(usage) + "]"
		value := ":" + zshWords(name) + ":" + valueOf(f).zsh()
		long, short := "=", "+"
		switch {
		case f.Value.Type() == "bool":
			value, long, short = "", "", ""
		case f.NoOptDefVal != "":
			value, long, short = ":"+value, "=-", "-"
		}
		fmt.Fprintf(b, "  '--%s%s%s%s' \\\n", f.Name, long, tail, value)
		if f.Shorthand != "" {
			fmt.Fprintf(b, "  '-%s%s%s%s' \\\n", f.Shorthand, short, tail, value)
		}
	})
	fmt.Fprintf(b, "  '*:%s:%s'\n", zshWords(text.usage), c.argument(text).zsh())
}

// fishWord quotes a word for fish.
func fishWord(word string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(word) + "'"
}

func (c *Command) fish(b *bytes.Buffer, text helpText, flags *FlagSet) {
	if c.argument(text).classes {
		fmt.Fprintf(b, "complete -c %s -f -a %s\n", c.Name, fishWord("("+classList+")"))
	}
	visible(flags, func(f *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, "complete -c %s -l %s", c.Name, f.Name)
		if f.Shorthand != "" {
			fmt.Fprintf(b, " -s %s", f.Shorthand)
		}
		v := valueOf(f)
		switch {
		case f.Value.Type() == "bool":
		case f.NoOptDefVal != "":
			fmt.Fprintf(b, " -a %s", fishWord(strings.Join(v.values, " ")))
		case len(v.values) > 0:
			fmt.Fprintf(b, " -x -a %s", fishWord(strings.Join(v.values, " ")))
		case v.folders:
			fmt.Fprint(b, " -x -a '(__fish_complete_directories)'")
		case v.classes:
			fmt.Fprintf(b, " -x -a %s", fishWord("("+classList+")"))
		default:
			fmt.Fprint(b, " -r")
		}
		fmt.Fprintf(b, " -d %s\n", fishWord(usage))
	})
}

package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A completion is what a shell may offer for a value.
type completion struct {
	values  []string // words, one of which is the value
	list    bool     // the value is several of them, with commas
	folders bool
	files   bool
	endings []string // of the files, without the dot; none: any file
	classes bool
}

// valueOf tells from a flag's annotations and its placeholder what its value
// is: one of several words, as in yes|no, a list of words, a FILE, a DIR or a
// CLASS.
func valueOf(f *pflag.Flag) completion {
	name, _ := pflag.UnquoteUsage(f)
	c := completionOf(name)
	if words := f.Annotations[words]; len(words) > 0 {
		c.list = true
		for _, word := range words {
			if word == Folder {
				c.folders = true
			} else {
				c.values = append(c.values, word)
			}
		}
	}
	c.values = append(c.values, f.Annotations[choices]...)
	if endings := f.Annotations[endings]; len(endings) > 0 {
		c.files, c.endings = true, endings
	}
	return c
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

// arguments tells what the command's own arguments are: those after the first
// one are of the same kind, unless c.FirstFiles says otherwise.
func (c *Command) arguments(text helpText) (first, others completion) {
	word, _, _ := strings.Cut(strings.Trim(text.usage, "[]"), " ")
	first = completionOf(strings.TrimRight(word, ".]"))
	first.files = !first.classes
	first.endings = c.Files
	others = first
	if len(c.FirstFiles) > 0 {
		first.endings = c.FirstFiles
	}
	return first, others
}

// classList prints the names of the classes as far as the cache has them: a
// completion asks no network.
const classList = "oi-labels --offline 2>/dev/null | cut -f2"

// bashHelpers are the functions of a command's completion. %[1]s is the prefix
// of their names, %[2]s lists the classes.
const bashHelpers = `%[1]s_classes() {
  local name typed=${word//[\\\"\']/}
  while IFS= read -r name; do
    [[ $name == "$typed"* ]] && COMPREPLY+=("$(printf %%q "$name")")
  done < <(%[2]s)
}
# files with one of these endings, and folders
%[1]s_files() {
  local name ending
  compopt -o filenames
  while IFS= read -r name; do
    COMPREPLY+=("$name")
  done < <({ compgen -d -- "$word"; for ending; do compgen -f -X "!*.$ending" -- "$word"; done; } | sort -u)
}
# the last of several words with commas in between
%[1]s_list() {
  local value before=
  [[ $word == *,* ]] && before=${word%%,*},
  for value; do
    [[ ,$before != *,$value,* && $value == "${word##*,}"* ]] && COMPREPLY+=("$before$value")
  done
  compopt -o nospace
}
`

// bash returns what a bash function does to complete the word.
func (v completion) bash(function string) string {
	switch {
	case v.list:
		return function + "_list " + strings.Join(v.values, " ")
	case len(v.values) > 0:
		return fmt.Sprintf(`COMPREPLY=($(compgen -W '%s' -- "$word"))`, strings.Join(v.values, " "))
	case v.folders:
		return `compopt -o filenames; COMPREPLY=($(compgen -d -- "$word"))`
	case v.classes:
		return function + "_classes"
	case len(v.endings) > 0:
		return function + "_files " + strings.Join(v.endings, " ")
	}
	return "" // a file, which the shell completes better, or anything
}

func (c *Command) bash(b *bytes.Buffer, text helpText, flags *FlagSet) {
	function := "_" + strings.ReplaceAll(c.Name, "-", "_")
	var flagWords []string
	var cases bytes.Buffer
	visible(flags, func(f *pflag.Flag) {
		flagWords = append(flagWords, "--"+f.Name)
		pattern := "--" + f.Name
		if f.Shorthand != "" {
			flagWords = append(flagWords, "-"+f.Shorthand)
			pattern += "|-" + f.Shorthand
		}
		if f.Value.Type() == "bool" {
			return
		}
		if f.NoOptDefVal != "" {
			pattern = "--" + f.Name + "="
		}
		if action := valueOf(f).bash(function); action != "" {
			fmt.Fprintf(&cases, "    %s) %s; return ;;\n", pattern, action)
		} else if f.NoOptDefVal == "" {
			fmt.Fprintf(&cases, "    %s) return ;;\n", pattern)
		}
	})
	first, others := c.arguments(text)
	other := ""
	if action := others.bash(function); action != "" {
		other = "\n  else\n    " + action
	}
	if action := first.bash(function); !slices.Equal(first.endings, others.endings) {
		other = "\n  elif [[ \" ${COMP_WORDS[*]:1:COMP_CWORD-1} \" != *." + first.endings[0] + "\\ * ]]; then\n    " + action + other
	}
	fmt.Fprintf(b, bashHelpers, function, classList)
	fmt.Fprintf(b, `%[1]s() {
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
    COMPREPLY=($(compgen -W '%[2]s' -- "$word"))%[5]s
  fi
}
complete -o default -F %[1]s %[3]s
`, function, strings.Join(flagWords, " "), c.Name, cases.String(), other)
}

// zshWords quotes text for the parts of a specification of _arguments.
func zshWords(text string) string {
	return strings.NewReplacer(`\`, `\\`, "'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
}

func (v completion) zsh() string {
	switch {
	case v.list && v.folders:
		return "{_sequence compadd - " + strings.Join(v.values, " ") + "; _files -/}"
	case v.list:
		return "_sequence compadd - " + strings.Join(v.values, " ")
	case len(v.values) > 0:
		return "(" + zshWords(strings.Join(v.values, " ")) + ")"
	case v.folders:
		return "_files -/"
	case v.classes:
		return "_oi_classes"
	case len(v.endings) > 0:
		return `_files -g "*.(` + strings.Join(v.endings, "|") + `)(-.)"`
	case v.files:
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
	first, others := c.arguments(text)
	if !slices.Equal(first.endings, others.endings) {
		fmt.Fprintf(b, "  '1:%s:%s' \\\n", zshWords(text.usage), first.zsh())
	}
	fmt.Fprintf(b, "  '*:%s:%s'\n", zshWords(text.usage), others.zsh())
}

// fishWord quotes a word for fish.
func fishWord(word string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(word) + "'"
}

// fishHelpers are functions for what fish itself cannot complete. %[1]s is the
// prefix of their names.
const fishHelpers = `# files with one of these endings, and folders
function %[1]s_files
  set -l token (string replace -r -- '^-[^=]*=' '' (commandline -ct))
  complete -C "'' $token" | string match -r -- '^[^\t]*(?:/|\.(?:'(string join '|' -- $argv)'))(?=\t|$)'
end
# the last of several words with commas in between
function %[1]s_list
  set -l token (string replace -r -- '^-[^=]*=' '' (commandline -ct))
  set -l before (string match -r -- '.*,' $token)
  for value in $argv
    contains -- $value (string split , -- "$before"); or echo "$before"$value
  end
end
`

// fish returns the words that fish offers, as a list or as what prints them.
func (v completion) fish(function string) string {
	switch {
	case v.list:
		words := "(" + function + "_list " + strings.Join(v.values, " ") + ")"
		if v.folders {
			words += " (__fish_complete_directories)"
		}
		return words
	case len(v.values) > 0:
		return strings.Join(v.values, " ")
	case v.folders:
		return "(__fish_complete_directories)"
	case v.classes:
		return "(" + classList + ")"
	case len(v.endings) > 0:
		return "(" + function + "_files " + strings.Join(v.endings, " ") + ")"
	}
	return ""
}

func (c *Command) fish(b *bytes.Buffer, text helpText, flags *FlagSet) {
	function := "__" + strings.ReplaceAll(c.Name, "-", "_")
	fmt.Fprintf(b, fishHelpers, function)
	first, others := c.arguments(text)
	if slices.Equal(first.endings, others.endings) {
		fmt.Fprintf(b, "complete -c %s -f -a %s\n", c.Name, fishWord(others.fish(function)))
	} else {
		given := "string match -q -- '*." + first.endings[0] + "' (commandline -opc)"
		fmt.Fprintf(b, "complete -c %s -f -n %s -a %s\n", c.Name, fishWord("not "+given), fishWord(first.fish(function)))
		fmt.Fprintf(b, "complete -c %s -f -n %s -a %s\n", c.Name, fishWord(given), fishWord(others.fish(function)))
	}
	visible(flags, func(f *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, "complete -c %s -l %s", c.Name, f.Name)
		if f.Shorthand != "" {
			fmt.Fprintf(b, " -s %s", f.Shorthand)
		}
		words := valueOf(f).fish(function)
		switch {
		case f.Value.Type() == "bool":
		case f.NoOptDefVal != "":
			fmt.Fprintf(b, " -a %s", fishWord(words))
		case words != "":
			fmt.Fprintf(b, " -x -a %s", fishWord(words))
		default:
			fmt.Fprint(b, " -r")
		}
		fmt.Fprintf(b, " -d %s\n", fishWord(usage))
	})
}

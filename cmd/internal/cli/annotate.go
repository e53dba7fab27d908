package cli

import (
	"fmt"

	"github.com/spf13/pflag"
)

// What a flag carries besides its usage, as annotations.
const (
	variable = "variable" // the environment variable that stands for it
	synonyms = "synonyms" // what others call it
	words    = "words"    // of which its value is a list
	choices  = "choices"  // one of which its value may be
	endings  = "endings"  // of the files that its value may name
)

func annotate(f *pflag.Flag, key string, values []string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = values
}

// FromEnv lets an environment variable take the place of a flag that is not
// given.
func FromEnv(fs *FlagSet, flag, name string) {
	f := fs.Lookup(flag)
	f.Usage += " (or $" + name + ")"
	annotate(f, variable, []string{name})
}

// AlsoCalled names what other programs call a flag, so that somebody who
// writes that is told the right name: in lower case, with hyphens.
func AlsoCalled(fs *FlagSet, flag string, names ...string) {
	f := fs.Lookup(flag)
	annotate(f, synonyms, append(f.Annotations[synonyms], names...))
}

// Once refuses a flag that is given twice with different values, where the last
// one must not win in silence.
func Once(fs *FlagSet, flags ...string) {
	for _, name := range flags {
		f := fs.Lookup(name)
		f.Value = &once{Value: f.Value}
	}
}

// once is a value that is set once.
type once struct {
	pflag.Value
	given bool
}

// Set implements [pflag.Value].
func (o *once) Set(text string) error {
	before := o.String()
	if err := o.Value.Set(text); err != nil {
		return err
	}
	if o.given && o.String() != before {
		return fmt.Errorf("it was given before, as %q: which of the two?", before)
	}
	o.given = true
	return nil
}

// An Instead is the hint for what is no flag here, but one of other programs.
type Instead struct {
	Names []string // in lower case, with hyphens
	Hint  string
}

// Folder stands for any folder among the words of a list.
const Folder = "DIR"

// ListOf says of which words the value of a flag is a list, with commas in
// between, for completion.
func ListOf(fs *FlagSet, flag string, values ...string) {
	annotate(fs.Lookup(flag), words, values)
}

// OneOf names words that the value of a flag may be, beside others, for
// completion.
func OneOf(fs *FlagSet, flag string, values ...string) {
	annotate(fs.Lookup(flag), choices, values)
}

// FilesOf says how the names of the files end that the value of a flag may be,
// without the dot, for completion.
func FilesOf(fs *FlagSet, flag string, fileEndings ...string) {
	annotate(fs.Lookup(flag), endings, fileEndings)
}

package cli

import "github.com/spf13/pflag"

// What a flag carries besides its usage, as annotations.
const (
	variable = "variable" // the environment variable that stands for it
	synonyms = "synonyms" // what others call it
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
// writes that is told the right name.
func AlsoCalled(fs *FlagSet, flag string, names ...string) {
	annotate(fs.Lookup(flag), synonyms, names)
}

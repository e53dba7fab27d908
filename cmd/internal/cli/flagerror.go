package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/opensandwich/oi/cmd/internal/editdistance"
)

// parse parses args. Its errors are of usage and say what may have been meant.
func (c *Command) parse(flags *FlagSet, args []string) error {
	inPlace, err := flagArguments(flags, args)
	if err != nil {
		return err
	}
	err = flags.Parse(args)
	var unknown *pflag.NotExistError
	var noValue *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case err == nil:
		return emptyValue(flags)
	case errors.As(err, &unknown):
		return c.unknownFlag(flags, unknown, inPlace)
	case errors.As(err, &noValue):
		f := noValue.GetFlag()
		return WithHint(Usagef("--%s needs a value", f.Name), describe(f))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return WithHint(Usagef("--%s %s: %s", f.Name, invalid.GetValue(), wanted(f, invalid)), describe(f))
	}
	return WithHint(&usageError{err}, c.listsFlags())
}

func (c *Command) listsFlags() string { return c.Name + " --help lists the flags" }

// describe is a flag's line of the help, for a hint.
func describe(f *pflag.Flag) string {
	name, usage := pflag.UnquoteUsage(f)
	return spelling(f, name) + ": " + withDefault(f, usage)
}

// wanted says what a flag wants instead of the value that it got.
func wanted(f *pflag.Flag, err *pflag.InvalidValueError) string {
	switch f.Value.Type() {
	case "int", "int64":
		return "want a whole number"
	case "uint64":
		return "want a whole number, 0 or more"
	case "float64":
		return "want a number"
	case "duration":
		return "want a time such as 30s or 2m"
	case "bool":
		return "want true or false"
	}
	return err.Unwrap().Error()
}

// flagArguments returns the arguments that stand where a flag may, and begin
// like one: not those that are the value of a flag before them, or come after
// --. The error is of the first one that pflag would take for something else
// than was meant.
func flagArguments(flags *FlagSet, args []string) (found []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			break
		}
		if strings.TrimLeft(arg, dashes) == arg || arg == "-" {
			continue
		}
		if err := misspelt(flags, arg); err != nil {
			return nil, err
		}
		found = append(found, arg)
		if takesNext(flags, arg) {
			if i++; i < len(args) && knownLong(flags, args[i]) != nil {
				return nil, WithHint(Usagef("%s needs a value, and %s is a flag", arg, args[i]),
					"if it is the value indeed, write it with an equals sign: --NAME=VALUE")
			}
		}
	}
	return found, nil
}

// dashes are the hyphen, and what editors and web pages make of it.
const dashes = "-‐‑–—−"

// knownLong returns the flag that an argument such as --limit=5 names, nil if
// there is none.
func knownLong(flags *FlagSet, arg string) *pflag.Flag {
	name, ok := strings.CutPrefix(arg, "--")
	if !ok {
		return nil
	}
	name, _, _ = strings.Cut(name, "=")
	return flags.Lookup(name)
}

// takesNext reports whether the value of the flag is the argument after it.
func takesNext(flags *FlagSet, arg string) bool {
	if strings.HasPrefix(arg, "--") {
		f := knownLong(flags, arg)
		return f != nil && f.NoOptDefVal == "" && !strings.Contains(arg, "=")
	}
	letters, ok := strings.CutPrefix(arg, "-")
	for i := 0; ok && i < len(letters); i++ {
		f := flags.ShorthandLookup(letters[i : i+1])
		if f == nil {
			return false
		}
		if f.NoOptDefVal == "" {
			return i == len(letters)-1
		}
	}
	return false
}

// misspelt returns an error for an argument that pflag would take for
// something else than was meant: -output burger for -o utput, and a dash of an
// editor for a file.
func misspelt(flags *FlagSet, arg string) error {
	if strings.HasPrefix(arg, "--") {
		return nil
	}
	name, value, given := strings.Cut(strings.TrimLeft(arg, dashes), "=")
	if given {
		value = "=" + value
	}
	switch typed := arg[0] != '-'; {
	case typed && len(suggest(flags, name)) > 0:
		return WithHint(Usagef("%s begins with a dash that is no hyphen", arg), didYouMean(suggest(flags, name), value))
	case !typed && len(name) > 1 && flags.Lookup(name) != nil:
		return WithHint(Usagef("%s: long flags begin with two hyphens", arg), didYouMean([]string{name}, value))
	}
	return nil
}

// unknownFlag says which flag may have been meant.
func (c *Command) unknownFlag(flags *FlagSet, err *pflag.NotExistError, inPlace []string) error {
	arg := "--" + err.GetSpecifiedName()
	if letters := err.GetSpecifiedShortnames(); letters != "" {
		arg = "-" + letters
		for _, a := range inPlace { // the whole word, of which letters may be the end
			if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.HasSuffix(a, letters) {
				arg = a
				break
			}
		}
	}
	name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if given {
		arg = strings.TrimSuffix(arg, "="+value)
	}
	unknown := Usagef("unknown flag: %s", arg)
	rest, no := strings.CutPrefix(name, "no-")
	if f := flags.Lookup(rest); no && f != nil && f.Value.Type() == "bool" {
		return WithHint(unknown, "did you mean --"+rest+"=false?")
	}
	for _, instead := range c.Instead {
		if slices.Contains(instead.Names, normal(name)) {
			return WithHint(unknown, instead.Hint)
		}
	}
	if names := suggest(flags, name); len(name) > 1 && len(names) > 0 {
		return WithHint(unknown, didYouMean(names, ""))
	}
	return WithHint(unknown, c.listsFlags())
}

func didYouMean(names []string, value string) string {
	return "did you mean --" + strings.Join(names, " or --") + value + "?"
}

// normal is a name as flags here are written: learning-rate for
// learning_rate, Learning.Rate and learningRate.
func normal(name string) string {
	var b strings.Builder
	lower := false // the last letter is one
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte('-')
		}
		lower = unicode.IsLower(r)
		if r == '_' || r == '.' {
			r = '-'
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// suggest returns the names of up to two flags that may be meant by name, the
// best ones.
func suggest(flags *FlagSet, name string) []string {
	name = normal(name)
	type candidate struct {
		name string
		far  int
	}
	var candidates []candidate
	visible(flags, func(f *pflag.Flag) {
		far := usageDistance(f, name)
		for _, known := range append(f.Annotations[synonyms], f.Name) {
			far = min(far, nameDistance(known, name))
		}
		if far < nowhere {
			candidates = append(candidates, candidate{f.Name, far})
		}
	})
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.far, b.far) })
	var names []string
	for _, c := range candidates {
		if c.far > candidates[0].far || len(names) == 2 {
			break
		}
		names = append(names, c.name)
	}
	return names
}

// Distances of names from what was typed, beside the number of edits.
const (
	partDistance = 4  // one is a part of the other, as batch of batch-size
	wordDistance = 5  // the words stand in the flag's usage
	nowhere      = 99 // not to be suggested
)

// nameDistance is how far what was typed is from a name.
func nameDistance(known, typed string) int {
	a, b := []rune(known), []rune(typed)
	if d := editdistance.Levenshtein(a, b); d <= max(1, (min(len(a), len(b))+1)/3) && d < min(len(a), len(b)) {
		return d
	}
	if len(b) > 2 && strings.HasPrefix(known, typed) || len(a) > 3 && strings.HasPrefix(typed, known) {
		return partDistance
	}
	long, short := strings.Split(known, "-"), strings.Split(typed, "-")
	if len(long) < len(short) {
		long, short = short, long
	}
	for i := 0; len(typed) > 2 && i+len(short) <= len(long); i++ {
		if slices.EqualFunc(long[i:i+len(short)], short, sameWord) {
			return partDistance
		}
	}
	return nowhere
}

// sameWord compares words regardless of a plural.
func sameWord(a, b string) bool { return strings.TrimSuffix(a, "s") == strings.TrimSuffix(b, "s") }

// usageDistance looks for the words of what was typed in what the flag's usage
// says.
func usageDistance(f *pflag.Flag, typed string) int {
	usage := strings.FieldsFunc(strings.ToLower(f.Usage), func(r rune) bool { return r < 'a' || r > 'z' })
	parts := strings.Split(typed, "-")
	for _, part := range parts {
		if len(part) < 4 || !slices.ContainsFunc(usage, func(word string) bool { return sameWord(word, part) }) {
			return nowhere
		}
	}
	return wordDistance + max(0, 2-len(parts))
}

// missing says on standard error what the command lacks, with two examples.
func (c *Command) missing(env *Env, what string) error {
	text, err := c.help()
	if err != nil {
		return err
	}
	width := textWidth(env.StderrColumns)
	lines := fill(strings.Fields(Escape(c.Name+": "+what)), width)
	examples := exampleLines(text.examples[:min(2, len(text.examples))], "  ", width)
	if _, err := fmt.Fprintf(env.Stderr, "%s\n\nUsage:\n  %s\n\nExamples:\n%s\n%s --help for all\n",
		strings.Join(lines, "\n"), c.synopsis(text), examples, c.Name); err != nil {
		return err
	}
	return &usageError{errPrinted}
}

// emptyValue is an error where a flag that takes a text was given none, which
// would do the same as leaving it out.
func emptyValue(flags *FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if err != nil || !isEmpty(f.Value) {
			return
		}
		if f.Annotations[endings] != nil {
			err = WithHint(Usagef("--%s is given no name", f.Name), "a shell variable that is not set may stand there; without a file leave the flag out")
		} else {
			err = WithHint(Usagef("--%s is given nothing", f.Name), "a shell variable that is not set may stand there; or leave the flag out")
		}
	})
	return err
}

func isEmpty(v pflag.Value) bool {
	if o, ok := v.(*once); ok {
		v = o.Value
	}
	if list, ok := v.(pflag.SliceValue); ok {
		all := list.GetSlice()
		return len(all) == 0 || slices.Contains(all, "")
	}
	return v.String() == ""
}

package main

import (
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/classset"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// withSlash returns for each label how to ask for it with the kinds below its
// classes, as an argument for a shell, or "" where that is asked for already or
// there are no such kinds.
func withSlash(set *classset.Set, h *openimages.Hierarchy) []string {
	arguments := make([]string, len(set.Labels))
	for i, label := range set.Labels {
		var terms, asked []string
		more := false
		for _, term := range label.Terms {
			name := term.Class.Name
			asked = append(asked, name)
			if term.Below || len(h.Children(term.Class.MID)) > 0 {
				name += "/"
			}
			more = more || !term.Below && strings.HasSuffix(name, "/")
			terms = append(terms, name)
		}
		if !more {
			continue
		}
		argument := strings.Join(terms, "+")
		if label.Class().MID == "" && label.Name != strings.Join(asked, "+") {
			argument = label.Name + "=" + argument
		}
		arguments[i] = cli.ShellWord(argument)
	}
	return arguments
}

// slashHint names the arguments that would also take the kinds below the
// labels of these numbers, "" if there are none.
func (w *writer) slashHint(labels []int) string {
	var arguments []string
	for _, i := range labels {
		if i < len(w.withSlash) && w.withSlash[i] != "" {
			arguments = append(arguments, w.withSlash[i])
		}
	}
	const most = 3
	more := ""
	if len(arguments) > most {
		arguments, more = slices.Clip(arguments[:most]), ", …"
	}
	takes, what := "takes", "boxes"
	switch {
	case len(arguments) == 0:
		return ""
	case len(arguments) > 1:
		takes = "take"
	}
	if w.imageLabels {
		what = "photos"
	}
	return strings.Join(arguments, ", ") + more + " " + takes + " the " + what + " of the kinds below"
}

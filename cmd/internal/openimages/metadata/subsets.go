package metadata

import (
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// CheckSubsets returns the subsets that --subset names, each once and in the
// order of [openimages.Subsets]. Capitals and spaces do not matter, and
// val is validation. An unknown name and an empty list are usage errors.
func CheckSubsets(names []string) ([]string, error) {
	known := openimages.Subsets()
	var list []string
	for _, name := range names {
		subset := strings.ToLower(strings.TrimSpace(name))
		if subset == "val" {
			subset = openimages.Validation
		}
		if !slices.Contains(known, subset) {
			return nil, cli.Usagef("--subset %s: there are %s", name, strings.Join(known, ", "))
		}
		list = append(list, subset)
	}
	if len(list) == 0 {
		return nil, cli.Usagef("--subset: there are %s", strings.Join(known, ", "))
	}
	slices.SortFunc(list, func(a, b string) int { return slices.Index(known, a) - slices.Index(known, b) })
	return slices.Compact(list), nil
}

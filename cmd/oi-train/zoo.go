package main

import (
	"bufio"
	"fmt"
	"text/tabwriter"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// listBackbones writes the known networks as a table.
func (o *backboneOptions) listBackbones(env *cli.Env) error {
	out := bufio.NewWriter(env.Stdout) // its errors are sticky: Flush reports them
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "name\tMB\tpixels\tlicence")
	for _, e := range o.models.Table {
		fmt.Fprintf(table, "%s\t%.0f\t%s\t%s\n", e.Name, float64(e.Size)/1e6, e.Normalize, e.Licence)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, e := range o.models.Table {
		fmt.Fprintf(out, "%s: %s%s\nSHA-256 %s\n", e.Name, e.Base, e.Path, e.SHA256)
	}
	return out.Flush()
}

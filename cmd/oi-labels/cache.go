package main

import (
	"context"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/download"
)

// verifyCache names the damaged files of the cache, which are removed. Damage
// is an error.
func (o *options) verifyCache(ctx context.Context, env *cli.Env) error {
	dir, report, err := o.choice.CheckCache(ctx, env, func(damaged *download.DamagedError) error {
		_, err := fmt.Fprintf(env.Stdout, "%s\t%v\n", damaged.Name, damaged.Err)
		return err
	})
	if err != nil {
		return err
	}
	env.Infof("whole files in %s: %d, %.1f MB", dir, report.Files, float64(report.Bytes)/1e6)
	if report.Damaged > 0 {
		return cli.WithHint(fmt.Errorf("damaged files, now removed: %d", report.Damaged), "the next command that needs one downloads it again")
	}
	return nil
}

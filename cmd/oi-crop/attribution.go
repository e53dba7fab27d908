package main

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// createAttribution begins the file of --attribution, nil if none is wanted.
func (o *options) createAttribution(env *cli.Env) (*credits.File, error) {
	if o.attribution == "" {
		return nil, nil
	}
	if err := cli.CheckOutputFile(o.attribution, env.Args...); err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	file, err := credits.Create(o.attribution)
	if err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	return file, nil
}

// finishAttribution makes the file appear.
func (o *options) finishAttribution(env *cli.Env, file *credits.File) error {
	if file == nil {
		return nil
	}
	err := file.Finish(nil)
	if err == nil {
		env.Infof("wrote %s: %s", o.attribution, file.Counts())
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// headOfReport is how much of a file may tell that it is a report.
const headOfReport = 64 << 10

// writeAttribution writes the credits of the photos of models, reports and
// streams, each photo once.
func (o *options) writeAttribution(ctx context.Context, env *cli.Env) (err error) {
	if err := cli.CheckOutputFile(o.attribution, env.Args...); err != nil {
		return fmt.Errorf("--attribution: %w", err)
	}
	file, err := credits.Create(o.attribution)
	if err != nil {
		return fmt.Errorf("--attribution: %w", err)
	}
	for _, name := range env.Args {
		if err := o.credit(ctx, env, name, file.Add); err != nil {
			return errors.Join(err, file.Finish(err))
		}
	}
	if err := file.Finish(nil); err != nil {
		return err
	}
	env.Infof("wrote %s: %s", o.attribution, file.Counts())
	return nil
}

// credit calls add for the photos of one file.
func (o *options) credit(ctx context.Context, env *cli.Env, name string, add func(credits.Row) error) error {
	if report.IsItemsFile(name) {
		return explainCredits(name, report.ReadItemsCredits(name, add))
	}
	file, err := stream.OpenFile(env, name)
	if err != nil {
		return err
	}
	first, err := file.First(headOfReport)
	switch {
	case err != nil:
		return errors.Join(fmt.Errorf("%s: %w", file.Name, err), file.Close())
	case report.IsJSON(first):
		return errors.Join(explainCredits(file.Name, report.ReadCredits(file, add)), file.Close())
	case len(first) > 0 && !stream.MayBegin(first):
		return errors.Join(explainCredits(file.Name, creditModel(ctx, file, add)), file.Close())
	}
	in, err := stream.OpenFrom(env, &o.stream, file, []string{name})
	if err != nil {
		return err
	}
	return errors.Join(creditStream(ctx, in, add), in.Close())
}

func creditStream(ctx context.Context, in *stream.Input, add func(credits.Row) error) error {
	for item, err := range in.Items() {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = add(credits.Of(item))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// creditModel reads a model of oi-train.
func creditModel(ctx context.Context, from io.Reader, add func(credits.Row) error) error {
	data, err := model.ReadFile(&until{ctx, from})
	if err != nil {
		return err
	}
	m := &trained{}
	if err := m.parse(data); err != nil {
		return err
	}
	var c *report.Credits
	if err := m.get("credits", &c); err != nil {
		return err
	}
	return c.Each(add)
}

// explainCredits says of which file an error is, and what to do about it.
func explainCredits(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, report.ErrNoCredits):
		return cli.WithHint(fmt.Errorf("%s: %w", name, err), "the stream that it was made from has them: oi-eval --attribution FILE crops.oi")
	case errors.Is(err, model.ErrForeign):
		return cli.WithHint(fmt.Errorf("%s: %w", name, err), "only a model of oi-train says which photos it was made from")
	}
	return fmt.Errorf("%s: %w", name, err)
}

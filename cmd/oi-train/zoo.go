package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/status"
	"github.com/opensandwich/oi/cmd/internal/zoo"
)

// listBackbones writes the known networks as a table.
func listBackbones(env *cli.Env) error {
	out := bufio.NewWriter(env.Stdout) // its errors are sticky: Flush reports them
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "name\tMB\tpixels\tlicence")
	for _, e := range zoo.Entries() {
		fmt.Fprintf(table, "%s\t%.0f\t%s\t%s\n", e.Name, float64(e.Size)/1e6, e.Normalize, e.Licence)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, e := range zoo.Entries() {
		fmt.Fprintf(out, "%s: %s%s\nSHA-256 %s\n", e.Name, e.Base, e.Path, e.SHA256)
	}
	return out.Flush()
}

// path is the file of the network: the one that was named, or that of a known
// one, downloaded if need be.
func (o *backboneOptions) path(ctx context.Context, env *cli.Env) (string, error) {
	_, missing := os.Stat(o.file)
	if missing == nil || !errors.Is(missing, fs.ErrNotExist) {
		return o.file, nil
	}
	if _, known := zoo.Find(o.file); !known {
		if strings.ContainsRune(o.file, filepath.Separator) || strings.HasSuffix(o.file, ".onnx") {
			return o.file, nil // whoever reads it says what is wrong
		}
		return "", cli.WithHint(cli.Usagef("--backbone: there is no file %s, and no known network of that name: %s", o.file, strings.Join(zoo.Names(), ", ")),
			"oi-train --backbones says more of these; any image model in ONNX will do")
	}
	cache, err := cli.CacheDir(env, o.cache)
	if err != nil {
		return "", err
	}
	options := status.Download(env)
	options.Offline = o.offline
	path, _, err := zoo.Fetch(ctx, zoo.Options{Cache: cache, Download: options, Say: func(line string) { env.Infof("%s", line) }}, o.file)
	return path, explainDownload(err)
}

// explainDownload adds the next step to an error of a download.
func explainDownload(err error) error {
	var (
		refused     *download.RefusedError
		unreachable *download.UnreachableError
		offline     *download.OfflineError
		damaged     *download.DamagedError
		cache       *download.CacheError
		missing     *download.MissingError
	)
	const file = "a file with the same SHA-256 from elsewhere does as well: --backbone FILE.onnx"
	switch {
	case errors.As(err, &refused):
		return cli.WithHint(err, "nothing of it has been kept: a page to log in to the network, a proxy or the server may be to blame; "+file)
	case errors.As(err, &unreachable):
		return cli.WithHint(err, "HTTPS_PROXY names a proxy; "+file)
	case errors.As(err, &offline), errors.As(err, &damaged):
		return cli.WithHint(err, "without --offline it is downloaded, once")
	case errors.As(err, &cache):
		return cli.WithHint(err, "name another folder with --cache DIR")
	case errors.As(err, &missing):
		return cli.WithHint(err, "its publisher may have moved it; "+file)
	}
	return err
}

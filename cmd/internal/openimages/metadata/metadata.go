// Package metadata is the choice of a data set and of where its files come
// from, as the flags --dataset, --metadata and --cache make it.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/sample"
	"github.com/opensandwich/oi/cmd/internal/status"
)

// variable names a mirror for every command of a session.
const variable = "OI_METADATA"

// A Choice is what the flags say.
type Choice struct {
	Dataset string
	Place   string // an http address or a folder, "" for the official place
	Cache   string
	Offline bool // read what the cache holds, and never ask the network
}

// Register adds the flags.
func (c *Choice) Register(flags *cli.FlagSet) {
	names := openimages.DatasetNames()
	flags.StringVar(&c.Dataset, "dataset", names[0], "version of Open Images: `"+strings.Join(names, "|")+"`; sample is built in and needs no network")
	flags.StringVar(&c.Place, "metadata", "", "take the data set's files from `URL|DIR`, where they have the official relative paths (default "+openimages.OfficialBase+")")
	cli.FromEnv(flags, "metadata", variable)
	flags.StringVar(&c.Cache, "cache", "", "keep downloaded files in `DIR` (default $XDG_CACHE_HOME/oi or ~/.cache/oi)")
	cli.FromEnv(flags, "cache", "OI_CACHE")
	flags.BoolVar(&c.Offline, "offline", false, "use files of the cache only, and never the network")
}

// Open returns the data set and the source of its files. Nothing is downloaded
// before the source is asked for a file.
func (c *Choice) Open(env *cli.Env) (openimages.Dataset, openimages.Source, error) {
	d, err := openimages.LookupDataset(c.Dataset)
	if err != nil {
		return d, nil, cli.Usagef("--dataset: %v", err)
	}
	if d.Name == "sample" {
		if c.Place != "" && c.Place != env.Getenv(variable) {
			return d, nil, cli.Usagef("--metadata has no use with --dataset sample, which is built in")
		}
		return d, sample.New(), nil
	}
	if c.Place != "" && !isURL(c.Place) {
		info, err := os.Stat(c.Place)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return d, nil, fmt.Errorf("--metadata: no folder %s", c.Place)
		case err != nil:
			return d, nil, fmt.Errorf("--metadata: %w", err)
		case !info.IsDir():
			return d, nil, fmt.Errorf("--metadata: %s is not a folder", c.Place)
		}
		src := openimages.DirSource(c.Place)
		cache, err := cli.CacheDir(env, c.Cache)
		if err != nil {
			return d, src, nil // it does not need one
		}
		return d, src.WithCache(cache), nil
	}
	base := c.Place
	if base == "" {
		base = openimages.OfficialBase
	}
	cache, err := cli.CacheDir(env, c.Cache)
	if err != nil {
		return d, nil, err
	}
	options := status.Download(env)
	options.Offline = c.Offline
	src, err := openimages.NewHTTPSource(base, cache, d.Files(), options)
	if err != nil {
		return d, nil, cli.Usagef("--metadata: %v", err)
	}
	return d, src, nil
}

func isURL(place string) bool { return strings.Contains(place, "://") }

// Args are the choice's arguments for the trail: what changes results, without
// secrets and without names of this machine.
func (c *Choice) Args() map[string]string {
	args := map[string]string{"dataset": strings.ToLower(c.Dataset)}
	switch {
	case c.Place == "":
	case isURL(c.Place):
		args["metadata"] = download.PublicURL(c.Place)
	default:
		args["metadata"] = "folder"
	}
	return args
}

// Explain adds the next step to an error from the files.
func (c *Choice) Explain(err error) error {
	folder := c.Place != "" && !isURL(c.Place)
	var refused *download.RefusedError
	if errors.As(err, &refused) {
		return cli.WithHint(err, "nothing of it has been kept: a page to log in to the network, a proxy or the server itself may be to blame; when that is settled, run the same command again")
	}
	var damaged *download.DamagedError
	if errors.As(err, &damaged) {
		return cli.WithHint(err, "without --offline it is downloaded again; "+c.CheckCommand()+" names all damaged files and removes them")
	}
	var row *openimages.RowError
	if errors.As(err, &row) && !folder && !strings.EqualFold(c.Dataset, "sample") {
		return cli.WithHint(err, c.CheckCommand()+" removes what is damaged in the cache; the next command downloads it again")
	}
	var unreachable *download.UnreachableError
	if errors.As(err, &unreachable) {
		return cli.WithHint(err, "--dataset sample needs no network; --metadata or OI_METADATA names a mirror or a folder that has the files; HTTPS_PROXY names a proxy")
	}
	var cache *download.CacheError
	if errors.As(err, &cache) {
		return cli.WithHint(err, "name another folder with --cache DIR")
	}
	var offline *download.OfflineError
	if errors.As(err, &offline) {
		return cli.WithHint(err, "without --offline it is downloaded, once")
	}
	var missing *download.MissingError
	if !errors.As(err, &missing) {
		return err
	}
	if folder {
		return cli.WithHint(err, "the files must have their official relative paths below the folder; --dataset v4, v5, v6 and v7 differ in them")
	}
	return cli.WithHint(err, "the data set's layout may have changed; --dataset names other versions, --metadata URL|DIR another place")
}

// CheckCommand is the command line that looks for damage in the cache.
func (c *Choice) CheckCommand() string {
	command := "oi-labels --check-cache"
	if c.Cache != "" {
		command += " --cache " + cli.ShellWord(c.Cache)
	}
	return command
}

// CheckCache looks for damage in the cache, as openimages.CheckCache does, and
// returns the folder with what it has found there.
func (c *Choice) CheckCache(ctx context.Context, env *cli.Env, damaged func(*download.DamagedError) error) (string, download.Report, error) {
	cache, err := cli.CacheDir(env, c.Cache)
	if err != nil {
		return "", download.Report{}, err
	}
	report, err := openimages.CheckCache(ctx, cache, damaged)
	if errors.Is(err, fs.ErrNotExist) && report == (download.Report{}) {
		err = cli.WithHint(fmt.Errorf("nothing has been downloaded to %s", cache), "name the folder that was given to the other commands: --cache DIR")
	}
	return cache, report, err
}

// UnknownClass turns an error of Classes.Find into one of usage, with what may
// have been meant.
func UnknownClass(err error) error {
	var unknown *openimages.UnknownClassError
	if !errors.As(err, &unknown) {
		return err
	}
	usage := cli.Usagef("%v", err)
	hint := unknown.Hint()
	if hint == "" {
		hint = "oi-labels lists the classes"
	}
	return cli.WithHint(usage, hint)
}

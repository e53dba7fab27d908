// Package named lets a model be given by the name of a known network where a
// command asks for a file.
package named

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/status"
	"github.com/opensandwich/oi/cmd/internal/zoo"
)

// Models are the networks that have a name, and the options that say where
// their files are.
type Models struct {
	Table zoo.Table
	// Download, if set, changes the options of downloads.
	Download func(*download.Options)

	cache   string
	offline bool
}

// Flags registers the flags.
func (m *Models) Flags(fs *cli.FlagSet) {
	fs.StringVar(&m.cache, "cache", "", "keep downloaded networks in `DIR` (default $XDG_CACHE_HOME/oi or ~/.cache/oi)")
	cli.FromEnv(fs, "cache", "OI_CACHE")
	fs.BoolVar(&m.offline, "offline", false, "use networks of the cache only, and never the network")
}

// Path returns the file of a model: the one that is named, or that of a known
// network, downloaded if need be. "-" and what can only be a file are returned
// as they are, whether they are there or not. what, such as "--backbone",
// begins the message about a name that nothing has.
func (m *Models) Path(ctx context.Context, env *cli.Env, what, name string) (string, error) {
	if _, err := os.Stat(name); name == "-" || !errors.Is(err, fs.ErrNotExist) {
		return name, nil
	}
	e, known := m.Table.Find(name)
	if !known {
		return name, m.unknown(what, name)
	}
	cache, err := cli.CacheDir(env, m.cache)
	if err != nil {
		return "", err
	}
	o := zoo.Options{Cache: cache, Download: status.Download(env), Say: func(line string) { env.Infof("%s", line) }}
	o.Download.Offline = m.offline
	if m.Download != nil {
		m.Download(&o.Download)
	}
	path, err := e.Fetch(ctx, o)
	return path, explain(err)
}

// unknown returns the error about a name that is neither that of a file nor that
// of a network. It is nil for what is meant to be a file: whoever reads it says
// what is wrong.
func (m *Models) unknown(what, name string) error {
	near := m.Table.Near(name)
	if strings.Contains(filepath.ToSlash(name), "/") || filepath.Ext(name) != "" && len(near) == 0 {
		return nil
	}
	hint := "oi-train --backbones says more of these; any image model in ONNX will do"
	if _, err := os.Stat(name + ".onnx"); err == nil {
		hint = "did you mean the file " + name + ".onnx?"
	} else if len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? " + hint
	}
	return cli.WithHint(cli.Usagef("%s: there is no file %s, and no known network of that name: %s", what, name, strings.Join(m.Table.Names(), ", ")), hint)
}

// explain adds the next step to an error of a download.
func explain(err error) error {
	var (
		refused     *download.RefusedError
		unreachable *download.UnreachableError
		offline     *download.OfflineError
		damaged     *download.DamagedError
		cache       *download.CacheError
		missing     *download.MissingError
	)
	const file = "a file with the same SHA-256 from elsewhere does as well: give FILE.onnx in place of the name"
	hint := ""
	switch {
	case errors.As(err, &refused):
		hint = "nothing of it has been kept: a page to log in to the network, a proxy or the server may be to blame; " + file
	case errors.As(err, &unreachable):
		hint = "HTTPS_PROXY names a proxy; " + file
	case errors.As(err, &offline), errors.As(err, &damaged):
		hint = "without --offline it is downloaded, once"
	case errors.As(err, &cache):
		hint = "name another folder with --cache DIR"
	case errors.As(err, &missing):
		hint = "its publisher may have moved it; " + file
	default:
		return err
	}
	return cli.WithHint(err, hint)
}

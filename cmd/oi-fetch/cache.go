package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/fetch"
)

const (
	minFree  = 1 << 30  // stays free on the disk of the cache
	minCache = 64 << 20 // has room for what is under way
)

// A cache is the folder of photos, opened when it is first needed.
type cache struct {
	env    *cli.Env
	folder string // as given, "" for the usual one
	size   int64  // bytes, 0 for no limit
	cas    *cas.Cache
}

func (c *cache) path() (string, error) {
	dir, err := cli.CacheDir(c.env, c.folder)
	return filepath.Join(dir, "photos"), err
}

// open opens the cache; it is called once.
func (c *cache) open() (*cas.Cache, error) {
	dir, err := c.path()
	if err != nil {
		return nil, err
	}
	c.cas, err = cas.Open(dir, cas.Options{Limit: c.size, MinFree: minFree, Now: c.env.Now})
	return c.cas, cli.WithHint(err, "name another folder with --cache DIR")
}

// full says that photos are not kept, and why.
func (c *cache) full(why error) {
	c.env.Warnf("%v: photos are passed on and not kept", why)
	c.env.Warnf("hint: make room, or name a folder on another disk with --cache DIR; else the next run asks for these photos again")
}

func (c *cache) close() error {
	if c.cas == nil {
		return nil
	}
	return c.cas.Close()
}

// verify checks everything in the cache. Damage is removed, and is an error.
func (c *cache) verify(ctx context.Context, env *cli.Env, check fetch.Check) error {
	if len(env.Args) > 0 {
		return cli.Usagef("--verify-cache reads no stream: %s is too much", env.Args[0])
	}
	if check == fetch.CheckFull {
		return cli.Usagef("--verify-cache compares each photo with its hash and decodes none: it does not go with --check %s", check)
	}
	dir, err := c.path()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return cli.WithHint(fmt.Errorf("there is no cache in %s", dir), "name the folder that oi-fetch was given: --cache DIR")
	}
	cache, err := c.open()
	if err != nil {
		return err
	}
	v, err := cache.Verify(ctx)
	if err != nil {
		return err
	}
	env.Infof("%d photos of %d addresses in %s are whole: %.1f MB", v.Files, v.Answers, dir, float64(v.Bytes)/1e6)
	if v.Lost > 0 {
		env.Infof("removed %d files that a killed run had left behind", v.Lost)
	}
	if v.Damaged > 0 {
		return cli.WithHint(fmt.Errorf("%d files were damaged, and are removed", v.Damaged), "the next run fetches them again")
	}
	return nil
}

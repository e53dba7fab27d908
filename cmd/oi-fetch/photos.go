package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// photos adds photos to items. An item that waits for a slower one before it
// holds its photo only while there is room; else the photo is read from the
// cache when its turn to be written has come.
type photos struct {
	fetcher *fetch.Fetcher
	args    map[string]string
	waiting sync.Map // *record.Item -> *fetch.Picture
}

func (o *options) openCache(env *cli.Env) func() (*cas.Cache, error) {
	return func() (*cas.Cache, error) {
		dir, err := cli.CacheDir(env, o.cache)
		if err != nil {
			return nil, err
		}
		c, err := cas.Open(filepath.Join(dir, "photos"), cas.Options{Now: env.Now})
		return c, cli.WithHint(err, "name another folder with --cache DIR")
	}
}

func (p *photos) do(ctx context.Context, item *record.Item) (stream.Result, error) {
	picture, err := p.fetcher.Fetch(ctx, request(item))
	var failure *fetch.Failure
	if errors.As(err, &failure) {
		return stream.Result{Skipped: string(failure.Reason), Detail: failure.Trace()}, nil
	}
	if err != nil {
		return stream.Result{}, fmt.Errorf("photo %s: %w", item.ID, err)
	}
	item.Fetched = &record.Fetched{URL: picture.URL, Source: picture.Source, SHA256: picture.SHA256, MediaType: picture.MediaType}
	p.waiting.Store(item, picture)
	return stream.Result{Items: []*record.Item{item}}, nil
}

// emit puts the bytes into an item that is about to be written.
func (p *photos) emit(item *record.Item) error {
	v, ok := p.waiting.LoadAndDelete(item)
	if !ok {
		return fmt.Errorf("record %s came without its photo", item.Key)
	}
	picture := v.(*fetch.Picture)
	data, err := picture.Bytes()
	item.Fetched.Bytes = data
	return errors.Join(err, picture.Release())
}

// request is the request for the photo of an item.
func request(item *record.Item) fetch.Request {
	r := fetch.Request{ID: item.ID, Subset: item.Subset}
	if im := item.Image; im != nil {
		r.URL, r.ThumbnailURL = im.URL, im.ThumbnailURL
		r.OriginalMD5, r.OriginalSize = im.OriginalMD5, im.OriginalSize
	}
	return r
}

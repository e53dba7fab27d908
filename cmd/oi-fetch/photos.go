package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/detection"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// photoSize is the size of a photo of the public mirror, about. By it the items
// that run ahead of a slow one are as many as there is room to hold.
const photoSize = 256 << 10

// photos adds photos to items. An item that waits for a slower one before it
// holds its photo only while there is room; else the photo is read from the
// cache when its turn to be written has come.
type photos struct {
	fetcher     *fetch.Fetcher
	attribution *attribution      // nil: not wanted
	export      *detection.Export // nil: not wanted
	share       bool              // an item carries no photo that the one before it has
	waiting     sync.Map          // *record.Item -> waiting
	segment     int               // of the input, as its headers are read
	last        carrier
	failed      atomic.Bool
}

// waiting is the photo of an item that is to be written, and the segment that
// it is of.
type waiting struct {
	*fetch.Picture
	segment int
}

// A carrier is the last item that was written with its photo.
type carrier struct {
	key, id, sha256 string
	segment         int
}

// do fetches the photo of an item of a segment.
func (p *photos) do(ctx context.Context, segment int, item *record.Item) (stream.Result, error) {
	picture, err := p.fetcher.Fetch(ctx, request(item))
	var f *fetch.Failure
	if errors.As(err, &f) {
		p.failed.Store(true)
		return stream.Result{Failure: &record.Failure{
			Reason: string(f.Reason), Detail: f.Summary(), Source: f.Source, Status: f.Status, Attempts: f.Attempts, Seconds: f.Seconds,
		}}, nil
	}
	if err != nil {
		return stream.Result{}, fmt.Errorf("photo %s: %w", item.ID, err)
	}
	item.Fetched = &record.Fetched{
		URL: picture.URL, Source: picture.Source, SHA256: picture.SHA256, MediaType: picture.MediaType, Earlier: earlier(picture),
	}
	p.waiting.Store(item, waiting{picture, segment})
	return stream.Result{Items: []*record.Item{item}}, nil
}

// earlier is why the sources before the one that served did not.
func earlier(p *fetch.Picture) []record.Attempt {
	var all []record.Attempt
	for _, a := range p.Earlier {
		all = append(all, record.Attempt{Source: a.Source, Reason: string(a.Reason), Status: a.Status})
	}
	return all
}

// emit puts the bytes into an item that is about to be written, or the key of the
// one before it that carries them. It is called in the order of the output.
func (p *photos) emit(item *record.Item) error {
	v, ok := p.waiting.Load(item)
	if !ok {
		return fmt.Errorf("record %s came without its photo", item.Key)
	}
	w := v.(waiting)
	this := carrier{item.Key, item.ID, item.Fetched.SHA256, w.segment}
	if p.share && p.last.key != "" && this == (carrier{this.key, p.last.id, p.last.sha256, p.last.segment}) {
		item.Fetched.BytesOf = p.last.key
		return p.attribution.add(item)
	}
	data, err := w.Bytes()
	if err != nil {
		return err
	}
	item.Fetched.Bytes, p.last = data, this
	return p.attribution.add(item)
}

// written takes the bytes back.
func (p *photos) written(item *record.Item) error {
	item.Fetched.Bytes, item.Fetched.BytesOf = nil, ""
	v, ok := p.waiting.LoadAndDelete(item)
	if !ok {
		return fmt.Errorf("record %s came without its photo", item.Key)
	}
	return v.(waiting).Release()
}

// hint says of servers that do not answer what would help, and of folders
// without any photo how their layout can be named.
func (p *photos) hint(env *cli.Env) {
	if !p.failed.Load() {
		return
	}
	if err := p.fetcher.Unreachable(); err != nil {
		env.Infof("no server has answered: %v", err)
		env.Infof("hint: HTTPS_PROXY names a proxy; --images takes a folder with the photos, or the address of a mirror; photos that are in the cache need no network")
	}
	for _, name := range p.fetcher.UnmatchedFolders() {
		env.Infof("no photo was found in %s", name)
		env.Infof("hint: a folder has SUBSET/ID.jpg or ID.jpg, or is named with its layout: --images 'DIR/{subset}/data/{id}.jpg', 'DIR/{subset}/{class}/{id}.jpg'")
	}
}

// request is the request for the photo of an item.
func request(item *record.Item) fetch.Request {
	r := fetch.Request{ID: item.ID, Subset: item.Subset}
	if item.Label != nil {
		r.Class = item.Label.Name
	}
	if im := item.Image; im != nil {
		r.URL, r.ThumbnailURL = im.URL, im.ThumbnailURL
		r.OriginalMD5, r.OriginalSize = im.OriginalMD5, im.OriginalSize
	}
	return r
}

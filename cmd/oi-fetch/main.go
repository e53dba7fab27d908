package main

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/fetch"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/sample"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command {
	o := &options{cacheSize: 50 << 30}
	return &cli.Command{
		Name:      "oi-fetch",
		Help:      help,
		HelpParts: map[string]string{"max-pixels": imagefile.MaxPixelsHelp, "skips of pieces": stream.PartHelp},
		Flags:     o.flags,
		Run:       o.run,
		Input:     "what oi-boxes writes",
		Instead: []cli.Instead{
			{Names: []string{"size", "image-size", "img-size", "imgsz", "target-size", "input-size", "width", "height", "resize", "resize-mode"}, Hint: "photos stay as they are; oi-crop --size scales crops"},
			{Names: []string{"url-list", "url-col", "urls", "input-format", "csv"}, Hint: "addresses come in the stream: oi-boxes CLASS | oi-fetch"},
			{Names: []string{"limit", "max-samples", "num-samples", "max-images", "class", "classes"}, Hint: "oi-boxes chooses the photos: oi-boxes --limit N CLASS | oi-fetch"},
		},
		Files:       stream.FileEndings(),
		InputUnused: func() bool { return o.verifyCache },
	}
}

type options struct {
	stream      stream.Flags
	images      string
	cache       string
	cacheSize   dataset.Memory
	verifyCache bool
	timeout     time.Duration
	retries     int
	rates       []string
	sharedRates string
	connections int
	allowHosts  []string
	robots      bool
	offline     bool
	check       string
	maxPixels   int
	attribution string
	shareBytes  bool
	export      exportOptions
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.StringVar(&o.images, "images", fetch.DefaultSources, "get photos from s3, flickr, thumbnail, a URL or a folder, or a `LIST` of these")
	cli.FromEnv(fs, "images", "OI_IMAGES")
	fs.StringVar(&o.cache, "cache", "", "keep photos below `DIR` instead of $XDG_CACHE_HOME/oi or ~/.cache/oi")
	cli.FromEnv(fs, "cache", "OI_CACHE")
	fs.Var(&o.cacheSize, "cache-size", "let the cache have this many `BYTES`, such as 500M or 50G; 0 is no limit")
	fs.BoolVar(&o.verifyCache, "verify-cache", false, "check every photo in the cache, and do nothing else")
	fs.BoolVar(&o.offline, "offline", false, "ask nobody: use folders and the cache only")
	fs.StringVar(&o.check, "check", string(fetch.CheckHeader), "check each photo's header and end, or with full decode it: `header|full`")
	fs.IntVar(&o.maxPixels, "max-pixels", imagefile.DefaultMaxPixels, imagefile.MaxPixelsUsage)
	fs.DurationVar(&o.timeout, "timeout", fetch.DefaultTimeout, "give up a transfer after this `TIME`")
	fs.IntVar(&o.retries, "retries", fetch.DefaultRetries, "try a failed transfer `N` times more")
	fs.StringSliceVar(&o.rates, "rate", nil, "send at most `N` requests a second to each host, or HOST=N; 0 is unlimited (default flickr=1)")
	fs.StringVar(&o.sharedRates, "shared-rates", "", "keep to --rate together with all that name this folder `DIR`, on this machine or others")
	fs.IntVar(&o.connections, "connections", 0, "open at most `N` connections to each host (default 32, to Flickr 4)")
	fs.StringSliceVar(&o.allowHosts, "allow-host", nil, "let addresses in the stream lead to `HOST` or HOST:PORT though it is private")
	fs.BoolVar(&o.robots, "ignore-robots", false, "take photos that X-Robots-Tag forbids to learn from")
	fs.StringVar(&o.attribution, "attribution", "", "write the credits of the photos that came through to `FILE`, as .csv, .html or .txt")
	fs.BoolVar(&o.shareBytes, "share-bytes", false, "let the first of the items in a row that are of one photo carry it for all of them")
	o.export.register(fs)
	// Transfers wait for the network far more than for a processor.
	o.stream.Jobs = 32
	o.stream.Register(fs)
	cli.ListOf(fs, "images", "s3", "flickr", "thumbnail", cli.Folder)
	cli.FilesOf(fs, "attribution", "csv", "html", "txt")
	cli.AlsoCalled(fs, "retries", "retry")
	cli.AlsoCalled(fs, "images", "source", "sources", "from", "mirror", "image-source")
	cli.AlsoCalled(fs, "attribution", "credits", "licenses", "licences")
}

// fetcher makes the fetcher that the options describe, and the arguments that
// change results. The caller closes it.
func (o *options) fetcher(env *cli.Env, cache *cache) (*fetch.Fetcher, map[string]string, error) {
	least := dataset.Memory(minCache)
	switch {
	case o.cacheSize != 0 && o.cacheSize < minCache:
		return nil, nil, cli.Usagef("--cache-size %s: want 0 or at least %s", &o.cacheSize, &least)
	case o.timeout <= 0:
		return nil, nil, cli.Usagef("--timeout %s: want more than 0", o.timeout)
	case o.retries < 0:
		return nil, nil, cli.Usagef("--retries %d: want 0 or more", o.retries)
	case o.maxPixels < 1:
		return nil, nil, cli.Usagef("--max-pixels %d: want 1 or more", o.maxPixels)
	case o.connections < 0:
		return nil, nil, cli.Usagef("--connections %d: want 1 or more, or 0 for the default", o.connections)
	case o.shareBytes && o.stream.JSON != "":
		return nil, nil, cli.Usagef("--share-bytes does not go with --json: programs that read JSON take items out")
	case o.shareBytes && o.stream.Part:
		return nil, nil, cli.Usagef("--share-bytes does not go with --part: pieces may be joined in any order")
	}
	if !stream.IsFolder(o.attribution) {
		if err := cli.CheckDistinct(o.stream.Failures, o.attribution); err != nil {
			return nil, nil, err
		}
	}
	check, err := fetch.ParseCheck(o.check)
	if err != nil {
		return nil, nil, cli.Usagef("--check: %w", err)
	}
	rates, err := fetch.ParseRates(o.rates)
	if err != nil {
		return nil, nil, cli.Usagef("--rate: %w", err)
	}
	shared, err := fetch.OpenSharedRates(o.sharedRates)
	if err != nil {
		return nil, nil, cli.Usagef("--shared-rates: %w", err)
	}
	sources, err := fetch.ParseSources(o.images)
	if err != nil {
		return nil, nil, cli.Usagef("--images: %w", err)
	}
	f, err := fetch.New(fetch.Options{
		Sources:      sources,
		Cache:        cache.open,
		CacheFull:    cache.full,
		Asking:       func(address string) { env.Infof("waiting for an answer: %s", address) },
		Retrying:     func(address string, err error) { env.Infof("trying again: %s: %v", address, err) },
		Sample:       sample.New().Photo,
		Timeout:      o.timeout,
		Retries:      o.retries,
		Rates:        rates,
		SharedRates:  shared,
		Connections:  o.connections,
		AllowHosts:   o.allowHosts,
		IgnoreRobots: o.robots,
		Offline:      o.offline,
		Check:        check,
		MaxPixels:    o.maxPixels,
		UserAgent:    "oi-fetch/" + env.Version,
		EnvProxy:     true,
	})
	if err != nil {
		return nil, nil, cli.Usagef("--allow-host: %w", err)
	}
	args := map[string]string{"images": fetch.Canonical(sources), "check": string(check)}
	if o.maxPixels != imagefile.DefaultMaxPixels {
		args["max_pixels"] = strconv.Itoa(o.maxPixels)
	}
	if o.robots {
		args["robots"] = "ignored"
	}
	return f, args, nil
}

func (o *options) run(ctx context.Context, env *cli.Env) (err error) {
	cache := &cache{env: env, folder: o.cache, size: int64(o.cacheSize)}
	defer func() { err = errors.Join(err, cache.close()) }()
	if o.verifyCache {
		return cache.verify(ctx, env, fetch.Check(o.check))
	}
	fetcher, args, err := o.fetcher(env, cache)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fetcher.Close()) }()
	p := &photos{fetcher: fetcher, share: o.shareBytes}
	if p.export, err = o.export.open(env, o.stream.Part, o.maxPixels, args); err != nil {
		return err
	}
	defer func() { err = closeExport(p.export, err) }()
	if err := o.stream.AddJobFile(env, "--attribution", o.attribution); err != nil {
		return err
	}
	if o.attribution != "" {
		if p.attribution, err = createAttribution(o.attribution, env.Args); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.attribution.finish(err)) }()
	}
	stage := stream.Stage{
		Args:       args,
		Need:       "image",
		AddedBytes: photoSize,
		Header:     p.header,
		Emit:       p.emit,
		Written:    p.written,
		MustDrain:  p.attribution != nil || p.export != nil,
		// Somebody who wants the photos may have nowhere to send the
		// records.
		NoOutput: p.export != nil && env.StdoutTTY && o.stream.JSON == "",
	}
	if p.export != nil {
		stage.Finish = func(counts record.StageCounts) error { return finishExport(ctx, env, p.export, counts) }
	}
	err = stream.Filter(ctx, env, &o.stream, env.Args, stage)
	p.hint(env)
	return err
}

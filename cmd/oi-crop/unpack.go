package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/folder"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// maxPicture bounds the file of a crop, in bytes: one of maxSize by maxSize
// pixels has fewer.
const maxPicture = 64 << 20

// leastTopHash is how many digits of a top hash name a package.
var leastTopHash = regexp.MustCompile(`^[0-9a-fA-F]{6,64}$`)

// checkUnpack checks --unpack and --top-hash. files are the arguments.
func (o *options) checkUnpack(files []string) error {
	switch {
	case o.unpack == "" && o.topHash == "":
		return nil
	case o.unpack == "":
		return cli.Usagef("--top-hash is for --unpack DIR, which is not given")
	case o.info || o.looks() || o.stream.Part || len(files) > 0:
		return cli.Usagef("--unpack only reads the folder back: it does not go with --info, --dir, --tar, --sheet, --attribution, --part or files")
	case o.topHash != "" && !leastTopHash.MatchString(o.topHash):
		return cli.Usagef("--top-hash %s: want 6 to 64 hexadecimal digits", o.topHash)
	}
	for _, flag := range append(cuttingFlags(), "decode-memory", "format", "quality", "tar-size", "tar-count", "force", "manifest", "failures", "salvage") {
		if o.given(flag) {
			return cli.Usagef("--unpack only reads the folder back: --%s does nothing to it", flag)
		}
	}
	return nil
}

// writeUnpacked writes the stream that a folder of --dir was made of.
func (o *options) writeUnpacked(ctx context.Context, env *cli.Env) (err error) {
	hash, err := verifyPackage(o.unpack, o.topHash)
	if err != nil {
		return err
	}
	if hash != "" {
		env.Infof("%s is the package of top hash %s", o.unpack, hash)
	}
	contents, err := folder.Open(o.unpack)
	if err != nil {
		return fmt.Errorf("--unpack: %w", err)
	}
	if contents.Ending() != formatPNG {
		return cli.WithHint(fmt.Errorf("--unpack: %s has pictures as JPEG, which are not the pixels of its stream", o.unpack), "--format png keeps them")
	}
	out, err := stream.Create(env, &o.stream)
	if err != nil {
		return err
	}
	account, err := stream.NewCounters(env, &o.stream)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, account.Finish()) }()
	header := contents.Header()
	if err := errors.Join(account.Begin(header), out.Write(header)); err != nil {
		return err
	}
	for _, set := range contents.Sets {
		for row, err := range contents.Rows(set) {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err == nil {
				row.Item.Tensor, err = readPicture(row.Path)
			}
			if err != nil {
				return err
			}
			digest := record.DigestOf(row.Item)
			account.In(1, digest)
			account.Out(1, digest)
			if err := out.Write(row.Item); err != nil {
				return err
			}
		}
	}
	count, err := account.End()
	if err != nil {
		return err
	}
	return errors.Join(out.Write(&record.End{Stages: []record.StageCounts{count}}), out.Close())
}

// readPicture reads the pixels of a crop.
func readPicture(path string) (*record.Tensor, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPicture {
		return nil, fmt.Errorf("%s is no picture of a crop", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	picture, err := pix.Decode(data, maxSize*maxSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &record.Tensor{
		Shape: []int{picture.Height, picture.Width, 3}, DType: "uint8", Data: picture.RGB(0, 0, picture.Width, picture.Height),
	}, nil
}

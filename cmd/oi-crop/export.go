package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/export/folder"
	"github.com/opensandwich/oi/cmd/internal/export/webdataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// The formats of exported crops.
const (
	formatPNG = "png"
	formatJPG = "jpg"
)

// defaultQuality is that of exported JPEGs: as good as Pillow's best advice.
const defaultQuality = 95

// minTarSize has room for a few crops of usual size.
const minTarSize = 64 << 10

// checkExport checks the options of crops as files.
func (o *options) checkExport() error {
	switch {
	case o.format != formatPNG && o.format != formatJPG:
		return cli.Usagef("--format %s: want png or jpg", o.format)
	case o.quality < 1 || o.quality > 100:
		return cli.Usagef("--quality %d: want 1 to 100", o.quality)
	case o.quality != defaultQuality && o.format != formatJPG:
		return cli.Usagef("--quality is for --format jpg")
	case o.format != formatPNG && o.dir == "" && o.tar == "":
		return cli.Usagef("--format is for --dir and --tar, of which none is given")
	case o.force && o.dir == "" && o.tar == "":
		return cli.Usagef("--force is for --dir and --tar, of which none is given")
	case o.tarSize < minTarSize:
		least := dataset.Memory(minTarSize)
		return cli.Usagef("--tar-size %s: want at least %s", &o.tarSize, &least)
	case o.tarCount < 1:
		return cli.Usagef("--tar-count %d: want 1 or more", o.tarCount)
	}
	if o.tar == "" {
		return nil
	}
	if err := webdataset.CheckPattern(o.tar); err != nil {
		return cli.Usagef("--tar %w", err)
	}
	return nil
}

// exported is a header as it describes files: with this stage, if it has cut the
// pixels, there is more to say of the files, or no other stage is known.
func (c *cropper) exported(h *record.Header, more map[string]string) *record.Header {
	args := map[string]string{}
	if !c.onlyLooks(h) {
		args = c.args()
	}
	if c.format == formatJPG {
		args["format"] = formatJPG
		args["quality"] = strconv.Itoa(c.quality)
	}
	maps.Copy(args, more)
	if len(args) == 0 && len(h.Stages) > 0 {
		return h
	}
	out := *h
	out.Stages = append(slices.Clone(h.Stages), record.Stage{Tool: c.env.Name, Version: c.env.Version, Args: args})
	return &out
}

// openExports begins what is written next to the stream.
func (c *cropper) openExports() error {
	if c.dir != "" {
		c.files = folder.New(folder.Options{
			Path: c.dir, Ending: c.format, Force: c.force, Part: c.stream.Part, Warn: c.env.Warnf,
		})
	}
	if c.tar == "" {
		return nil
	}
	w, err := webdataset.New(webdataset.Options{
		Pattern: c.tar, MaxBytes: int64(c.tarSize), MaxCount: c.tarCount, Ending: c.format,
		Force: c.force, Part: c.stream.Part, Warn: c.env.Warnf,
	})
	if err != nil {
		return fmt.Errorf("--tar: %w", err)
	}
	c.tars = &tarFiles{Writer: w}
	return nil
}

// tarFiles is a Writer and the samples that wait for their turn.
type tarFiles struct {
	*webdataset.Writer
	samples sync.Map // *record.Item: []byte
}

// beginExports checks that what a header describes may go where files are.
func (c *cropper) beginExports(ctx context.Context, h *record.Header) error {
	if c.files != nil {
		if err := c.files.Begin(ctx, c.exported(h, nil)); err != nil {
			return err
		}
	}
	if c.tars != nil {
		size := map[string]string{"tar_size": strconv.FormatInt(int64(c.tarSize), 10), "tar_count": strconv.Itoa(c.tarCount)}
		if err := c.tars.Begin(c.exported(h, size)); err != nil {
			return fmt.Errorf("--tar: %w", err)
		}
	}
	return nil
}

// save writes the crops to the folder, if one is wanted, and prepares them for
// tar files.
func (c *cropper) save(items []*record.Item) error {
	if c.files == nil && c.tars == nil {
		return nil
	}
	for _, item := range items {
		picture, err := c.encode(item)
		if err != nil {
			return err
		}
		if c.files != nil {
			if err := c.files.Save(item, picture); err != nil {
				return err
			}
		}
		if c.tars != nil {
			sample, err := c.tars.Encode(item, picture)
			if err != nil {
				return fmt.Errorf("--tar: %w", err)
			}
			c.tars.samples.Store(item, sample)
		}
	}
	return nil
}

// emitted sees each item in the order of the stream.
func (c *cropper) emitted(ctx context.Context, item *record.Item) error {
	if c.tars != nil {
		sample, _ := c.tars.samples.LoadAndDelete(item)
		if err := c.tars.Add(ctx, item, sample.([]byte)); err != nil {
			return fmt.Errorf("--tar: %w", err)
		}
	}
	if c.sheet != nil {
		c.sheet.add(item)
	}
	return c.thanks.Add(credits.Of(item))
}

// encode returns an item's tensor as the bytes of a file. A PNG keeps the very
// pixels that the stream has.
func (o *options) encode(item *record.Item) ([]byte, error) {
	var data bytes.Buffer
	t := item.Tensor
	height, width := t.Shape[0], t.Shape[1]
	var err error
	if o.format == formatJPG {
		err = pix.EncodeJPEG(&data, t.Data, width, height, o.quality)
	} else {
		err = pix.EncodePNG(&data, t.Data, width, height)
	}
	return data.Bytes(), err
}

// finishFolder completes the folder and says what is in it.
func (c *cropper) finishFolder(ctx context.Context) error {
	s, err := c.files.Finish(ctx)
	if err != nil {
		return err
	}
	c.reportEmpty(s)
	soFar := ""
	if s.SoFar {
		soFar = " so far"
	}
	var sets []string
	for _, set := range s.Sets {
		if set.Name != "" {
			sets = append(sets, fmt.Sprintf("%s %d", set.Name, set.Pictures))
		}
	}
	of := ""
	if len(sets) > 0 {
		of = ": " + strings.Join(sets, ", ")
	}
	c.env.Infof("%s has %s of %s%s%s", c.dir, count(s.Pictures, "picture", "pictures"), count(s.Classes, "class", "classes"), soFar, of)
	c.reads(s.ReadLines(c.dir))
	return nil
}

// count returns a number of things in words.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// finishTars makes the tar files appear and says what is in them.
func (c *cropper) finishTars(ctx context.Context) error {
	s, err := c.tars.Finish(ctx)
	if err != nil {
		return fmt.Errorf("--tar: %w", err)
	}
	if len(s.Removed) > 0 {
		c.env.Warnf("%s of a former run removed: %s", count(len(s.Removed), "file", "files"), strings.Join(s.Removed, ", "))
	}
	var lines []string
	for _, set := range s.Sets {
		name := set.Name
		if name == "" {
			name = "no set"
		}
		c.env.Infof("%s: %s of %s in %s", name, count(set.Samples, "sample", "samples"), count(s.Classes, "class", "classes"), count(set.Files, "file", "files"))
		lines = append(lines, set.ReadLine())
	}
	c.reads(lines)
	return nil
}

// reads says which lines of Python read an export.
func (c *cropper) reads(lines []string) {
	for i, line := range lines {
		word := "to read it"
		if i > 0 {
			word = "or"
		}
		c.env.Infof("%s: %s", word, line)
	}
}

// reportEmpty names the classes without pictures, and what to do about them.
// For a piece or a shard it is no warning: others may have pictures of them.
func (c *cropper) reportEmpty(s *folder.Summary) {
	say, soFar := c.env.Warnf, ""
	if s.SoFar {
		say, soFar = c.env.Infof, " so far"
	}
	any := false
	for _, set := range s.Sets {
		names := set.Empty
		if len(names) == 0 {
			continue
		}
		any = true
		const most = 20
		more := ""
		if len(names) > most {
			more = fmt.Sprintf(" and %d other classes", len(names)-most)
			names = names[:most]
		}
		say("%s has no picture of %s%s%s: a file .keep keeps the folder, so that the classes have the same numbers in every set", set.Path, strings.Join(names, ", "), more, soFar)
	}
	if any {
		say("hint: torchvision's ImageFolder refuses a class without pictures unless it is called with allow_empty=True")
	}
}

// finishExports completes what is written next to the stream.
func (c *cropper) finishExports(ctx context.Context) error {
	var errs []error
	if c.files != nil {
		err := c.finishFolder(ctx)
		if err == nil {
			err = c.writeManifests()
		}
		errs = append(errs, err)
	}
	if c.tars != nil {
		errs = append(errs, c.finishTars(ctx))
	}
	if c.sheet != nil {
		errs = append(errs, c.sheet.write(c.env, c.options.sheet))
	}
	return errors.Join(errs...)
}

// closeExports gives back what exports hold, and removes what is not finished.
func (c *cropper) closeExports() error {
	var errs []error
	if c.files != nil {
		errs = append(errs, c.files.Close())
	}
	if c.tars != nil {
		errs = append(errs, c.tars.Close())
	}
	return errors.Join(errs...)
}

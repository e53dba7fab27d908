package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/folder"
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

// checkExport checks the options of crops as files.
func (o *options) checkExport() error {
	switch {
	case o.format != formatPNG && o.format != formatJPG:
		return cli.Usagef("--format %s: want png or jpg", o.format)
	case o.quality < 1 || o.quality > 100:
		return cli.Usagef("--quality %d: want 1 to 100", o.quality)
	case o.quality != defaultQuality && o.format != formatJPG:
		return cli.Usagef("--quality is for --format jpg")
	case o.format != formatPNG && o.dir == "":
		return cli.Usagef("--format is for --dir, which is not given")
	case o.force && o.dir == "":
		return cli.Usagef("--force is for --dir, which is not given")
	}
	return nil
}

// exportStage is this stage in the trail of files: what changes them, too.
func (o *options) exportStage(env *cli.Env) record.Stage {
	args := o.args()
	if o.format == formatJPG {
		args["format"] = formatJPG
		args["quality"] = strconv.Itoa(o.quality)
	}
	return record.Stage{Tool: env.Name, Version: env.Version, Args: args}
}

func (o *options) newFolder(env *cli.Env) *folder.Folder {
	return folder.New(folder.Options{
		Path: o.dir, Ending: o.format, Own: o.exportStage(env), Force: o.force, Part: o.stream.Part, Warn: env.Warnf,
	})
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
		errs = append(errs, c.finishFolder(ctx))
	}
	if c.sheet != nil {
		errs = append(errs, c.sheet.write(c.env, c.options.sheet))
	}
	return errors.Join(errs...)
}

// closeExports gives back what exports hold after a failure.
func (c *cropper) closeExports() error {
	if c.files == nil {
		return nil
	}
	return c.files.Close()
}

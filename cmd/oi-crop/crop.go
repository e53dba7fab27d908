package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/export/folder"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// The reasons for which an item is skipped, as counted in the stream.
const (
	skipDecode = "not decodable"
	skipBox    = "bad box"
	skipNoBox  = "no box"
	skipPixels = "too many pixels"
	skipEmpty  = "empty crop"
	skipMemory = "too much memory"
	// A valid photo that no decoder here reads. oi-fetch has the same
	// words.
	skipUnsupported = "unsupported feature"
)

// removedSmall is the reason for which --min-side removes an item.
const removedSmall = "smaller than min-side"

var (
	errSmall  = errors.New(removedSmall)
	errMemory = errors.New(skipMemory)
)

// decodedBytes is the memory for a photo of usual size while it is cropped.
const decodedBytes = 1 << 20

// A cropper turns items with photos into items with tensors. Its do is called
// from many goroutines.
type cropper struct {
	*options
	env    *cli.Env
	sheet  *contactSheet  // nil without --sheet
	files  *folder.Folder // nil without --dir
	tars   *tarFiles      // nil without --tar
	thanks *credits.File  // nil without --attribution

	// Used in the order of the input.
	hinted  bool   // that there is no class
	cropped string // size of the crop, without a photo, with which a segment without a trail begins

	memory   *semaphore.Weighted // bytes, for all photos that are being decoded
	decoders decoders

	boxless      atomic.Int64    // items without a box, both of whose views are the whole photo
	noRoom       atomic.Int64    // boxes without room for a background window
	oddRotations atomic.Int64    // photos whose rotation is no multiple of 90
	profiles     [2]atomic.Int64 // items whose photo has an ICC profile of sRGB, and another
	sideways     atomic.Int64    // whole photos that viewers turn by EXIF
}

func newCropper(o *options, env *cli.Env) *cropper {
	c := &cropper{options: o, env: env, memory: semaphore.NewWeighted(int64(o.decodeMemory))}
	if o.sheet != "" {
		c.sheet = newContactSheet(o.sheetOf)
	}
	return c
}

// header decides whether background windows are cut from the segment's photos,
// and adds their class if they are.
func (c *cropper) header(ctx context.Context, h *record.Header) (stream.Func, error) {
	if c.onlyLooks(h) {
		if err := c.checkIdle(h); err != nil {
			return nil, err
		}
		if c.sheet != nil {
			c.sheet.name(h.Classes)
		}
		return func(_ context.Context, item *record.Item) (stream.Result, error) { return c.look(item) }, c.beginExports(ctx, h)
	}
	named := slices.ContainsFunc(h.Classes, func(class record.Class) bool { return class.Name == background })
	withBackground := c.backgrounds.always || c.backgrounds.auto && len(h.Classes) == 1 && !named
	if c.backgrounds.auto && len(h.Classes) == 0 && !c.hinted {
		c.hinted = true
		c.env.Infof("the stream names no classes, so no background windows are cut; --background always cuts them")
	}
	if c.sheet != nil {
		c.sheet.name(h.Classes)
	}
	if withBackground && !named {
		h.Classes = append(slices.Clone(h.Classes), record.Class{Name: background})
		slices.SortStableFunc(h.Classes, func(a, b record.Class) int { return strings.Compare(a.Name, b.Name) })
	}
	if err := c.beginExports(ctx, h); err != nil {
		return nil, err
	}
	return func(ctx context.Context, item *record.Item) (stream.Result, error) {
		return c.do(ctx, item, withBackground)
	}, nil
}

// do crops one item.
func (c *cropper) do(ctx context.Context, item *record.Item, withBackground bool) (stream.Result, error) {
	if item.Tensor != nil && (!hasPhoto(item) || item.Augment != nil) && c.looks() {
		// Neither the trail nor the first item told that there are crops.
		if shape := item.Tensor.Shape; len(shape) == 3 && (shape[0] != c.size.Height || shape[1] != c.size.Width) {
			return stream.Result{}, cli.WithHint(fmt.Errorf("record %s is a crop of %dx%d pixels already, and its stream does not say how it was cut", item.Key, shape[1], shape[0]),
				fmt.Sprintf("--size %dx%d notes what it is", shape[1], shape[0]))
		}
		return c.look(item)
	}
	if item.Augment != nil {
		return stream.Result{}, cli.WithHint(fmt.Errorf("record %s is a variant, and cutting it anew would undo what oi-augment did", item.Key), "run oi-crop before oi-augment")
	}
	if err := c.saw(item); err != nil {
		return stream.Result{}, err
	}
	if err := stream.Need(c.env, item, "fetched"); err != nil {
		return stream.Result{}, err
	}
	items, err := c.crop(ctx, item, withBackground)
	switch {
	case ctx.Err() != nil:
		return stream.Result{}, context.Cause(ctx)
	case err == nil:
		return stream.Result{Items: items, Added: background}, c.save(items)
	case errors.Is(err, errSmall):
		return stream.Result{Removed: removedSmall}, nil
	case errors.Is(err, imagefile.ErrTooManyPixels):
		return skipped(skipPixels, err), nil
	case errors.Is(err, errMemory):
		return skipped(skipMemory, err), nil
	case errors.Is(err, imagefile.ErrUnsupported):
		return skipped(skipUnsupported, err), nil
	case errors.Is(err, errNoBox):
		return skipped(skipNoBox, err), nil
	case errors.Is(err, pix.ErrBadBox):
		return skipped(skipBox, err), nil
	case errors.Is(err, pix.ErrEmpty):
		return skipped(skipEmpty, err), nil
	}
	return skipped(skipDecode, err), nil
}

func skipped(reason string, err error) stream.Result {
	detail := strings.TrimPrefix(strings.TrimPrefix(err.Error(), reason), ": ")
	return stream.Result{Skipped: reason, Detail: detail}
}

func checkTensor(t *record.Tensor) error {
	if len(t.Shape) != 3 || t.Shape[2] != 3 || t.DType != "uint8" {
		return fmt.Errorf("a tensor of %s %v is no picture: want uint8 [height width 3]", t.DType, t.Shape)
	}
	h, w := t.Shape[0], t.Shape[1]
	if h < 1 || w < 1 || h > maxSize || w > maxSize || len(t.Data) != h*w*3 {
		return fmt.Errorf("a tensor of %v with %d bytes is no picture", t.Shape, len(t.Data))
	}
	return nil
}

// crop returns the item with its tensor and, where one is wanted and there is
// room, a background item. The item itself is not changed: should a later
// record fail, it may still be needed as it was.
func (c *cropper) crop(ctx context.Context, item *record.Item, withBackground bool) ([]*record.Item, error) {
	box, err := c.boxOf(item)
	if err != nil {
		return nil, err
	}
	data := item.Fetched.Bytes
	config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), c.maxPixels)
	if err != nil {
		return nil, err
	}
	if r := box.Rect(config.Width, config.Height); min(r.Dx(), r.Dy()) < c.minSide {
		return nil, errSmall
	}
	photo := &photo{cropper: c, data: data, config: config, rotation: c.rotation(item)}
	shown := box.Grow(float64(c.context))
	window := photo.window(shown, c.size)
	need := photo.memory(window, photo.scaleOf(window, c.size))
	if c.twoViews != (side{}) {
		need = max(need, photo.memory(photo.largestContext(window), photo.leastScale(shown)))
	}
	if most := int64(c.decodeMemory); need > most {
		return nil, fmt.Errorf("%w: decoding it takes %d MB, and --decode-memory is %d MB", errMemory, (need+1<<20-1)>>20, most>>20)
	}
	if err := c.memory.Acquire(ctx, need); err != nil {
		return nil, err
	}
	defer c.memory.Release(need)
	photo.decoder = c.decoders.acquire(data)
	defer c.decoders.release(photo.decoder)
	first, err := photo.cut(item, window, shown)
	if err != nil {
		return nil, err
	}
	items := []*record.Item{first}
	if withBackground && !(item.Crop != nil && item.Crop.Background) {
		named := *item
		named.Key = first.Key
		others, err := photo.cutBackgrounds(&named, box, window)
		if err != nil {
			return nil, err
		}
		items = append(items, others...)
	}
	switch imagefile.ProfileOf(data) {
	case imagefile.SRGBProfile:
		c.profiles[0].Add(1)
	case imagefile.OtherProfile:
		c.profiles[1].Add(1)
	}
	if whole := (pix.Box{XMax: 1, YMax: 1}); box == whole && photo.rotation == 0 && imagefile.Orientation(data) > 1 {
		c.sideways.Add(1)
	}
	return items, nil
}

// A photo is that of one item while it is cropped.
type photo struct {
	*cropper
	data     []byte
	config   imagefile.Config
	rotation int
	decoder  *pix.Decoder
}

// window returns what is cut out of the photo to show a box in a picture of a
// size.
func (p *photo) window(shown pix.Box, size side) image.Rectangle {
	window := shown.Rect(p.config.Width, p.config.Height)
	if p.square {
		window = p.target(size).Fit(window, p.config.Width, p.config.Height)
	}
	return window
}

// largestContext is a window as large as the one around a window can be, or
// around one of that size.
func (p *photo) largestContext(window image.Rectangle) image.Rectangle {
	grown := func(n, most int) int {
		return int(min(float64(most), float64(n)*(1+2*float64(p.viewContext))+2))
	}
	all := image.Rect(0, 0, grown(window.Dx(), p.config.Width), grown(window.Dy(), p.config.Height))
	if p.square {
		all = p.target(p.twoViews).Fit(all, p.config.Width, p.config.Height)
	}
	return all
}

// memory is about how many bytes it takes to cut a window, or one of that size,
// out of the photo, reduced by a scale.
func (p *photo) memory(window image.Rectangle, scale int) int64 {
	n := p.config.Memory(window, scale)
	if pix.Filter(p.filter) == pix.Lanczos {
		n += 4 * int64(window.Dx()) * int64(window.Dy())
	}
	if p.sheet != nil {
		all := image.Rect(0, 0, p.config.Width, p.config.Height)
		n = max(n, p.config.Memory(all, pix.ThumbScale(all.Dx(), all.Dy())))
	}
	return n
}

// scaleOf is by how much the photo is reduced for a window.
func (p *photo) scaleOf(window image.Rectangle, size side) int {
	if p.scale != scaleAuto {
		return 1
	}
	return p.target(size).Scale(window.Dx(), window.Dy())
}

// leastScale is a scale that no context which has all of a box in it goes below.
func (p *photo) leastScale(shown pix.Box) int {
	if p.scale != scaleAuto {
		return 1
	}
	r, t := shown.Rect(p.config.Width, p.config.Height), p.target(p.twoViews)
	t.Pad = pix.PadNone // with which all of it counts
	return t.Scale(r.Dx(), r.Dy())
}

// target is what is made of a window.
func (p *photo) target(size side) pix.Target {
	t := pix.Target{Width: size.Width, Height: size.Height, Rotation: p.rotation, Filter: pix.Filter(p.filter)}
	if p.square {
		t.Pad = pix.Pad(p.pad)
	}
	return t
}

// tensor returns a window at a size, and upright.
func (p *photo) tensor(window image.Rectangle, size side) (*record.Tensor, error) {
	t := &record.Tensor{Shape: []int{size.Height, size.Width, 3}, DType: "uint8"}
	err := p.decoder.DecodeRows(p.data, p.config, window, p.scaleOf(window, size), func(picture *pix.Picture) {
		t.Data = pix.Crop(picture, window, p.target(size))
	})
	return t, err
}

// thumb returns a small copy of the photo.
func (p *photo) thumb(window image.Rectangle) (thumb *pix.Thumb, err error) {
	w, h := p.config.Width, p.config.Height
	err = p.decoder.DecodeRows(p.data, p.config, image.Rect(0, 0, w, h), pix.ThumbScale(w, h), func(picture *pix.Picture) {
		thumb = pix.NewThumb(picture, window, p.rotation)
	})
	return thumb, err
}

var errNoBox = errors.New("no box")

// boxOf returns the item's box if it is one. With two views, an item without a
// box shows the whole photo.
func (c *cropper) boxOf(item *record.Item) (pix.Box, error) {
	if item.Box == nil && c.twoViews != (side{}) {
		c.boxless.Add(1)
		return pix.Box{XMax: 1, YMax: 1}, nil
	}
	if item.Box == nil {
		return pix.Box{}, errNoBox
	}
	b := pix.Box{XMin: item.Box.XMin, XMax: item.Box.XMax, YMin: item.Box.YMin, YMax: item.Box.YMax}
	return b, b.Check()
}

// cut returns a copy of the item with the window, which shows a box, as its
// tensor, and with the context of it if there are to be two views. An item
// without a key gets one: from here on the key identifies it.
func (p *photo) cut(item *record.Item, window image.Rectangle, shown pix.Box) (*record.Item, error) {
	out := *item
	var err error
	if out.Tensor, err = p.tensor(window, p.size); err != nil {
		return nil, err
	}
	out.Context = nil
	if p.twoViews != (side{}) {
		around := p.window(shown.Grow(float64(p.viewContext)), p.twoViews)
		if out.Context, err = p.tensor(around, p.twoViews); err != nil {
			return nil, err
		}
	}
	out.Crop = &record.Crop{
		X: window.Min.X, Y: window.Min.Y, Width: window.Dx(), Height: window.Dy(), Rotation: p.rotation,
		SourceWidth: p.config.Width, SourceHeight: p.config.Height,
		Background: item.Crop != nil && item.Crop.Background,
	}
	out.Embedding, out.Prediction = nil, nil // if there were any, they were of other pixels
	out.Key = dataset.KeyOf(&out)
	if !p.keepBytes {
		fetched := *item.Fetched
		fetched.Bytes = nil
		out.Fetched = &fetched
	}
	if p.sheet != nil && p.sheet.wants(&out) {
		thumb, err := p.thumb(window)
		if err != nil {
			return nil, err
		}
		p.sheet.prepare(&out, thumb)
	}
	return &out, nil
}

// notes says what is worth knowing and is no failure.
func (c *cropper) notes() {
	if n := c.boxless.Load(); n > 0 {
		c.env.Infof("%d items have no box: both of their views are the whole photo", n)
	}
	if n := c.noRoom.Load(); n > 0 {
		c.env.Infof("no room for a background window beside %d boxes", n)
	}
	if n := c.oddRotations.Load(); n > 0 {
		c.env.Infof("%d photos have a rotation that is no quarter turn and were left as they are", n)
	}
	if n := c.sideways.Load(); n > 0 {
		c.env.Infof("%d whole photos have an EXIF orientation, ignored: oi-eval and viewers turn such files, and these crops are as they are stored (hint: exiftran -ai or mogrify -auto-orient turns the files first)", n)
	}
	srgb, other := c.profiles[0].Load(), c.profiles[1].Load()
	switch {
	case other > 0:
		c.env.Infof("the photos of %d records carry an ICC profile, ignored; %d of them are not sRGB (such as Adobe RGB or Display P3), so their colours are off", srgb+other, other)
	case srgb > 0:
		c.env.Infof("the photos of %d records carry an ICC profile, ignored; all are sRGB, as it is assumed", srgb)
	}
}

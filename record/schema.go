package record

import (
	"fmt"
	"math"
)

// The objects of format version 1. The order of the fields is the canonical
// order of the keys. The tables are never changed.
var (
	headerObject = newHeaderObject()
	itemObject   = newItemObject()
	endObject    = newEndObject()
	partObject   = newPartObject()
)

func newHeaderObject() *object[Header] {
	class := &object[Class]{
		extra: func(c *Class) *[]Field { return &c.Extra },
		fields: []field[Class]{
			text("mid", func(c *Class) *string { return &c.MID }, nil),
			name("name", func(c *Class) *string { return &c.Name }, nil),
		},
	}
	stage := &object[Stage]{
		extra: func(s *Stage) *[]Field { return &s.Extra },
		fields: []field[Stage]{
			name("tool", func(s *Stage) *string { return &s.Tool }, nil),
			text("version", func(s *Stage) *string { return &s.Version }, nil),
			texts("args", func(s *Stage) *map[string]string { return &s.Args }),
		},
	}
	return &object[Header]{
		kind:  "header",
		extra: func(h *Header) *[]Field { return &h.Extra },
		fields: []field[Header]{
			versionField(),
			list("classes", func(h *Header) *[]Class { return &h.Classes }, class),
			list("stages", func(h *Header) *[]Stage { return &h.Stages }, stage),
			text("completeness", func(h *Header) *string { return &h.Completeness }, oneOf("unchecked")),
		},
	}
}

// versionField is required and must be Version. A Header made by hand may
// leave it zero.
func versionField() field[Header] {
	return field[Header]{
		key:      "version",
		required: true,
		shape:    intShape,
		decode: func(d *decoder, h *Header) error {
			n, err := d.int()
			if err == nil && n != Version {
				err = &VersionError{Version: n}
			}
			h.Version = int(n)
			return err
		},
		encode: func(e *encoder, h *Header) {
			if h.Version != 0 && h.Version != Version {
				e.fail(&VersionError{Version: int64(h.Version)})
			}
			e.int(Version)
		},
	}
}

func newCountObject() *object[StageCounts] {
	return &object[StageCounts]{
		extra: func(c *StageCounts) *[]Field { return &c.Extra },
		fields: []field[StageCounts]{
			name("tool", func(c *StageCounts) *string { return &c.Tool }, nil),
			integer("in", func(c *StageCounts) *int64 { return &c.In }, 0, math.MaxInt64).must(),
			integer("out", func(c *StageCounts) *int64 { return &c.Out }, 0, math.MaxInt64).must(),
			counts("added", func(c *StageCounts) *map[string]int64 { return &c.Added }),
			counts("removed", func(c *StageCounts) *map[string]int64 { return &c.Removed }),
			counts("skipped", func(c *StageCounts) *map[string]int64 { return &c.Skipped }),
			text("max_skips", func(c *StageCounts) *string { return &c.MaxSkips }, checkSkipLimit),
		},
	}
}

func newLossObject() *object[Damage] {
	return &object[Damage]{
		extra: func(l *Damage) *[]Field { return &l.Extra },
		fields: []field[Damage]{
			integer("places", func(l *Damage) *int64 { return &l.Regions }, 0, math.MaxInt64).must(),
			integer("bytes", func(l *Damage) *int64 { return &l.Bytes }, 0, math.MaxInt64).must(),
		},
	}
}

func newEndObject() *object[End] {
	return &object[End]{
		kind:  "end",
		extra: func(n *End) *[]Field { return &n.Extra },
		fields: []field[End]{
			list("stages", func(n *End) *[]StageCounts { return &n.Stages }, newCountObject()),
			part("salvaged", func(n *End) **Damage { return &n.Damage }, newLossObject()),
		},
	}
}

func newPartObject() *object[Part] {
	return &object[Part]{
		kind:  "part",
		extra: func(p *Part) *[]Field { return &p.Extra },
		fresh: func(p *Part) { p.Total = -1 },
		fields: []field[Part]{
			list("stages", func(p *Part) *[]StageCounts { return &p.Stages }, newCountObject()).must(),
			integer("total", func(p *Part) *int64 { return &p.Total }, 0, math.MaxInt64).
				unless(func(p *Part) bool { return p.Total < 0 }),
			list("upstream", func(p *Part) *[]StageCounts { return &p.Upstream }, newCountObject()).
				unless(func(p *Part) bool { return p.Upstream == nil }),
			part("salvaged", func(p *Part) **Damage { return &p.Damage }, newLossObject()),
		},
		check: func(p *Part) error {
			if len(p.Stages) == 0 {
				return within("stages", 0, errMissing)
			}
			return nil
		},
	}
}

func newItemObject() *object[Item] {
	label := &object[Label]{
		extra: func(l *Label) *[]Field { return &l.Extra },
		fields: []field[Label]{
			text("mid", func(l *Label) *string { return &l.MID }, nil),
			name("name", func(l *Label) *string { return &l.Name }, nil),
		},
	}
	rect := &object[Rect]{
		extra: func(r *Rect) *[]Field { return &r.Extra },
		fields: []field[Rect]{
			number("xmin", func(r *Rect) *float64 { return &r.XMin }).must(),
			number("xmax", func(r *Rect) *float64 { return &r.XMax }).must(),
			number("ymin", func(r *Rect) *float64 { return &r.YMin }).must(),
			number("ymax", func(r *Rect) *float64 { return &r.YMax }).must(),
		},
	}
	return &object[Item]{
		extra: func(i *Item) *[]Field { return &i.Extra },
		fields: []field[Item]{
			name("id", func(i *Item) *string { return &i.ID }, checkName(64)),
			text("key", func(i *Item) *string { return &i.Key }, checkName(80)),
			text("subset", func(i *Item) *string { return &i.Subset }, checkName(64)),
			text("set", func(i *Item) *string { return &i.Set }, oneOf("train", "val", "test")),
			part("label", func(i *Item) **Label { return &i.Label }, label),
			part("box", func(i *Item) **Box { return &i.Box }, newBoxObject()),
			list("avoid", func(i *Item) *[]Rect { return &i.Avoid }, rect).
				unless(func(i *Item) bool { return i.Avoid == nil }),
			imageField(),
			part("fetched", func(i *Item) **Fetched { return &i.Fetched }, newFetchedObject()),
			part("crop", func(i *Item) **Crop { return &i.Crop }, newCropObject()),
			part("tensor", func(i *Item) **Tensor { return &i.Tensor }, newTensorObject()),
			part("augment", func(i *Item) **Augment { return &i.Augment }, newAugmentObject()),
			part("prediction", func(i *Item) **Prediction { return &i.Prediction }, newPredictionObject()),
			part("failure", func(i *Item) **Failure { return &i.Failure }, newFailureObject()),
		},
	}
}

func newBoxObject() *object[Box] {
	return &object[Box]{
		extra: func(b *Box) *[]Field { return &b.Extra },
		fresh: func(b *Box) {
			b.Occluded, b.Truncated, b.GroupOf, b.Depiction, b.Inside = -1, -1, -1, -1, -1
		},
		fields: []field[Box]{
			number("xmin", func(b *Box) *float64 { return &b.XMin }).must(),
			number("xmax", func(b *Box) *float64 { return &b.XMax }).must(),
			number("ymin", func(b *Box) *float64 { return &b.YMin }).must(),
			number("ymax", func(b *Box) *float64 { return &b.YMax }).must(),
			integer("occluded", func(b *Box) *int { return &b.Occluded }, -1, 1),
			integer("truncated", func(b *Box) *int { return &b.Truncated }, -1, 1),
			integer("group_of", func(b *Box) *int { return &b.GroupOf }, -1, 1),
			integer("depiction", func(b *Box) *int { return &b.Depiction }, -1, 1),
			integer("inside", func(b *Box) *int { return &b.Inside }, -1, 1),
		},
	}
}

func newImageObject() *object[Image] {
	return &object[Image]{
		extra: func(i *Image) *[]Field { return &i.Extra },
		fields: []field[Image]{
			text("url", func(i *Image) *string { return &i.URL }, nil),
			text("landing_url", func(i *Image) *string { return &i.LandingURL }, nil),
			text("thumbnail_url", func(i *Image) *string { return &i.ThumbnailURL }, nil),
			text("license", func(i *Image) *string { return &i.License }, nil),
			text("author", func(i *Image) *string { return &i.Author }, nil),
			text("author_url", func(i *Image) *string { return &i.AuthorURL }, nil),
			text("title", func(i *Image) *string { return &i.Title }, nil),
			optionalNumber("rotation", func(i *Image) **float64 { return &i.Rotation }),
			text("original_md5", func(i *Image) *string { return &i.OriginalMD5 }, nil),
			integer("original_size", func(i *Image) *int64 { return &i.OriginalSize }, 0, math.MaxInt64).
				unless(func(i *Image) bool { return i.OriginalSize == 0 }),
		},
	}
}

// imageField is the part of the photo. Items of one photo mostly follow one
// another, so that its bytes are kept for the next of them.
func imageField() field[Item] {
	image := newImageObject()
	f := part("image", func(i *Item) **Image { return &i.Image }, image)
	f.encode = func(e *encoder, i *Item) {
		if e.image.holds(i.Image) {
			e.buf = append(e.buf, e.image.bytes...)
			return
		}
		from := len(e.buf)
		if image.write(e, i.Image); e.err == nil {
			e.image.keep(i.Image, e.buf[from:])
		}
	}
	return f
}

// An encodedImage holds the bytes of an Image without extra fields.
type encodedImage struct {
	image    Image
	rotation float64
	bytes    []byte // none: it holds nothing
}

// keep makes c hold the bytes of i, unless i has extra fields.
func (c *encodedImage) keep(i *Image, bytes []byte) {
	c.bytes = c.bytes[:0]
	if len(i.Extra) > 0 {
		return
	}
	c.bytes = append(c.bytes, bytes...)
	c.image = *i
	if c.image.Extra = nil; i.Rotation != nil {
		c.rotation = *i.Rotation
	}
}

// holds reports whether c holds the bytes of i. It compares values: the
// caller may have changed what a pointer points to.
func (c *encodedImage) holds(i *Image) bool {
	have := &c.image
	if len(c.bytes) == 0 || len(i.Extra) > 0 || (have.Rotation == nil) != (i.Rotation == nil) ||
		i.Rotation != nil && math.Float64bits(c.rotation) != math.Float64bits(*i.Rotation) {
		return false
	}
	return have.URL == i.URL && have.LandingURL == i.LandingURL && have.ThumbnailURL == i.ThumbnailURL &&
		have.License == i.License && have.Author == i.Author && have.AuthorURL == i.AuthorURL && have.Title == i.Title &&
		have.OriginalMD5 == i.OriginalMD5 && have.OriginalSize == i.OriginalSize
}

func newFetchedObject() *object[Fetched] {
	return &object[Fetched]{
		extra: func(f *Fetched) *[]Field { return &f.Extra },
		fields: []field[Fetched]{
			text("url", func(f *Fetched) *string { return &f.URL }, nil),
			text("source", func(f *Fetched) *string { return &f.Source }, nil),
			text("sha256", func(f *Fetched) *string { return &f.SHA256 }, checkSHA256),
			text("media_type", func(f *Fetched) *string { return &f.MediaType }, nil),
			payload("bytes", func(f *Fetched) *[]byte { return &f.Bytes }),
			list("earlier", func(f *Fetched) *[]Attempt { return &f.Earlier }, newAttemptObject()).
				unless(func(f *Fetched) bool { return len(f.Earlier) == 0 }),
		},
	}
}

// maxStatus is the largest number that can stand in an HTTP status line.
const maxStatus = 999

func newAttemptObject() *object[Attempt] {
	return &object[Attempt]{
		extra: func(a *Attempt) *[]Field { return &a.Extra },
		fields: []field[Attempt]{
			name("source", func(a *Attempt) *string { return &a.Source }, nil),
			name("reason", func(a *Attempt) *string { return &a.Reason }, nil),
			integer("status", func(a *Attempt) *int { return &a.Status }, 0, maxStatus).
				unless(func(a *Attempt) bool { return a.Status == 0 }),
		},
	}
}

func newCropObject() *object[Crop] {
	return &object[Crop]{
		extra: func(c *Crop) *[]Field { return &c.Extra },
		fields: []field[Crop]{
			integer("x", func(c *Crop) *int { return &c.X }, 0, math.MaxInt32).must(),
			integer("y", func(c *Crop) *int { return &c.Y }, 0, math.MaxInt32).must(),
			integer("width", func(c *Crop) *int { return &c.Width }, 1, math.MaxInt32).must(),
			integer("height", func(c *Crop) *int { return &c.Height }, 1, math.MaxInt32).must(),
			integer("rotation", func(c *Crop) *int { return &c.Rotation }, 0, 359),
			integer("source_width", func(c *Crop) *int { return &c.SourceWidth }, 0, math.MaxInt32),
			integer("source_height", func(c *Crop) *int { return &c.SourceHeight }, 0, math.MaxInt32),
			flag("background", func(c *Crop) *bool { return &c.Background }),
		},
	}
}

func newTensorObject() *object[Tensor] {
	return &object[Tensor]{
		extra: func(t *Tensor) *[]Field { return &t.Extra },
		fields: []field[Tensor]{
			shapeField(),
			name("dtype", func(t *Tensor) *string { return &t.DType }, oneOf("uint8")),
			payload("data", func(t *Tensor) *[]byte { return &t.Data }).must(),
		},
		check: func(t *Tensor) error {
			if len(t.Shape) != 3 {
				return nil // the field says so itself
			}
			want := int64(t.Shape[0]) * int64(t.Shape[1]) * int64(t.Shape[2])
			if int64(len(t.Data)) != want {
				return within("data", 0, fmt.Errorf("%d bytes for shape %v, want %d", len(t.Data), t.Shape, want))
			}
			return nil
		},
	}
}

// maxSide keeps the product of a tensor's three sides within int64.
const maxSide = 1 << 20

// shapeField is height, width and channels, each 1 to maxSide.
func shapeField() field[Tensor] {
	check := func(shape []int) error {
		if len(shape) != 3 {
			return fmt.Errorf("%d sides, want 3", len(shape))
		}
		for _, n := range shape {
			if n < 1 || n > maxSide {
				return fmt.Errorf("side %d is outside 1 to %d", n, maxSide)
			}
		}
		return nil
	}
	return field[Tensor]{
		key:      "shape",
		required: true,
		shape:    &shape{kind: shapeList, elem: intShape},
		decode: func(d *decoder, t *Tensor) error {
			n, err := d.arrayLen()
			if err != nil {
				return err
			}
			if n != 3 {
				return fmt.Errorf("%d sides, want 3", n)
			}
			t.Shape = make([]int, n)
			for i := range t.Shape {
				side, err := d.int()
				if err != nil {
					return err
				}
				t.Shape[i] = int(min(max(side, 0), maxSide+1))
			}
			return check(t.Shape)
		},
		encode: func(e *encoder, t *Tensor) {
			e.fail(check(t.Shape))
			e.down()
			e.arrayLen(len(t.Shape))
			for _, n := range t.Shape {
				e.int(int64(n))
			}
			e.up()
		},
	}
}

func newAugmentObject() *object[Augment] {
	return &object[Augment]{
		extra: func(a *Augment) *[]Field { return &a.Extra },
		fields: []field[Augment]{
			integer("epoch", func(a *Augment) *int { return &a.Epoch }, 0, math.MaxInt32).must(),
			integer("copy", func(a *Augment) *int { return &a.Copy }, 0, math.MaxInt32),
			seed("seed", func(a *Augment) *uint64 { return &a.Seed }),
			number("theta", func(a *Augment) *float64 { return &a.Theta }),
			number("tx", func(a *Augment) *float64 { return &a.TX }),
			number("ty", func(a *Augment) *float64 { return &a.TY }),
			number("shear", func(a *Augment) *float64 { return &a.Shear }),
			number("zx", func(a *Augment) *float64 { return &a.ZX }),
			number("zy", func(a *Augment) *float64 { return &a.ZY }),
			flag("flip_h", func(a *Augment) *bool { return &a.FlipH }),
			flag("flip_v", func(a *Augment) *bool { return &a.FlipV }),
			text("of", func(a *Augment) *string { return &a.Of }, checkSHA256),
		},
	}
}

func newPredictionObject() *object[Prediction] {
	return &object[Prediction]{
		extra: func(p *Prediction) *[]Field { return &p.Extra },
		fields: []field[Prediction]{
			text("label", func(p *Prediction) *string { return &p.Label }, nil),
			numbers("probabilities", func(p *Prediction) *map[string]float64 { return &p.Probabilities }),
			flag("seen", func(p *Prediction) *bool { return &p.Seen }).
				unless(func(p *Prediction) bool { return !p.Seen }),
		},
	}
}

func newFailureObject() *object[Failure] {
	return &object[Failure]{
		extra: func(f *Failure) *[]Field { return &f.Extra },
		fields: []field[Failure]{
			name("stage", func(f *Failure) *string { return &f.Stage }, nil),
			name("reason", func(f *Failure) *string { return &f.Reason }, nil),
			text("detail", func(f *Failure) *string { return &f.Detail }, nil),
			text("source", func(f *Failure) *string { return &f.Source }, nil),
			integer("status", func(f *Failure) *int { return &f.Status }, 0, maxStatus).
				unless(func(f *Failure) bool { return f.Status == 0 }),
			integer("attempts", func(f *Failure) *int { return &f.Attempts }, 0, math.MaxInt32).
				unless(func(f *Failure) bool { return f.Attempts == 0 }),
			number("seconds", func(f *Failure) *float64 { return &f.Seconds }).
				unless(func(f *Failure) bool { return f.Seconds == 0 }),
		},
	}
}

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
			stringField("mid", func(c *Class) *string { return &c.MID }, nil),
			requiredString("name", func(c *Class) *string { return &c.Name }, nil),
			stringField("supercategory", func(c *Class) *string { return &c.Supercategory }, nil),
		},
	}
	stage := &object[Stage]{
		extra: func(s *Stage) *[]Field { return &s.Extra },
		fields: []field[Stage]{
			requiredString("tool", func(s *Stage) *string { return &s.Tool }, nil),
			stringField("version", func(s *Stage) *string { return &s.Version }, nil),
			stringMap("args", func(s *Stage) *map[string]string { return &s.Args }),
		},
	}
	return &object[Header]{
		kind:  "header",
		extra: func(h *Header) *[]Field { return &h.Extra },
		fields: []field[Header]{
			versionField(),
			nestedList("classes", func(h *Header) *[]Class { return &h.Classes }, class),
			nestedList("stages", func(h *Header) *[]Stage { return &h.Stages }, stage),
			stringField("completeness", func(h *Header) *string { return &h.Completeness }, oneOf("unchecked")),
			intField("expected", func(h *Header) *int64 { return &h.Expected }, 0, math.MaxInt64).
				omitWhen(func(h *Header) bool { return h.Expected == 0 }),
			boolField("piece", func(h *Header) *bool { return &h.Piece }).omitWhen(func(h *Header) bool { return !h.Piece }),
		},
	}
}

// versionField is required and must be Version. A Header made by hand may
// leave it zero.
func versionField() field[Header] {
	return field[Header]{
		key:       "version",
		mandatory: true,
		shape:     intShape,
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
			requiredString("tool", func(c *StageCounts) *string { return &c.Tool }, nil),
			intField("in", func(c *StageCounts) *int64 { return &c.In }, 0, math.MaxInt64).required(),
			intField("out", func(c *StageCounts) *int64 { return &c.Out }, 0, math.MaxInt64).required(),
			countMap("added", func(c *StageCounts) *map[string]int64 { return &c.Added }),
			countMap("removed", func(c *StageCounts) *map[string]int64 { return &c.Removed }),
			countMap("skipped", func(c *StageCounts) *map[string]int64 { return &c.Skipped }),
			stringField("max_skips", func(c *StageCounts) *string { return &c.MaxSkips }, checkSkipLimit),
			nested("digests", func(c *StageCounts) **Digests { return &c.Digests }, newDigestsObject()),
		},
	}
}

func newLossObject() *object[Damage] {
	return &object[Damage]{
		extra: func(l *Damage) *[]Field { return &l.Extra },
		fields: []field[Damage]{
			intField("places", func(l *Damage) *int64 { return &l.Regions }, 0, math.MaxInt64).required(),
			intField("bytes", func(l *Damage) *int64 { return &l.Bytes }, 0, math.MaxInt64).required(),
		},
	}
}

func newEndObject() *object[End] {
	return &object[End]{
		kind:  "end",
		extra: func(n *End) *[]Field { return &n.Extra },
		fields: []field[End]{
			nestedList("stages", func(n *End) *[]StageCounts { return &n.Stages }, newCountObject()),
			nested("salvaged", func(n *End) **Damage { return &n.Damage }, newLossObject()),
		},
	}
}

func newPartObject() *object[Part] {
	return &object[Part]{
		kind:  "part",
		extra: func(p *Part) *[]Field { return &p.Extra },
		init:  func(p *Part) { p.Total = -1 },
		fields: []field[Part]{
			nestedList("stages", func(p *Part) *[]StageCounts { return &p.Stages }, newCountObject()).required(),
			intField("total", func(p *Part) *int64 { return &p.Total }, 0, math.MaxInt64).
				omitWhen(func(p *Part) bool { return p.Total < 0 }),
			nestedList("upstream", func(p *Part) *[]StageCounts { return &p.Upstream }, newCountObject()).
				omitWhen(func(p *Part) bool { return p.Upstream == nil }),
			nested("salvaged", func(p *Part) **Damage { return &p.Damage }, newLossObject()),
		},
		check: func(p *Part) error {
			if len(p.Stages) == 0 {
				return withPath("stages", 0, errMissing)
			}
			return nil
		},
	}
}

func newItemObject() *object[Item] {
	label := &object[Label]{
		extra: func(l *Label) *[]Field { return &l.Extra },
		fields: []field[Label]{
			stringField("mid", func(l *Label) *string { return &l.MID }, nil),
			requiredString("name", func(l *Label) *string { return &l.Name }, nil),
		},
	}
	rect := &object[Rect]{
		extra: func(r *Rect) *[]Field { return &r.Extra },
		fields: []field[Rect]{
			floatField("xmin", func(r *Rect) *float64 { return &r.XMin }).required(),
			floatField("xmax", func(r *Rect) *float64 { return &r.XMax }).required(),
			floatField("ymin", func(r *Rect) *float64 { return &r.YMin }).required(),
			floatField("ymax", func(r *Rect) *float64 { return &r.YMax }).required(),
		},
	}
	set := func(i *Item) *string { return &i.Set }
	return &object[Item]{
		extra: func(i *Item) *[]Field { return &i.Extra },
		fields: []field[Item]{
			requiredString("id", func(i *Item) *string { return &i.ID }, checkName(64)),
			stringField("key", func(i *Item) *string { return &i.Key }, checkName(80)),
			stringField("subset", func(i *Item) *string { return &i.Subset }, checkName(64)),
			synonym(stringField("set", set, oneOf("train", "val", "test")), set, "validation", "val"),
			nested("label", func(i *Item) **Label { return &i.Label }, label),
			nested("box", func(i *Item) **Box { return &i.Box }, newBoxObject()),
			nestedList("avoid", func(i *Item) *[]Rect { return &i.Avoid }, rect).
				omitWhen(func(i *Item) bool { return i.Avoid == nil }),
			imageField(),
			nested("fetched", func(i *Item) **Fetched { return &i.Fetched }, newFetchedObject()),
			nested("crop", func(i *Item) **Crop { return &i.Crop }, newCropObject()),
			nested("tensor", func(i *Item) **Tensor { return &i.Tensor }, newTensorObject()),
			nested("context", func(i *Item) **Tensor { return &i.Context }, newTensorObject()),
			embeddingField(),
			nested("augment", func(i *Item) **Augment { return &i.Augment }, newAugmentObject()),
			nested("prediction", func(i *Item) **Prediction { return &i.Prediction }, newPredictionObject()),
			nested("failure", func(i *Item) **Failure { return &i.Failure }, newFailureObject()),
		},
	}
}

func newBoxObject() *object[Box] {
	return &object[Box]{
		extra: func(b *Box) *[]Field { return &b.Extra },
		init: func(b *Box) {
			b.Occluded, b.Truncated, b.GroupOf, b.Depiction, b.Inside = -1, -1, -1, -1, -1
		},
		fields: []field[Box]{
			floatField("xmin", func(b *Box) *float64 { return &b.XMin }).required(),
			floatField("xmax", func(b *Box) *float64 { return &b.XMax }).required(),
			floatField("ymin", func(b *Box) *float64 { return &b.YMin }).required(),
			floatField("ymax", func(b *Box) *float64 { return &b.YMax }).required(),
			intField("occluded", func(b *Box) *int { return &b.Occluded }, -1, 1),
			intField("truncated", func(b *Box) *int { return &b.Truncated }, -1, 1),
			intField("group_of", func(b *Box) *int { return &b.GroupOf }, -1, 1),
			intField("depiction", func(b *Box) *int { return &b.Depiction }, -1, 1),
			intField("inside", func(b *Box) *int { return &b.Inside }, -1, 1),
		},
	}
}

func newImageObject() *object[Image] {
	return &object[Image]{
		extra: func(i *Image) *[]Field { return &i.Extra },
		fields: []field[Image]{
			stringField("url", func(i *Image) *string { return &i.URL }, nil),
			stringField("landing_url", func(i *Image) *string { return &i.LandingURL }, nil),
			stringField("thumbnail_url", func(i *Image) *string { return &i.ThumbnailURL }, nil),
			stringField("license", func(i *Image) *string { return &i.License }, nil),
			stringField("author", func(i *Image) *string { return &i.Author }, nil),
			stringField("author_url", func(i *Image) *string { return &i.AuthorURL }, nil),
			stringField("title", func(i *Image) *string { return &i.Title }, nil),
			optionalFloat("rotation", func(i *Image) **float64 { return &i.Rotation }),
			stringField("original_md5", func(i *Image) *string { return &i.OriginalMD5 }, nil),
			intField("original_size", func(i *Image) *int64 { return &i.OriginalSize }, 0, math.MaxInt64).
				omitWhen(func(i *Image) bool { return i.OriginalSize == 0 }),
		},
	}
}

// imageField is the part of the photo. Items of one photo mostly follow one
// another, so that its bytes are kept for the next of them.
func imageField() field[Item] {
	image := newImageObject()
	f := nested("image", func(i *Item) **Image { return &i.Image }, image)
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

func newFetchedObject() *object[Fetched] {
	return &object[Fetched]{
		extra: func(f *Fetched) *[]Field { return &f.Extra },
		fields: []field[Fetched]{
			stringField("url", func(f *Fetched) *string { return &f.URL }, nil),
			stringField("source", func(f *Fetched) *string { return &f.Source }, nil),
			stringField("sha256", func(f *Fetched) *string { return &f.SHA256 }, checkSHA256),
			stringField("media_type", func(f *Fetched) *string { return &f.MediaType }, nil),
			bytesField("bytes", func(f *Fetched) *[]byte { return &f.Bytes }),
			stringField("bytes_of", func(f *Fetched) *string { return &f.BytesOf }, checkName(80)),
			nestedList("earlier", func(f *Fetched) *[]Attempt { return &f.Earlier }, newAttemptObject()).
				omitWhen(func(f *Fetched) bool { return len(f.Earlier) == 0 }),
		},
	}
}

// maxStatus is the largest number that can stand in an HTTP status line.
const maxStatus = 999

func newAttemptObject() *object[Attempt] {
	return &object[Attempt]{
		extra: func(a *Attempt) *[]Field { return &a.Extra },
		fields: []field[Attempt]{
			requiredString("source", func(a *Attempt) *string { return &a.Source }, nil),
			requiredString("reason", func(a *Attempt) *string { return &a.Reason }, nil),
			intField("status", func(a *Attempt) *int { return &a.Status }, 0, maxStatus).
				omitWhen(func(a *Attempt) bool { return a.Status == 0 }),
		},
	}
}

func newCropObject() *object[Crop] {
	return &object[Crop]{
		extra: func(c *Crop) *[]Field { return &c.Extra },
		fields: []field[Crop]{
			intField("x", func(c *Crop) *int { return &c.X }, 0, math.MaxInt32).required(),
			intField("y", func(c *Crop) *int { return &c.Y }, 0, math.MaxInt32).required(),
			intField("width", func(c *Crop) *int { return &c.Width }, 1, math.MaxInt32).required(),
			intField("height", func(c *Crop) *int { return &c.Height }, 1, math.MaxInt32).required(),
			intField("rotation", func(c *Crop) *int { return &c.Rotation }, 0, 359),
			intField("source_width", func(c *Crop) *int { return &c.SourceWidth }, 0, math.MaxInt32),
			intField("source_height", func(c *Crop) *int { return &c.SourceHeight }, 0, math.MaxInt32),
			boolField("background", func(c *Crop) *bool { return &c.Background }),
		},
	}
}

func newTensorObject() *object[Tensor] {
	return &object[Tensor]{
		extra: func(t *Tensor) *[]Field { return &t.Extra },
		fields: []field[Tensor]{
			shapeField(),
			requiredString("dtype", func(t *Tensor) *string { return &t.DType }, oneOf("uint8")),
			bytesField("data", func(t *Tensor) *[]byte { return &t.Data }).required(),
		},
		check: func(t *Tensor) error {
			if len(t.Shape) != 3 {
				return nil // the field says so itself
			}
			want := int64(t.Shape[0]) * int64(t.Shape[1]) * int64(t.Shape[2])
			if int64(len(t.Data)) != want {
				return withPath("data", 0, fmt.Errorf("%d bytes for shape %v, want %d", len(t.Data), t.Shape, want))
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
		key:       "shape",
		mandatory: true,
		shape:     &shape{kind: shapeList, elem: intShape},
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
			e.enter()
			e.arrayLen(len(t.Shape))
			for _, n := range t.Shape {
				e.int(int64(n))
			}
			e.leave()
		},
	}
}

func newAugmentObject() *object[Augment] {
	return &object[Augment]{
		extra: func(a *Augment) *[]Field { return &a.Extra },
		fields: []field[Augment]{
			intField("epoch", func(a *Augment) *int { return &a.Epoch }, 0, math.MaxInt32).required(),
			intField("copy", func(a *Augment) *int { return &a.Copy }, 0, math.MaxInt32),
			uintField("seed", func(a *Augment) *uint64 { return &a.Seed }),
			floatField("theta", func(a *Augment) *float64 { return &a.Theta }),
			floatField("tx", func(a *Augment) *float64 { return &a.TX }),
			floatField("ty", func(a *Augment) *float64 { return &a.TY }),
			floatField("shear", func(a *Augment) *float64 { return &a.Shear }),
			floatField("zx", func(a *Augment) *float64 { return &a.ZX }),
			floatField("zy", func(a *Augment) *float64 { return &a.ZY }),
			boolField("flip_h", func(a *Augment) *bool { return &a.FlipH }),
			boolField("flip_v", func(a *Augment) *bool { return &a.FlipV }),
			stringField("of", func(a *Augment) *string { return &a.Of }, checkSHA256),
			stringField("centre", func(a *Augment) *string { return &a.Centre }, oneOf("keras-2018")),
			stringField("fill", func(a *Augment) *string { return &a.Fill }, oneOf("constant", "reflect", "wrap")),
			unlessZero(floatField, "crop_row", func(a *Augment) *float64 { return &a.CropRow }),
			unlessZero(floatField, "crop_column", func(a *Augment) *float64 { return &a.CropColumn }),
			unlessZero(floatField, "crop_height", func(a *Augment) *float64 { return &a.CropHeight }),
			unlessZero(floatField, "crop_width", func(a *Augment) *float64 { return &a.CropWidth }),
			unlessZero(floatField, "brightness", func(a *Augment) *float64 { return &a.Brightness }),
			unlessZero(floatField, "contrast", func(a *Augment) *float64 { return &a.Contrast }),
			unlessZero(floatField, "saturation", func(a *Augment) *float64 { return &a.Saturation }),
			unlessZero(floatField, "hue", func(a *Augment) *float64 { return &a.Hue }),
			unlessZero(boolField, "grayscale", func(a *Augment) *bool { return &a.Grayscale }),
			unlessZero(floatField, "blur", func(a *Augment) *float64 { return &a.Blur }),
			unlessZero(within[Augment](math.MinInt32, math.MaxInt32), "cutout_row", func(a *Augment) *int { return &a.CutoutRow }),
			unlessZero(within[Augment](math.MinInt32, math.MaxInt32), "cutout_column", func(a *Augment) *int { return &a.CutoutColumn }),
			unlessZero(within[Augment](0, math.MaxInt32), "cutout_side", func(a *Augment) *int { return &a.CutoutSide }),
			unlessZero(within[Augment](0, 100), "jpeg_quality", func(a *Augment) *int { return &a.JPEGQuality }),
		},
	}
}

func newPredictionObject() *object[Prediction] {
	neighbour := &object[Neighbour]{
		extra: func(n *Neighbour) *[]Field { return &n.Extra },
		fields: []field[Neighbour]{
			requiredString("key", func(n *Neighbour) *string { return &n.Key }, checkName(80)),
			stringField("label", func(n *Neighbour) *string { return &n.Label }, nil),
			floatField("similarity", func(n *Neighbour) *float64 { return &n.Similarity }).required(),
		},
	}
	return &object[Prediction]{
		extra: func(p *Prediction) *[]Field { return &p.Extra },
		fields: []field[Prediction]{
			stringField("label", func(p *Prediction) *string { return &p.Label }, nil),
			floatMap("probabilities", func(p *Prediction) *map[string]float64 { return &p.Probabilities }),
			boolField("seen", func(p *Prediction) *bool { return &p.Seen }).
				omitWhen(func(p *Prediction) bool { return !p.Seen }),
			boolField("unsure", func(p *Prediction) *bool { return &p.Unsure }).
				omitWhen(func(p *Prediction) bool { return !p.Unsure }),
			nestedList("neighbours", func(p *Prediction) *[]Neighbour { return &p.Neighbours }, neighbour).
				omitWhen(func(p *Prediction) bool { return len(p.Neighbours) == 0 }),
		},
	}
}

func newFailureObject() *object[Failure] {
	return &object[Failure]{
		extra: func(f *Failure) *[]Field { return &f.Extra },
		fields: []field[Failure]{
			requiredString("stage", func(f *Failure) *string { return &f.Stage }, nil),
			requiredString("reason", func(f *Failure) *string { return &f.Reason }, nil),
			stringField("detail", func(f *Failure) *string { return &f.Detail }, nil),
			stringField("source", func(f *Failure) *string { return &f.Source }, nil),
			intField("status", func(f *Failure) *int { return &f.Status }, 0, maxStatus).
				omitWhen(func(f *Failure) bool { return f.Status == 0 }),
			intField("attempts", func(f *Failure) *int { return &f.Attempts }, 0, math.MaxInt32).
				omitWhen(func(f *Failure) bool { return f.Attempts == 0 }),
			floatField("seconds", func(f *Failure) *float64 { return &f.Seconds }).
				omitWhen(func(f *Failure) bool { return f.Seconds == 0 }),
		},
	}
}

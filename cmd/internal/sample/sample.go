package sample

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// Sample is the data set. It is safe for concurrent use.
type Sample struct {
	index    map[string][]photo
	byID     map[string]*photo
	measures func() (map[string][]measure, error)
	noise    func() *noise
	tone     func() *toneCurve
}

// New returns the data set. It is cheap: nothing is drawn.
func New() *Sample {
	s := &Sample{
		index:    newIndex(),
		byID:     make(map[string]*photo),
		measures: sync.OnceValues(func() (map[string][]measure, error) { return parseMeasures(boxesText) }),
		noise:    sync.OnceValue(func() *noise { return newNoise(hash("noise")) }),
		tone:     sync.OnceValue(newToneCurve),
	}
	for _, list := range s.index {
		for i := range list {
			s.byID[list[i].id] = &list[i]
		}
	}
	return s
}

// String names the data set in messages.
func (s *Sample) String() string { return "the built-in sample" }

// Open returns a metadata file by its official relative path in the layout of
// V7. The error of a path that the data set does not have wraps fs.ErrNotExist.
func (s *Sample) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var write func(io.Writer, map[string][]measure) error
	boxes := func(subset string, clicks bool) {
		write = func(w io.Writer, m map[string][]measure) error { return boxFile(w, s.index[subset], m[subset], clicks) }
	}
	images := func(subset string) {
		write = func(w io.Writer, m map[string][]measure) error { return imageFile(w, s.index[subset], m[subset]) }
	}
	labels := func(subset string) {
		write = func(w io.Writer, m map[string][]measure) error { return labelFile(w, s.index[subset], m[subset]) }
	}
	switch path {
	case "v6/oidv6-train-annotations-bbox.csv":
		boxes("train", true)
	case "v5/validation-annotations-bbox.csv":
		boxes("validation", false)
	case "v5/test-annotations-bbox.csv":
		boxes("test", false)
	case "2018_04/train/train-images-boxable-with-rotation.csv":
		images("train")
	case "2018_04/validation/validation-images-with-rotation.csv":
		images("validation")
	case "2018_04/test/test-images-with-rotation.csv":
		images("test")
	case "v6/oidv6-train-images-with-labels-with-rotation.csv": // the same photos: all have boxes
		images("train")
	case "v7/oidv7-train-annotations-human-imagelabels.csv":
		labels("train")
	case "v7/oidv7-val-annotations-human-imagelabels.csv":
		labels("validation")
	case "v7/oidv7-test-annotations-human-imagelabels.csv":
		labels("test")
	case "v7/oidv7-class-descriptions-boxable.csv", "v7/oidv7-class-descriptions.csv":
		write = func(w io.Writer, _ map[string][]measure) error { return classFile(w) }
	case "2018_04/bbox_labels_600_hierarchy.json":
		write = func(w io.Writer, _ map[string][]measure) error { return hierarchyFile(w) }
	default:
		return nil, &fs.PathError{Op: "open", Path: "sample:" + path, Err: fs.ErrNotExist}
	}
	m, err := s.measures()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := write(&out, m); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return io.NopCloser(&out), nil
}

// Photo draws a photo and returns it as a JPEG. The error for an id that the
// subset does not have wraps fs.ErrNotExist.
func (s *Sample) Photo(subset, id string) ([]byte, error) {
	p, ok := s.byID[id]
	if !ok || p.subset != subset {
		return nil, &fs.PathError{Op: "open", Path: "sample:" + subset + "/" + id + ".jpg", Err: fs.ErrNotExist}
	}
	scene := compose(p.seed, p.habit, s.noise(), true)
	return s.draw(p, scene).jpeg(scene.quality)
}

// draw paints a scene and turns it as the photo was stored.
func (s *Sample) draw(p *photo, scene *scene) *pixels {
	return scene.rasterize().render(p.seed, s.noise(), s.tone()).rotated(p.rotated)
}

// measure finds the boxes of a photo on the stored picture, without painting
// it.
func (s *Sample) measure(p *photo) measure {
	v := compose(p.seed, p.habit, s.noise(), false).rasterize()
	w, h := v.seen.w, v.seen.h
	m := measure{w: w, h: h}
	if p.rotated == 90 || p.rotated == 270 {
		m.w, m.h = h, w
	}
	for _, b := range v.extents() {
		o := v.objects[b.object]
		ax, ay := rotatePixel(p.rotated, b.x0, b.y0, w, h)
		bx, by := rotatePixel(p.rotated, b.x1-1, b.y1-1, w, h)
		m.boxes = append(m.boxes, box{
			class: o.class, x0: min(ax, bx), x1: max(ax, bx) + 1, y0: min(ay, by), y1: max(ay, by) + 1,
			occluded: b.visible*100 < b.alone*97, truncated: b.truncated, group: o.group, depiction: o.depiction,
		})
	}
	return m
}

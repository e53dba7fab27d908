package record_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/opensandwich/oi/record"
)

// A refMap is a map in the order of its keys. What follows is a second writer
// of the format, after the package comment and by way of package msgpack, to
// hold the first one to.
type refMap []refPair

type refPair struct {
	key   string
	value any // string, bool, int64, uint64, float64, []byte, record.Raw, refMap, []any or map[string]any
}

// set adds a key unless it is to be left out.
func (m *refMap) set(key string, value any, when bool) {
	if when {
		*m = append(*m, refPair{key, value})
	}
}

// text adds a string unless it is empty.
func (m *refMap) text(key, s string) { m.set(key, s, s != "") }

func (m *refMap) int(key string, n int, when bool) { m.set(key, int64(n), when) }

func (m refMap) with(extra []record.Field) refMap {
	for _, f := range extra {
		m = append(m, refPair{f.Key, f.Value})
	}
	return m
}

func (m refMap) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(len(m)); err != nil {
		return err
	}
	for _, p := range m {
		if err := e.EncodeString(p.key); err != nil {
			return err
		}
		var err error
		switch value := p.value.(type) {
		case refMap:
			err = value.EncodeMsgpack(e) // Encode makes nil of an empty one
		case record.Raw:
			err = e.Encode(msgpack.RawMessage(value))
		default:
			err = e.Encode(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refBytes returns the bytes of rec in the binary form.
func refBytes(t testing.TB, rec record.Record) []byte {
	t.Helper()
	var m refMap
	switch rec := rec.(type) {
	case *record.Header:
		m = refHeader(rec)
	case *record.Item:
		m = refItem(rec)
	case *record.End:
		m = refEnd(rec)
	case *record.Part:
		m = refPart(rec)
	}
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.UseCompactInts(true)
	e.SetSortMapKeys(true)
	if err := e.Encode(m); err != nil {
		t.Fatal(err)
	}
	body := buf.Bytes()
	out := append(body, 0xd8, 0x6f)
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return append(out, "oi-rec1\n"...)
}

// refList returns the elements of all as maps.
func refList[T any](all []T, each func(*T) refMap) []any {
	list := make([]any, len(all))
	for i := range all {
		list[i] = each(&all[i])
	}
	return list
}

// refTable returns m as the map that package msgpack sorts.
func refTable[V any](m map[string]V) map[string]any {
	table := make(map[string]any, len(m))
	for k, v := range m {
		table[k] = v
	}
	return table
}

func refHeader(h *record.Header) refMap {
	var m refMap
	m.text("oi", "header")
	m.int("version", 1, true)
	m.set("classes", refList(h.Classes, func(c *record.Class) refMap {
		var m refMap
		m.text("mid", c.MID)
		m.text("name", c.Name)
		m.text("supercategory", c.Supercategory)
		return m.with(c.Extra)
	}), true)
	m.set("stages", refList(h.Stages, func(s *record.Stage) refMap {
		var m refMap
		m.text("tool", s.Tool)
		m.text("version", s.Version)
		m.set("args", refTable(s.Args), len(s.Args) > 0)
		return m.with(s.Extra)
	}), true)
	m.text("completeness", h.Completeness)
	m.set("expected", h.Expected, h.Expected != 0)
	m.set("piece", true, h.Piece)
	return m.with(h.Extra)
}

func refCount(c *record.StageCounts) refMap {
	var m refMap
	m.text("tool", c.Tool)
	m.set("in", c.In, true)
	m.set("out", c.Out, true)
	m.set("added", refTable(c.Added), len(c.Added) > 0)
	m.set("removed", refTable(c.Removed), len(c.Removed) > 0)
	m.set("skipped", refTable(c.Skipped), len(c.Skipped) > 0)
	m.text("max_skips", c.MaxSkips)
	if d := c.Digests; d != nil {
		m.set("digests", refDigests(d), true)
	}
	return m.with(c.Extra)
}

func (m *refMap) damage(l *record.Damage) {
	if l != nil {
		m.set("salvaged", refMap{{"places", l.Regions}, {"bytes", l.Bytes}}.with(l.Extra), true)
	}
}

func refDigests(d *record.Digests) refMap {
	var m refMap
	m.set("in", d.In.String(), !d.Source)
	m.text("out", d.Out.String())
	m.set("added", d.Added.String(), !d.Source)
	m.set("removed", d.Removed.String(), !d.Source)
	m.set("skipped", d.Skipped.String(), !d.Source)
	return m.with(d.Extra)
}

func refEnd(e *record.End) refMap {
	var m refMap
	m.text("oi", "end")
	m.set("stages", refList(e.Stages, refCount), true)
	m.damage(e.Damage)
	return m.with(e.Extra)
}

func refPart(p *record.Part) refMap {
	var m refMap
	m.text("oi", "part")
	m.set("stages", refList(p.Stages, refCount), true)
	m.set("total", p.Total, p.Total >= 0)
	m.set("upstream", refList(p.Upstream, refCount), p.Upstream != nil)
	m.damage(p.Damage)
	return m.with(p.Extra)
}

func refRect(r *record.Rect) refMap {
	return refMap{{"xmin", r.XMin}, {"xmax", r.XMax}, {"ymin", r.YMin}, {"ymax", r.YMax}}.with(r.Extra)
}

func refItem(i *record.Item) refMap {
	var m refMap
	m.text("id", i.ID)
	m.text("key", i.Key)
	m.text("subset", i.Subset)
	m.text("set", i.Set)
	if l := i.Label; l != nil {
		var label refMap
		label.text("mid", l.MID)
		label.text("name", l.Name)
		m.set("label", label.with(l.Extra), true)
	}
	if b := i.Box; b != nil {
		box := refRect(&record.Rect{XMin: b.XMin, XMax: b.XMax, YMin: b.YMin, YMax: b.YMax})
		box.int("occluded", b.Occluded, true)
		box.int("truncated", b.Truncated, true)
		box.int("group_of", b.GroupOf, true)
		box.int("depiction", b.Depiction, true)
		box.int("inside", b.Inside, true)
		m.set("box", box.with(b.Extra), true)
	}
	m.set("avoid", refList(i.Avoid, refRect), i.Avoid != nil)
	if i.Image != nil {
		m.set("image", refImage(i.Image), true)
	}
	if i.Fetched != nil {
		m.set("fetched", refFetched(i.Fetched), true)
	}
	if c := i.Crop; c != nil {
		var crop refMap
		crop.int("x", c.X, true)
		crop.int("y", c.Y, true)
		crop.int("width", c.Width, true)
		crop.int("height", c.Height, true)
		crop.int("rotation", c.Rotation, true)
		crop.int("source_width", c.SourceWidth, true)
		crop.int("source_height", c.SourceHeight, true)
		crop.set("background", c.Background, true)
		m.set("crop", crop.with(c.Extra), true)
	}
	for _, view := range []struct {
		key    string
		tensor *record.Tensor
	}{{"tensor", i.Tensor}, {"context", i.Context}} {
		t := view.tensor
		if t == nil {
			continue
		}
		var sides []any
		for _, n := range t.Shape {
			sides = append(sides, int64(n))
		}
		m.set(view.key, refMap{{"shape", sides}, {"dtype", t.DType}, {"data", t.Data}}.with(t.Extra), true)
	}
	if v := i.Embedding; v != nil {
		var vector refMap
		vector.text("of", v.Of)
		vector.text("dtype", v.DType)
		vector.int("side", v.Side, true)
		vector.int("context", v.Context, v.Context != 0)
		vector.text("pixels", v.Pixels)
		vector.set("data", v.Data, true)
		m.set("embedding", vector.with(v.Extra), true)
	}
	if i.Augment != nil {
		m.set("augment", refAugment(i.Augment), true)
	}
	if p := i.Prediction; p != nil {
		var answer refMap
		answer.text("label", p.Label)
		answer.set("probabilities", refTable(p.Probabilities), len(p.Probabilities) > 0)
		answer.set("seen", true, p.Seen)
		answer.set("neighbours", refList(p.Neighbours, func(n *record.Neighbour) refMap {
			var m refMap
			m.text("key", n.Key)
			m.text("label", n.Label)
			m.set("similarity", n.Similarity, true)
			return m.with(n.Extra)
		}), len(p.Neighbours) > 0)
		m.set("prediction", answer.with(p.Extra), true)
	}
	if i.Failure != nil {
		m.set("failure", refFailure(i.Failure), true)
	}
	return m.with(i.Extra)
}

func refImage(i *record.Image) refMap {
	var m refMap
	m.text("url", i.URL)
	m.text("landing_url", i.LandingURL)
	m.text("thumbnail_url", i.ThumbnailURL)
	m.text("license", i.License)
	m.text("author", i.Author)
	m.text("author_url", i.AuthorURL)
	m.text("title", i.Title)
	if i.Rotation != nil {
		m.set("rotation", *i.Rotation, true)
	}
	m.text("original_md5", i.OriginalMD5)
	m.set("original_size", i.OriginalSize, i.OriginalSize != 0)
	return m.with(i.Extra)
}

func refFetched(f *record.Fetched) refMap {
	var m refMap
	m.text("url", f.URL)
	m.text("source", f.Source)
	m.text("sha256", f.SHA256)
	m.text("media_type", f.MediaType)
	m.set("bytes", f.Bytes, f.Bytes != nil)
	m.set("earlier", refList(f.Earlier, func(a *record.Attempt) refMap {
		var m refMap
		m.text("source", a.Source)
		m.text("reason", a.Reason)
		m.int("status", a.Status, a.Status != 0)
		return m.with(a.Extra)
	}), len(f.Earlier) > 0)
	return m.with(f.Extra)
}

func refAugment(a *record.Augment) refMap {
	var m refMap
	m.int("epoch", a.Epoch, true)
	m.int("copy", a.Copy, true)
	m.set("seed", a.Seed, true)
	m.set("theta", a.Theta, true)
	m.set("tx", a.TX, true)
	m.set("ty", a.TY, true)
	m.set("shear", a.Shear, true)
	m.set("zx", a.ZX, true)
	m.set("zy", a.ZY, true)
	m.set("flip_h", a.FlipH, true)
	m.set("flip_v", a.FlipV, true)
	m.text("of", a.Of)
	return m.with(a.Extra)
}

func refFailure(f *record.Failure) refMap {
	var m refMap
	m.text("stage", f.Stage)
	m.text("reason", f.Reason)
	m.text("detail", f.Detail)
	m.text("source", f.Source)
	m.int("status", f.Status, f.Status != 0)
	m.int("attempts", f.Attempts, f.Attempts != 0)
	m.set("seconds", f.Seconds, f.Seconds != 0)
	return m.with(f.Extra)
}

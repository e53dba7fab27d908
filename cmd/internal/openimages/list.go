package openimages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/download"
)

// A fileSource is a source whose files can be read anywhere, and indexed.
type fileSource interface {
	openFile(ctx context.Context, path string) (*localFile, error)
}

// A localFile is a file on this machine, or on its way there.
type localFile struct {
	*os.File
	inFlight *download.InFlight // set while it is being downloaded
	indexes  []string           // where its index may be: the first that works
	spare    string             // a folder for it where none of these works, or ""
	least    int64              // size from which an index is worth while
	step     int64              // of a pass, 0 for the usual one
}

// ReadAt waits for what has not arrived yet.
func (f *localFile) ReadAt(p []byte, offset int64) (int, error) {
	if f.inFlight != nil {
		return f.inFlight.ReadAt(p, offset)
	}
	return f.File.ReadAt(p, offset)
}

// size is how large the file is or will be, -1 where nobody knows.
func (f *localFile) size() (int64, error) {
	if f.inFlight != nil {
		return f.inFlight.Size()
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// whole waits until all of the file is there.
func (f *localFile) whole() error {
	if f.inFlight == nil {
		return nil
	}
	return f.inFlight.Whole()
}

// Close gives the file back, and gives a download up that has not ended.
func (f *localFile) Close() error {
	if f.inFlight != nil {
		_ = f.inFlight.Abandon() // who has read all of it knows
	}
	return f.File.Close()
}

// indexFrom is the size from which a file gets an index: smaller ones are
// scanned in a few milliseconds, and are not worth a file beside them.
const indexFrom = 4 << 20

// places returns where the index of the file as it is now may be. In the spare
// folder it has a name by what the file is like, not by where it is: one list on
// two paths has one index there, and two that take turns on a path have two.
func (f *localFile) places(now stamp) []string {
	if f.spare == "" {
		return f.indexes
	}
	spare := filepath.Join(f.spare, now.name()+"-"+filepath.Base(f.Name())+indexEnding)
	return append(slices.Clip(f.indexes), spare)
}

// An openIndex is an index that is believed, with its file.
type openIndex struct {
	*indexFile
	file *os.File
}

func (x *openIndex) Close() error { return x.file.Close() }

// index returns the file's index, or nil if it has none that can be believed.
func (f *localFile) index(kind indexKind) *openIndex {
	if f.inFlight != nil {
		return nil
	}
	now, err := stampOf(f.File)
	if err != nil || now.size < f.least {
		return nil
	}
	for _, name := range f.places(now) {
		if x := openIndexOf(now, name, kind); x != nil {
			return x
		}
	}
	return nil
}

// openIndexOf returns the index in a file if it is of a list with this stamp.
func openIndexOf(list stamp, name string, kind indexKind) *openIndex {
	file, err := os.Open(name)
	if err != nil {
		return nil
	}
	about, err := file.Stat()
	if err != nil || !about.Mode().IsRegular() {
		_ = file.Close() // read only
		return nil
	}
	x, err := readIndex(file, about.Size(), kind)
	if err != nil || x.stamp != list {
		_ = file.Close()
		return nil
	}
	return &openIndex{x, file}
}

// A pendingIndex is an index that is being written.
type pendingIndex struct {
	*indexWriter
	to *indexTarget
}

// newIndex begins an index of a file that has the stamp now and comes to size
// bytes, or one that only counts where none can be kept.
func (f *localFile) newIndex(kind indexKind, now stamp, size int64) *pendingIndex {
	to := &indexTarget{places: f.places(now)}
	if size < 0 || size >= f.least {
		to.next()
	}
	return &pendingIndex{newIndexWriter(to, kind), to}
}

// keep puts the index in its place after a pass over the whole of f, which had
// the stamp before if it was all there. An index that cannot be kept is no
// failure: it is made again next time.
func (p *pendingIndex) keep(f *localFile, before stamp) {
	if p == nil || p.to.file == nil {
		return
	}
	now, err := stampOf(f.File)
	switch {
	case err != nil:
	case f.inFlight == nil && now != before:
		err = errStale
	default:
		err = p.finish(now)
	}
	if err != nil {
		p.drop()
		return
	}
	if kept := p.to.keep(); f.spare != "" && filepath.Dir(kept) == f.spare {
		_ = sweepSpare(kept, filepath.Base(f.Name())) // old ones only take room
	}
}

// drop gives up the index.
func (p *pendingIndex) drop() {
	if p != nil {
		p.to.drop()
	}
}

// readBoxes tells v of the rows of a list, in its order: those at the places
// that its index names, or those met in a pass over all of it. If again is
// called, the rows that v has been told of were not all, and it is told from the
// start; of broken rows it has not been told by then.
func readBoxes(ctx context.Context, src Source, file File, v boxVisitor, again func() error) (err error) {
	f, ok, err := openLocal(ctx, src, file.Path)
	if err != nil {
		return err
	}
	if !ok {
		r, err := src.Open(ctx, file.Path)
		if err != nil {
			return err
		}
		return errors.Join(scanBoxes(ctx, r, file.Path, v), r.Close())
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	x := f.index(labelIndex)
	if x != nil {
		defer x.Close() //nolint:errcheck // read only
		if v.mids != nil && x.fewRows(v.mids) {
			var faults []*RowError
			bad := v.bad
			v.bad = func(bad *RowError) error { faults = append(faults, bad); return nil }
			err := readBoxRows(ctx, f, x.indexFile, file.Path, v)
			v.bad = bad
			if !errors.Is(err, errDamaged) && !errors.Is(err, errStale) {
				return tell(faults, v.bad, err)
			}
			if err := again(); err != nil {
				return err
			}
			x = nil
		}
	}
	p := &pass[boxHit]{
		ctx: ctx, file: file.Path, bind: v.bind, want: v.want, parser: v.parser, bad: v.bad,
		row: func(row *boxHit, p place) error {
			row.Line, row.Offset = p.line, p.offset
			return v.row(row)
		},
	}
	_, err = p.readFile(f, labelIndex, x == nil)
	return err
}

// tell reports broken rows, unless there is an error already.
func tell(faults []*RowError, bad func(*RowError) error, err error) error {
	for _, fault := range faults {
		if err != nil {
			break
		}
		err = bad(fault)
	}
	return err
}

// openLocal opens a file of a source that has files. ok is false if it has
// none, or if this one is no regular file.
func openLocal(ctx context.Context, src Source, path string) (f *localFile, ok bool, err error) {
	files, ok := src.(fileSource)
	if !ok {
		return nil, false, nil
	}
	f, err = files.openFile(ctx, path)
	if err != nil {
		return nil, true, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, true, nil
}

// readFile is a pass over a file that must not change meanwhile. If asked to, it
// makes the index, keeps it where it can, and returns its writer for what that
// has counted.
func (p *pass[T]) readFile(f *localFile, kind indexKind, index bool) (*indexWriter, error) {
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p.r, p.size, p.step, p.inFlight = f, before.Size(), f.step, f.inFlight
	var pending *pendingIndex
	var was stamp
	if index {
		size, err := f.size()
		if err != nil {
			return nil, err
		}
		if was, err = stampOf(f.File); err != nil {
			return nil, err
		}
		pending = f.newIndex(kind, was, size)
		p.index = pending.indexWriter
	}
	err = p.run()
	switch {
	case err != nil && f.inFlight != nil:
		err = cmp.Or(giveUp(f.inFlight, err), err)
	case err != nil:
	case f.inFlight != nil:
		err = f.whole() // and what has been told was right
	default:
		err = f.unchanged(before, p.file)
	}
	if err != nil {
		pending.drop()
		return nil, err
	}
	pending.keep(f, was)
	return p.index, nil
}

// giveUp ends the download of a file that is not read on because of err, and
// returns what is wrong with the download, or nil. A file that is no list, or
// ends within a row, is not kept.
func giveUp(f *download.InFlight, err error) error {
	var row *RowError
	if errors.As(err, &row) {
		return f.Reject(err)
	}
	return f.Abandon()
}

// unchanged returns an error if the file is not as it was.
func (f *localFile) unchanged(before fs.FileInfo, name string) error {
	after, err := f.Stat()
	if err != nil {
		return err
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("%s: %w", name, errChanged)
	}
	return nil
}

// fewRows reports whether the labels have so few rows that reading them one by
// one is faster than a pass.
func (x *indexFile) fewRows(labels []string) bool {
	n := int64(0)
	for _, name := range labels {
		if l := x.label(name); l != nil {
			n += l.rows
		}
	}
	return n <= max(x.rows/32, 1<<14)
}

// A rowRef is where a row of a label is.
type rowRef struct {
	offset int64
	label  string
	lost   bool // the row has no label
}

// readBoxRows tells v of the rows of its labels.
func readBoxRows(ctx context.Context, f *localFile, x *indexFile, file string, v boxVisitor) error {
	before, err := f.Stat()
	if err != nil {
		return err
	}
	var refs []rowRef
	var offsets []int64
	for _, offset := range x.lost {
		refs = append(refs, rowRef{offset: offset, lost: true})
	}
	for _, name := range v.mids {
		l := x.label(name)
		if l == nil {
			continue
		}
		if offsets, err = x.offsets(l, offsets[:0], before.Size()); err != nil {
			return err
		}
		for _, offset := range offsets {
			refs = append(refs, rowRef{offset: offset, label: name})
		}
	}
	slices.SortFunc(refs, func(a, b rowRef) int { return cmp.Compare(a.offset, b.offset) })
	rr, err := newRefReader(ctx, f, x, file, v.bind)
	if err != nil {
		return err
	}
	parse, err := v.parser(rr.head)
	if err != nil {
		return err
	}
	for i, ref := range refs {
		next := ref.offset
		if i+1 < len(refs) {
			next = refs[i+1].offset
		}
		fields, fault, err := rr.read(ref.offset, next, func(value []byte, has bool) bool {
			return has != ref.lost && (ref.lost || string(value) == ref.label)
		})
		if err != nil {
			return err
		}
		var row boxHit
		keep := true
		if fault == nil {
			row, keep, fault = parse(fields)
		}
		switch {
		case fault != nil:
			err = rr.bad(ref.offset, fault, v.bad)
		case keep:
			row.Offset = ref.offset
			err = v.row(&row)
		}
		if err != nil {
			return err
		}
	}
	return f.unchanged(before, file)
}

// A refReader reads rows that an index refers to.
type refReader struct {
	ctx    context.Context
	file   string
	head   *table
	column int
	rows   rowReader
	lines  lineCounter
	count  int
}

func newRefReader(ctx context.Context, f *localFile, x *indexFile, file string, bind func(*table) (column, id int, err error)) (*refReader, error) {
	head, err := newTable(ctx, io.NewSectionReader(f, 0, math.MaxInt64), file)
	if err != nil {
		return nil, err
	}
	column, _, err := bind(head)
	return &refReader{
		ctx: ctx, file: file, head: head, column: column,
		rows: rowReader{r: f}, lines: lineCounter{marks: x.marks, r: f},
	}, err
}

// read returns the fields of a row, or its fault. next is where the next row to
// be read is. If right does not confirm the value of the column, or that the row
// lacks it, the error is errStale.
func (r *refReader) read(offset, next int64, right func(value []byte, has bool) bool) (fields [][]byte, fault, err error) {
	if r.count++; r.count%1024 == 0 {
		if err := context.Cause(r.ctx); err != nil {
			return nil, nil, err
		}
	}
	fields, fault, err = r.rows.read(offset, next)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", r.file, err)
	}
	var value []byte
	has := r.column < len(fields)
	if has {
		value = fields[r.column]
	}
	if !right(value, has) {
		return nil, nil, errStale
	}
	if fault == nil && len(fields) != len(r.head.header) {
		fault = r.head.tooFew(len(fields), 0).Err
	}
	return fields, fault, nil
}

// bad reports a row with its line.
func (r *refReader) bad(offset int64, fault error, report func(*RowError) error) error {
	line, err := r.lines.of(offset)
	if err != nil {
		return err
	}
	return report(&RowError{r.file, line, fault})
}

// A lineDesk finds the line numbers of places in a list.
type lineDesk struct {
	file  *localFile
	index *openIndex
	lines lineCounter
}

// openLines returns a lineDesk, or nil where the list is no file.
func openLines(ctx context.Context, src Source, file File) (*lineDesk, error) {
	f, ok, err := openLocal(ctx, src, file.Path)
	if err != nil || !ok {
		return nil, err
	}
	d := &lineDesk{file: f, index: f.index(labelIndex)}
	d.lines = lineCounter{marks: []lineMark{{0, 1}}, r: f}
	if d.index != nil {
		d.lines.marks = append(d.lines.marks, d.index.marks...)
	}
	return d, nil
}

func (d *lineDesk) close() error {
	if d == nil {
		return nil
	}
	var err error
	if d.index != nil {
		err = d.index.Close()
	}
	return errors.Join(err, d.file.Close())
}

package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/record"
)

// endings are those that are tried, in this order, where a source names none.
var endings = [...]string{".jpg", ".jpeg", ".JPG", ".JPEG", ".png", ".webp"}

// A folder is a source on a disk of this machine. What stands in it is the
// user's own: links are followed wherever they lead. What comes from the stream
// and becomes part of a path is checked.
type folder struct {
	given    string // on the command line
	base     string
	template string // below base; "" for the usual layout

	found, missed atomic.Bool // a photo
}

// parseFolder reads the path of a folder, or one with placeholders.
func parseFolder(word string) (*folder, error) {
	err := checkFolder(word)
	if err == nil {
		return &folder{given: word, base: word}, nil
	}
	path := filepath.ToSlash(word)
	open := strings.IndexByte(path, '{')
	if open < 0 {
		return nil, fmt.Errorf("%q is not s3, flickr, thumbnail or a URL, and not a folder: %w", word, err)
	}
	if err := checkTemplate(path); err != nil {
		return nil, err
	}
	f := &folder{given: word, base: ".", template: path}
	if i := strings.LastIndexByte(path[:open], '/'); i >= 0 {
		f.base, f.template = path[:i+1], path[i+1:]
	}
	if !strings.Contains(f.template, idField) {
		f.template = strings.TrimSuffix(f.template, "/") + "/" + idField
	}
	if err := checkFolder(f.base); err != nil {
		return nil, fmt.Errorf("%q: no folder %s: %w", word, f.base, err)
	}
	return f, nil
}

// checkFolder returns an error unless there is a folder at path.
func checkFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return pathCause(err)
	}
	if !info.IsDir() {
		return errors.New("not a directory")
	}
	return nil
}

func (d *folder) name() string { return "dir" }

func (d *folder) String() string {
	if d.template == "" {
		return d.name()
	}
	return d.name() + ":" + d.template
}

func (d *folder) network() bool { return false }

func (d *folder) trusted() *url.URL { return nil }

func (d *folder) unmatched() string {
	if d.missed.Load() && !d.found.Load() {
		return d.given
	}
	return ""
}

// A photoName is where in a folder a photo may be, and how the record calls it.
type photoName struct{ path, url string }

func (d *folder) locate(r Request) (location, error) {
	names, err := d.names(r)
	if err != nil {
		return nil, attemptError(err, d.name(), "")
	}
	return &folderPhoto{folder: d, names: names}, nil
}

// names returns the names under which the folder may have a photo, in the order
// in which they are tried.
func (d *folder) names(r Request) ([]photoName, error) {
	var names []photoName
	if d.template == "" {
		if r.Subset != "" && !record.ValidID(r.Subset) {
			return nil, fetchErrorf(NoURL, "%.80q is not the name of a subset", r.Subset)
		}
		nested := strings.TrimPrefix(r.Subset+"/", "/") + r.ID
		for _, path := range slices.Compact([]string{nested, r.ID}) {
			for _, ending := range endings {
				names = append(names, photoName{path + ending, "file:" + nested + ending})
			}
		}
		return names, nil
	}
	if err := checkFields(d.template, r); err != nil {
		return nil, err
	}
	for _, class := range d.classNames(r.Class) {
		// Windows has more separators and devices than an address.
		if class != "" && (!filepath.IsLocal(class) || strings.Contains(filepath.ToSlash(class), "/")) {
			return nil, fetchErrorf(Refused, "class %.80q cannot be the name of a folder", class)
		}
		r.Class = class
		path := fillPath(d.template, r)
		if strings.HasSuffix(d.template, idField) {
			for _, ending := range endings {
				names = append(names, photoName{path + ending, fileURL(path + ending)})
			}
		}
		names = append(names, photoName{path, fileURL(path)})
	}
	return names, nil
}

// classNames returns the names that a class has as a folder: its own, and as
// other tools write it, with underscores or in lower case.
func (d *folder) classNames(class string) []string {
	if !strings.Contains(d.template, classField) {
		return []string{""}
	}
	var names []string
	for _, name := range []string{class, strings.ToLower(class)} {
		for _, name := range []string{name, strings.ReplaceAll(name, " ", "_")} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// fileURL is a path below a folder as an address.
func fileURL(path string) string {
	levels := strings.Split(path, "/")
	for i, level := range levels {
		levels[i] = url.PathEscape(level)
	}
	return "file:" + strings.Join(levels, "/")
}

// A folderPhoto is where a folder may have one photo.
type folderPhoto struct {
	folder *folder
	names  []photoName // not empty
}

func (p *folderPhoto) exists(*Fetcher) error {
	opened, name, err := p.open()
	if err != nil {
		return p.failed(name, err)
	}
	return opened.Close()
}

func (p *folderPhoto) lookUp(ctx context.Context, f *Fetcher) (*Picture, error) {
	opened, name, err := p.open()
	if err != nil {
		return nil, p.failed(name, err)
	}
	defer opened.Close() // only read from
	pic, err := f.readFile(ctx, opened)
	if err != nil {
		return nil, p.failed(name, err)
	}
	pic.URL, pic.Source = name.url, p.folder.name()
	return pic, nil
}

func (p *folderPhoto) fetch(ctx context.Context, f *Fetcher, _ []cas.Attempt) (*Picture, error) {
	return p.lookUp(ctx, f)
}

func (p *folderPhoto) address() string { return p.names[0].url }

// failed turns a *fetchError into an *Attempt at the folder.
func (p *folderPhoto) failed(name photoName, err error) error {
	err = attemptError(err, p.folder.name(), name.url)
	var failed *Attempt
	if errors.As(err, &failed) {
		failed.Attempts = 1
	}
	return err
}

// open opens the first name that there is. An error names the file it is about.
func (p *folderPhoto) open() (*os.File, photoName, error) {
	for _, name := range p.names {
		path := filepath.Join(p.folder.base, name.path)
		info, err := os.Lstat(path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			info, err = os.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, name, danglingLink(path, name.path)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		// Opening a named pipe would wait for its writer.
		if err == nil && !info.Mode().IsRegular() {
			return nil, name, fetchErrorf(Unreadable, "%s is not a regular file", name.path)
		}
		var opened *os.File
		if err == nil {
			opened, err = os.Open(path)
		}
		if err != nil {
			return nil, name, fetchErrorf(Unreadable, "%s: %v", name.path, pathCause(err))
		}
		p.folder.found.Store(true)
		return opened, name, nil
	}
	p.folder.missed.Store(true)
	return nil, p.names[0], p.missing()
}

// missing is why no name of the photo is there.
func (p *folderPhoto) missing() error {
	var seen []string
	for _, name := range p.names {
		// A link to a disk that is not mounted looks like an empty
		// folder.
		for at := 0; ; at++ {
			next := strings.IndexByte(name.path[at:], '/')
			if next < 0 {
				break
			}
			at += next
			level := name.path[:at]
			if slices.Contains(seen, level) {
				continue
			}
			seen = append(seen, level)
			path := filepath.Join(p.folder.base, level)
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
					return danglingLink(path, level)
				}
			}
		}
	}
	also := ""
	if len(p.names) > 1 {
		also = ", nor under another usual name"
	}
	return fetchErrorf(NotFound, "no %s in the folder%s", p.names[0].path, also)
}

func danglingLink(path, name string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return fetchErrorf(Unreadable, "%s: %v", name, pathCause(err))
	}
	return fetchErrorf(Unreadable, "%s is a link to %s, where nothing is", name, target)
}

// pathCause is an error without the path, which on another machine is another.
func pathCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// readFile reads and verifies the photo in a file. It is held in memory if
// there is room, and read again when it is wanted otherwise.
func (f *Fetcher) readFile(ctx context.Context, opened *os.File) (pic *Picture, err error) {
	info, err := opened.Stat()
	if err != nil {
		return nil, fetchErrorf(Unreadable, "%v", pathCause(err))
	}
	path, size := opened.Name(), info.Size()
	if size > f.opts.MaxBytes {
		return nil, fetchErrorf(TooLarge, "%d bytes, more than %d", size, f.opts.MaxBytes)
	}
	pic = &Picture{Size: size}
	pic.load = func() ([]byte, error) { return loadFile(path, pic.SHA256, size) }
	defer func() {
		if err != nil {
			pic, err = nil, errors.Join(err, pic.Release())
		}
	}()
	var content io.ReaderAt = opened
	hash := sha256.New()
	if data := f.buffers.acquire(size); data != nil {
		pic.data, pic.release = data, func() error { f.buffers.release(data); return nil }
		if n, err := io.ReadFull(opened, data); err != nil {
			return pic, unreadable(int64(n), size, err)
		}
		hash.Write(data)
		content = bytes.NewReader(data)
	} else if n, err := io.Copy(hash, io.NewSectionReader(opened, 0, size)); err != nil || n != size {
		return pic, unreadable(n, size, err)
	}
	pic.SHA256 = hex.EncodeToString(hash.Sum(nil))
	pic.MediaType, err = f.verifyHashed(ctx, content, size, pic.SHA256)
	return pic, err
}

// loadFile reads a photo again that was verified before.
func loadFile(path, digest string, size int64) ([]byte, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close() // only read from
	data := make([]byte, size)
	if n, err := io.ReadFull(opened, data); err != nil {
		return nil, unreadable(int64(n), size, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return nil, errors.New("the file has changed meanwhile")
	}
	return data, nil
}

func unreadable(n, size int64, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fetchErrorf(Unreadable, "the file shrank from %d to %d bytes while it was read", size, n)
	}
	return fetchErrorf(Unreadable, "%v", pathCause(err))
}

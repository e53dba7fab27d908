package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/export/folder"
	"github.com/opensandwich/oi/cmd/internal/export/manifest"
	"github.com/opensandwich/oi/cmd/internal/export/newfile"
)

// The forms of --manifest, in the order in which they are written: what is in
// the folder is part of what follows.
var manifestForms = []string{"hf", "croissant", "quilt", "dvc"}

// checkManifests checks --manifest, whose forms may be repeated. A form may be
// quilt=URL.
func (o *options) checkManifests() error {
	if len(o.manifests) > 0 && (o.dir == "" || o.stream.Part) {
		return cli.Usagef("--manifest describes the whole folder of --dir DIR: it does not go without one, nor with --part")
	}
	for _, text := range o.manifests {
		form, base, hasBase := strings.Cut(text, "=")
		switch {
		case !slices.Contains(manifestForms, form):
			return cli.Usagef("--manifest %s: want quilt, hf, croissant or dvc", text)
		case hasBase && form != "quilt":
			return cli.Usagef("--manifest %s: only quilt takes the address of the folder", text)
		case hasBase:
			if u, err := url.Parse(base); err != nil || u.Scheme != "s3" || u.Host == "" || u.RawQuery+u.Fragment != "" || u.User != nil {
				return cli.Usagef("--manifest %s: want quilt=s3://BUCKET/PATH", text)
			}
		}
	}
	return nil
}

// writeManifests writes what was asked for of the folder, which is complete.
func (c *cropper) writeManifests() error {
	if len(c.manifests) == 0 {
		return nil
	}
	dir, err := packageDir(c.dir)
	if err != nil {
		return err
	}
	contents, err := folder.Open(dir)
	if err != nil {
		return fmt.Errorf("--manifest: %w", err)
	}
	about, err := aboutFolder(dir, contents)
	if err != nil {
		return fmt.Errorf("--manifest: %w", err)
	}
	// What is written beside the folder lists the same files.
	files := sync.OnceValues(func() ([]manifest.File, error) { return manifest.Files(dir) })
	for _, form := range manifestForms {
		for _, text := range c.manifests {
			if name, base, _ := strings.Cut(text, "="); name == form {
				if err := c.writeManifest(dir, form, base, about, files); err != nil {
					return fmt.Errorf("--manifest %s: %w", form, err)
				}
			}
		}
	}
	return nil
}

func (c *cropper) writeManifest(dir, form, base string, about *manifest.About, list func() ([]manifest.File, error)) error {
	switch form {
	case "hf":
		return c.replace(filepath.Join(dir, manifest.CardName), about.WriteCard)
	case "croissant":
		files, err := manifest.Files(dir) // before it has this one
		if err != nil {
			return err
		}
		date, err := sourceDate(c.env)
		if err != nil {
			return err
		}
		return c.replace(filepath.Join(dir, manifest.CroissantName), func(w io.Writer) error { return about.WriteCroissant(w, date, files) })
	}
	files, err := list()
	if err != nil {
		return err
	}
	if form == "dvc" {
		return c.replace(dir+".dvc", manifest.NewDVC(filepath.Base(dir), files).Write)
	}
	at, err := quiltBase(dir, base)
	if err != nil {
		return err
	}
	stages := make([]any, len(about.Stages))
	for i, s := range about.Stages {
		stages[i] = s
	}
	q := manifest.NewQuilt(about.Name, map[string]any{"stages": stages}, files, at)
	if err := c.replace(quiltPath(dir), q.Write); err != nil {
		return err
	}
	c.env.Infof("top hash %s; to read it back: oi-crop --unpack %s --top-hash %.10s", q.TopHash(), cli.ShellWord(dir), q.TopHash())
	return nil
}

// packageDir is a folder's name as one that endings can be put to.
func packageDir(dir string) (string, error) {
	dir = filepath.Clean(dir)
	if name := filepath.Base(dir); name == "." || name == ".." {
		return filepath.Abs(dir)
	}
	return dir, nil
}

// quiltPath is where the Quilt manifest of a folder is.
func quiltPath(dir string) string { return dir + ".quilt.jsonl" }

// quiltBase is the address that the files of a package are at.
func quiltBase(dir, base string) (*url.URL, error) {
	if base != "" {
		return url.Parse(base)
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive's letter
	}
	return &url.URL{Scheme: "file", Path: path}, nil
}

// sourceDate is the date that SOURCE_DATE_EPOCH stands for, "" without.
func sourceDate(env *cli.Env) (string, error) {
	text := env.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return "", nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", fmt.Errorf("SOURCE_DATE_EPOCH=%q: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
}

// replace writes a file, whole or not at all.
func (c *cropper) replace(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	if err := newfile.Replace(path, b.Bytes()); err != nil {
		return err
	}
	c.env.Infof("wrote %s", path)
	return nil
}

// aboutFolder reads what is in a folder.
func aboutFolder(dir string, contents *folder.Contents) (*manifest.About, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	a := &manifest.About{Name: filepath.Base(path), Ending: contents.Ending()}
	for _, class := range contents.Classes {
		a.Classes = append(a.Classes, class.Name)
	}
	for _, s := range contents.Trail {
		a.Stages = append(a.Stages, strings.TrimSpace(s.Tool+" "+s.Version+" "+strings.Join(argWords(s.Args), " ")))
		if s.Tool == "oi-boxes" {
			a.Dataset = s.Args["dataset"]
		}
	}
	photos, authors := map[[2]string]string{}, map[string]bool{}
	for _, set := range contents.Sets {
		s := manifest.Set{Name: set, Path: folder.SetPath(set), Metadata: folder.MetadataFile(set)}
		for row, err := range contents.Rows(set) {
			if err != nil {
				return nil, err
			}
			s.Pictures++
			photos[[2]string{row.Item.Subset, cmp.Or(row.Item.ID, row.Item.Key)}] = row.Item.Image.License
			if author := dataset.AuthorOf(row.Item); author != "" {
				authors[author] = true
			}
		}
		a.Sets = append(a.Sets, s)
	}
	a.Authors = len(authors)
	counts := map[string]int{}
	for _, licence := range photos {
		counts[licence]++
	}
	for licence, n := range counts {
		a.Licences = append(a.Licences, manifest.Licence{URL: licence, Photos: n})
	}
	slices.SortFunc(a.Licences, func(x, y manifest.Licence) int {
		return cmp.Or(cmp.Compare(y.Photos, x.Photos), cmp.Compare(x.URL, y.URL))
	})
	return a, nil
}

// verifyPackage checks a folder against its Quilt manifest, whose top hash must
// begin with the given digits, and returns that hash. Without digits a folder
// need not have a manifest, and the hash is "" then.
func verifyPackage(dir, topHash string) (string, error) {
	dir, err := packageDir(dir)
	if err != nil {
		return "", err
	}
	path := quiltPath(dir)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		if topHash == "" {
			return "", nil
		}
		return "", cli.WithHint(fmt.Errorf("--top-hash: %w", err), "fetch the package's manifest, .quilt/packages/TOPHASH at its registry, to "+path)
	}
	if err != nil {
		return "", err
	}
	q, err := manifest.ReadQuilt(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	got := q.TopHash()
	if !strings.HasPrefix(got, strings.ToLower(topHash)) {
		return "", fmt.Errorf("%s is another package: its top hash is %s, want %s", path, got, topHash)
	}
	if err := q.Verify(dir); err != nil {
		if topHash == "" {
			err = cli.WithHint(err, "the folder is read as it is where "+path+" does not lie beside it")
		}
		return "", err
	}
	return got, nil
}

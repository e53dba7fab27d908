package detection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A media is what a photo's file is.
type media uint8

const (
	mediaJPEG media = iota
	mediaPNG
	mediaWebP
)

func mediaOf(mediaType string) media {
	switch mediaType {
	case "image/png":
		return mediaPNG
	case "image/webp":
		return mediaWebP
	}
	return mediaJPEG
}

func (m media) ending() string { return [...]string{".jpg", ".png", ".webp"}[m] }

// folders are those of the photos and of the annotations of each.
func (f Format) photoFolder(set uint8) string {
	if f == VOC {
		return "JPEGImages"
	}
	return "images/" + setNames[set]
}

// fileOf is the path of a photo's file in the export, with slashes. Programs
// that read VOC look for ID.jpg whatever there is in it; they decode it by its
// first bytes.
func (e *Export) fileOf(p *photo) string {
	ending := p.media.ending()
	if e.Format == VOC {
		ending = mediaJPEG.ending()
	}
	return path.Join(e.Format.photoFolder(p.set), safename.Of(p.id)+ending)
}

// size is the size of a photo as it is exported.
func (p *photo) size() (width, height int) {
	if p.rotation%180 == 90 {
		return int(p.height), int(p.width)
	}
	return int(p.width), int(p.height)
}

// writePhoto writes a photo with its EXIF orientation reset, or rotated by the
// image list's Rotation. One that does not decode is left out.
func (e *Export) writePhoto(ctx context.Context, number int32, set uint8, id string, load func() ([]byte, error)) error {
	data, err := load()
	if err != nil {
		return err
	}
	config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), e.MaxPixels)
	if err != nil {
		return e.leaveOut(number, id, err)
	}
	placed := e.update(number, func(p *photo) {
		p.width, p.height, p.media = uint16(config.Width), uint16(config.Height), mediaOf(config.MediaType)
		if p.rotation != 0 {
			p.media = mediaJPEG
		}
	})
	if placed.rotation != 0 {
		if data, err = e.rotate(ctx, data, config, int(placed.rotation)); err != nil {
			return e.leaveOut(number, id, err)
		}
	} else {
		var reset bool
		if data, reset = imagefile.ResetOrientation(data); reset {
			e.update(number, func(p *photo) { p.reset = true })
		}
	}
	placed.set = set
	return e.writeFile(e.fileOf(&placed), data)
}

// update changes a photo, and returns what it is then.
func (e *Export) update(number int32, change func(*photo)) photo {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.photos[number])
	return e.photos[number]
}

// leaveOut leaves a photo out that does not decode. Any other error is returned.
func (e *Export) leaveOut(number int32, id string, err error) error {
	for _, known := range []error{imagefile.ErrFormat, imagefile.ErrTruncated, imagefile.ErrTooManyPixels, imagefile.ErrDamaged, imagefile.ErrUnsupported} {
		if errors.Is(err, known) {
			e.update(number, func(p *photo) { p.broken = true })
			return nil
		}
	}
	return fmt.Errorf("photo %s: %w", id, err)
}

func (e *Export) rotate(ctx context.Context, data []byte, c imagefile.Config, rotation int) ([]byte, error) {
	weight := min(int64(c.Width)*int64(c.Height), decodedPixels)
	if err := e.pixels.Acquire(ctx, weight); err != nil {
		return nil, context.Cause(ctx)
	}
	defer e.pixels.Release(weight)
	return pix.RotateJPEG(data, e.MaxPixels, rotation, Quality)
}

// writeFile makes a file of the export. Where it is there already with other
// bytes, it is replaced if the folder was taken over from another run.
func (e *Export) writeFile(name string, data []byte) error {
	file := filepath.Join(e.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	err := newfile.Create(file, data)
	if errors.Is(err, newfile.ErrDiffers) && e.Force {
		if err := posixfile.Remove(file); err != nil {
			return err
		}
		err = newfile.Create(file, data)
	}
	if errors.Is(err, newfile.ErrDiffers) {
		return problem("it is of another run, or was changed: name a new folder, or replace what is there with --force", "%s: %w", file, err)
	}
	return err
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// maxPhoto bounds a picture's file.
const maxPhoto = 256 << 20

// arePictures tells pictures from streams by their first bytes. Files of both
// kinds are refused.
func arePictures(files []string) (bool, error) {
	pictures := 0
	for _, name := range files {
		is, err := isPicture(name)
		if err != nil {
			return false, err
		}
		if is {
			pictures++
		}
	}
	if pictures > 0 && pictures < len(files) {
		return false, cli.Usagef("some files are pictures and some are streams: want one kind at a time")
	}
	return pictures > 0, nil
}

func isPicture(name string) (bool, error) {
	if name == "-" {
		return false, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	first := make([]byte, 12)
	n, err := io.ReadFull(file, first)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return beginsPicture(first[:n]), nil
}

// beginsPicture knows JPEG, PNG and WebP, and GIF, TIFF and HEIC, of which it is
// better said that they cannot be decoded than that they are no stream.
func beginsPicture(b []byte) bool {
	for _, magic := range []string{"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF8", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return len(b) == 12 && (string(b[:4])+string(b[8:]) == "RIFFWEBP" || string(b[4:8]) == "ftyp")
}

// An answer is what the model says of a picture.
type answer struct {
	File          string             `json:"file"`
	Label         string             `json:"label"`
	Probabilities map[string]float64 `json:"probabilities"`
}

// classify prints one line for each picture.
func (o *options) classify(ctx context.Context, env *cli.Env, m *trained, files []string) error {
	n := m.network
	if n.Height != n.Width {
		return fmt.Errorf("the model takes pictures of %dx%d, and photos are scaled to squares only", n.Width, n.Height)
	}
	predictor, err := nn.NewPredictor(n, 1, o.stream.Workers())
	if err != nil {
		return err
	}
	defer predictor.Close()
	failed := 0
	for _, name := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pixels, err := readPhoto(name, n.Height)
		if err != nil {
			env.Warnf("%v", err)
			failed++
			continue
		}
		rows, err := predictor.Predict([][]byte{pixels})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := o.print(env, m, name, rows[0]); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d pictures could not be read", failed, len(files))
	}
	return nil
}

func (o *options) print(env *cli.Env, m *trained, name string, probabilities []float32) error {
	a := answer{File: name, Label: m.network.Classes[report.Best(probabilities)], Probabilities: map[string]float64{}}
	var line strings.Builder
	fmt.Fprintf(&line, "%s\t%s", cli.Escape(name), cli.Escape(a.Label))
	for i, p := range probabilities {
		a.Probabilities[m.network.Classes[i]] = float64(p)
		fmt.Fprintf(&line, "\t%s=%.4f", cli.Escape(m.network.Classes[i]), p)
	}
	if o.stream.JSON != "" {
		return json.NewEncoder(env.Stdout).Encode(a)
	}
	_, err := fmt.Fprintln(env.Stdout, line.String())
	return err
}

// readPhoto returns the whole picture, upright, at the model's size.
func readPhoto(name string, size int) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, maxPhoto+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxPhoto {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxPhoto)
	}
	picture, err := pix.DecodeUpright(data, pix.DefaultMaxPixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return pix.Crop(picture, 0, 0, picture.Width, picture.Height, 0, size), nil
}

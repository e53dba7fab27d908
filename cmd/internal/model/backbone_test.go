package model

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// TestClassifier writes metadata of a model with a backbone, reads it, and
// notices every byte that changes.
func TestClassifier(t *testing.T) {
	graph := onnxproto.AppendBytes(fileStart(), onnxproto.ModelGraph, []byte("\x12\x05graph"))
	b := Backbone{Of: "0123", Name: "small", FileSHA256: "4567", Licence: "CC0", Dim: 3, Side: 8, DType: "float16"}
	meta := map[string]string{"run": "1", "notes": "<none>"}
	var written bytes.Buffer
	write := func(w io.Writer) error {
		_, err := w.Write(graph)
		return err
	}
	if err := b.Complete(&written, write, []string{"a", "b"}, meta); err != nil {
		t.Fatal(err)
	}
	file := written.Bytes()
	c, err := ReadClassifier(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Backbone != b || !slices.Equal(c.Classes, []string{"a", "b"}) || !maps.Equal(c.Meta, meta) {
		t.Errorf("read %+v", c)
	}
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 0x11
		if _, err := ReadClassifier(changed); err == nil {
			t.Fatalf("byte %d changed, and nothing was noticed", i)
		}
		if _, err := ReadClassifier(file[:i]); err == nil {
			t.Fatalf("cut after %d bytes, and nothing was noticed", i)
		}
	}
	if _, err := ReadClassifier(append(bytes.Clone(file), file[len(graph):]...)); err == nil {
		t.Error("something follows its end, and nothing was noticed")
	}
	if _, err := ReadClassifier(graph); !errors.Is(err, ErrForeign) {
		t.Errorf("a model without a backbone: %v", err)
	}
	if err := b.Complete(io.Discard, write, []string{"a", "b"}, map[string]string{MetaBackbone: "x"}); err == nil {
		t.Error("the writer's own key can be given")
	}
	full := errors.New("full")
	if err := b.Complete(io.Discard, func(io.Writer) error { return full }, []string{"a", "b"}, meta); !errors.Is(err, full) {
		t.Errorf("a model that cannot be written: %v", err)
	}
}

package model

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/onnxproto"
)

// Backbone is what is known of the network that makes the features of a model
// with a linear head. It stands in the model's metadata and in reports; keys
// are added, never renamed.
type Backbone struct {
	// Of is the SHA-256, in hexadecimal, of what makes the features; see
	// package transfer.
	Of            string `json:"of"`
	Name          string `json:"name"`
	FileSHA256    string `json:"file_sha256"`
	Licence       string `json:"licence"`  // "unknown" where nobody said it
	Producer      string `json:"producer"` // what wrote the file
	Preprocessing string `json:"preprocessing"`
	Cut           string `json:"cut"` // where in the network the features are
	Dim           int    `json:"dim"` // numbers of a picture's features
	Side          int    `json:"side"`
	// ContextSide is that of the second view, the context of the crop; 0 where
	// the crop is all that is looked at. Of two views, Dim counts the numbers
	// of both.
	ContextSide int    `json:"context_side,omitempty"`
	DType       string `json:"dtype"` // of the features that the head was fitted to
	Parameters  int    `json:"parameters"`

	// FineTuned says which layers were trained together with the head, such
	// as "the last 16 of 52 layers". The other fields are about the file they
	// come from, but for Of, which is of the features as they are now.
	FineTuned string `json:"fine_tuned,omitempty"`
}

// Title names the network, and says if it looks at two views.
func (b *Backbone) Title() string {
	if b.ContextSide > 0 {
		return b.Name + ", two views"
	}
	return b.Name
}

// Views says in words how many views of an item the model looks at, and of what
// size they are, "" where it is one.
func (b *Backbone) Views() string {
	if b == nil || b.ContextSide == 0 {
		return ""
	}
	return fmt.Sprintf("two views: the crop at %dx%d pixels and its context at %dx%d", b.Side, b.Side, b.ContextSide, b.ContextSide)
}

// MetaBackbone is the key of the metadata under which a [Backbone] stands, as
// JSON.
const MetaBackbone = "oi_backbone"

// ParseBackbone reads that entry.
func ParseBackbone(text string) (Backbone, error) {
	var b Backbone
	err := json.Unmarshal([]byte(text), &b)
	return b, err
}

// Complete writes a model that answers with the probabilities of classes: what
// write writes, a model of package onnx, then the metadata and the seal. The
// keys "classes", "names", "oi_backbone" and "oi_sha256" belong to the writer.
func (b *Backbone) Complete(w io.Writer, write func(io.Writer) error, classes []string, meta map[string]string) error {
	names, err := json.Marshal(classes)
	if err != nil {
		return fmt.Errorf("class names: %w", err)
	}
	origin, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("backbone: %w", err)
	}
	var entries []byte
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if slices.Contains(ownKeys, key) {
			return fmt.Errorf("metadata key %q is the writer's own", key)
		}
		entries = append(entries, metaEntry(key, meta[key])...)
	}
	entries = append(entries, metaEntry(metaClasses, string(names))...)
	entries = append(entries, metaEntry(metaNames, pythonDict(classes))...)
	entries = append(entries, metaEntry(MetaBackbone, string(origin))...)
	sum := sha256.New() // whose Write never fails
	if err := write(io.MultiWriter(w, sum)); err != nil {
		return err
	}
	sum.Write(entries)
	_, err = w.Write(append(entries, seal([sha256.Size]byte(sum.Sum(nil)))...))
	return err
}

// Classifier is what the metadata of a model with a backbone says.
type Classifier struct {
	Classes  []string
	Backbone Backbone
	Meta     map[string]string // without the writer's own keys
}

// ReadClassifier reads the metadata of a model that [Backbone.Complete] made,
// and checks that every byte is as it was written. Errors are [ErrForeign] of
// any other file, [ErrDamaged] and [ErrTruncated].
func ReadClassifier(file []byte) (*Classifier, error) {
	c := &modelFile{meta: map[string]string{}}
	ours := false
	parsed := onnxproto.Each(file, func(f onnxproto.Field) error {
		switch f.Number {
		case onnxproto.ModelProducer:
			ours = string(f.Bytes) == producer
		case onnxproto.ModelMetadata:
			return c.addMeta(f.Bytes)
		}
		return nil
	})
	if !ours || c.meta[MetaBackbone] == "" {
		return nil, ErrForeign
	}
	sealed, err := checkSeal(file)
	switch {
	case err != nil:
		return nil, err
	case parsed != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, parsed)
	case !sealed && c.meta[metaSeal] != "":
		return nil, fmt.Errorf("%w: something follows its end", ErrDamaged)
	case !sealed:
		return nil, ErrTruncated
	}
	r := &Classifier{Meta: c.meta}
	if r.Backbone, err = ParseBackbone(c.meta[MetaBackbone]); err != nil {
		return nil, fmt.Errorf("%w: its backbone does not parse: %w", ErrDamaged, err)
	}
	if err := json.Unmarshal([]byte(c.meta[metaClasses]), &r.Classes); err != nil {
		return nil, fmt.Errorf("%w: its class names do not parse: %w", ErrDamaged, err)
	}
	if len(r.Classes) < 2 || len(r.Classes) > maxClasses {
		return nil, fmt.Errorf("%w: %d classes: must be from 2 to %d", ErrDamaged, len(r.Classes), maxClasses)
	}
	for _, key := range ownKeys {
		delete(r.Meta, key)
	}
	return r, nil
}

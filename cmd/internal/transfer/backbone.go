package transfer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
)

// DType is how a number of the features is rounded and stored.
type DType string

// The types of features.
const (
	Float16 DType = "float16"
	Float32 DType = "float32"
)

// Options say how a file becomes a backbone. The zero value leaves all to the
// file.
type Options struct {
	// Side is that of the pictures; 0 means what the file declares, or 224
	// where it leaves that free.
	Side int
	// Features names the value of the graph that is to be the features; ""
	// means what graph.Features chooses.
	Features string
	// Normalization is what is done to the bytes; nil means that nobody said
	// it, which is no error where the network takes bytes.
	Normalization *preprocess.Normalization
	DType         DType // "" is Float16
	Licence       string
}

// Backbone is a network that makes features.
type Backbone struct {
	model.Backbone

	// Graph takes uint8 [N,Side,Side,3] as "image" and gives float32 [N,Dim]
	// as "features". It is simplified.
	Graph *graph.Graph

	// DeclaredSide is that of the file where it is another than Side, else 0.
	DeclaredSide int
	// Shape is that of the features in the file, before pooling, such as
	// [N,1280,4,4].
	Shape string
}

// defaultSide is that of pictures for a network that takes any.
const defaultSide = 224

// The input and the outputs of the graphs.
const (
	inputName    = "image"
	featuresName = "features"
	answersName  = "probabilities"
)

// A NormalizationError is a network that takes floats where nothing says what
// to make of the bytes.
type NormalizationError struct{ Path string }

func (e *NormalizationError) Error() string {
	return fmt.Sprintf("%s does not say what it wants done to the bytes of a picture; --normalize takes %s", e.Path, preprocess.Choices)
}

// A SideError is a network that works at another side than that of the
// pictures.
type SideError struct {
	Path     string
	Side     int // of the pictures
	Declared int // at which it works
	Err      error
}

func (e *SideError) Error() string {
	return fmt.Sprintf("%s takes pictures of %dx%d, these are %dx%d: %v", e.Path, e.Declared, e.Declared, e.Side, e.Side, e.Err)
}

// Unwrap gives what is wrong at the side of the pictures.
func (e *SideError) Unwrap() error { return e.Err }

// Open reads an ONNX file. Errors say what is wrong with it; some are a
// [*NormalizationError] or a [*SideError].
func Open(path string, o Options) (*Backbone, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := fromModel(path, m, o)
	if err != nil {
		return nil, err
	}
	if m.Meta[model.MetaBackbone] != "" {
		// A file of ours keeps what is known of its backbone.
		b.inherit(m)
	}
	return b, nil
}

func fromModel(path string, m *onnx.Model, o Options) (*Backbone, error) {
	fault := func(err error) error { return fmt.Errorf("%s: %w", path, err) }
	in, err := newInput(m.Graph)
	if err != nil {
		return nil, fault(err)
	}
	if in.value.Type == graph.Uint8 {
		if o.Normalization != nil {
			return nil, fault(errors.New("it takes bytes and normalises them itself: leave --normalize and --channels out"))
		}
	} else if o.Normalization == nil {
		return nil, &NormalizationError{path}
	}
	if o.DType == "" {
		o.DType = Float16
	}
	side := o.Side
	if side == 0 {
		side = in.side
	}
	if side == 0 {
		side = defaultSide
	}
	c, err := at(m, in, side, o.Features)
	if err == nil && in.side != 0 && in.side != side {
		// What it gives at its own side must have the same length.
		if own, failed := at(m, in, in.side, o.Features); failed == nil && own.Length != c.Length {
			err = fmt.Errorf("it gives %d features, not %d", c.Length, own.Length)
		}
	}
	if err != nil && in.side != 0 && in.side != side {
		if _, failed := at(m, in, in.side, o.Features); failed == nil {
			return nil, &SideError{path, side, in.side, err}
		}
	}
	if err != nil {
		return nil, fault(err)
	}
	b := &Backbone{Shape: graph.ShapeString(c.Value.Shape)}
	if in.side != side {
		b.DeclaredSide = in.side
	}
	b.Backbone = model.Backbone{
		Name: strings.TrimSuffix(filepath.Base(path), ".onnx"), FileSHA256: m.SHA256, Licence: o.Licence,
		Producer: strings.TrimSpace(m.Producer + " " + m.Version), Preprocessing: "in the network",
		Cut: c.text(), Dim: c.Length, Side: side, DType: string(o.DType),
	}
	if b.Licence == "" {
		b.Licence = "unknown"
	}
	if in.value.Type != graph.Uint8 {
		b.Preprocessing = o.Normalization.String()
	}
	if err := b.build(c, o.Normalization); err != nil {
		return nil, fault(err)
	}
	return b, nil
}

// inherit takes what a file with a head of ours says of its backbone, if that
// still has the same features.
func (b *Backbone) inherit(m *onnx.Model) {
	was, err := model.ParseBackbone(m.Meta[model.MetaBackbone])
	if err == nil && was.Of == b.Of {
		b.Name, b.FileSHA256, b.Producer, b.Preprocessing, b.Cut = was.Name, was.FileSHA256, was.Producer, was.Preprocessing, was.Cut
		if b.Licence == "unknown" {
			b.Licence = was.Licence
		}
	}
}

// DeclaredText says that the pictures have another side than the file
// declares; "" if they do not.
func (b *Backbone) DeclaredText() string {
	if b.DeclaredSide == 0 {
		return ""
	}
	return fmt.Sprintf("%s declares pictures of %dx%d and works at %dx%d, that of the crops, too: taking these", b.Name, b.DeclaredSide, b.DeclaredSide, b.Side, b.Side)
}

package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/dataset"
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
	// Facts, if set, is asked what is known of a file besides what it says
	// itself, by its path and its SHA-256: what is done to the bytes and the
	// licence, which take the place of a Normalization and a Licence that
	// are not given.
	Facts func(path, sha256 string) (n *preprocess.Normalization, licence string, err error)
}

// Backbone is a network that makes features.
type Backbone struct {
	model.Backbone

	// Graph takes uint8 [N,Side,Side,3] as "image" and gives float32 [N,Dim]
	// as "features". One of two views takes [N,ContextSide,ContextSide,3] as
	// "context", too. It is simplified.
	Graph *graph.Graph

	// DeclaredSide is that of the file where it is another than Side, else 0.
	DeclaredSide int
	// Shape is that of the features in the file, before pooling, such as
	// [N,1280,4,4].
	Shape string

	contextDeclared int         // as DeclaredSide, for the second view
	views           []*Backbone // of two views, those of the crop and of the context
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

// File is an ONNX file that was read, before it is known how large the
// pictures are.
type File struct {
	path    string
	options Options
	model   *onnx.Model
	input   *input
}

// Open reads an ONNX file and makes a backbone of it. Errors say what is wrong
// with it; some are a [*NormalizationError] or a [*SideError].
func Open(path string, o Options) (*Backbone, error) {
	f, err := Load(path, o)
	if err != nil {
		return nil, err
	}
	return f.Backbone(o.Side)
}

// Load reads an ONNX file and checks what does not depend on the side of the
// pictures.
func Load(path string, o Options) (*File, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, options: o, model: m}
	if f.input, err = newInput(m.Graph); err != nil {
		return nil, f.fault(err)
	}
	switch f.options.DType {
	case "":
		f.options.DType = Float16
	case Float16, Float32:
	default:
		return nil, fmt.Errorf("features of type %q: want float16 or float32", o.DType)
	}
	if err := f.takeFacts(); err != nil {
		return nil, err
	}
	if f.input.value.Type != graph.Uint8 {
		if f.options.Normalization == nil {
			return nil, &NormalizationError{path}
		}
	} else if o.Normalization != nil {
		return nil, f.fault(errors.New("it takes bytes and normalises them itself: leave --normalize and --channels out"))
	}
	return f, nil
}

// takeFacts adds to the options what is known of the file.
func (f *File) takeFacts() error {
	if f.options.Facts == nil {
		return nil
	}
	n, licence, err := f.options.Facts(f.path, f.model.SHA256)
	f.options.Licence = cmp.Or(f.options.Licence, licence)
	if f.options.Normalization != nil || f.input.value.Type == graph.Uint8 {
		return nil // whatever else is said
	}
	f.options.Normalization = n
	return err
}

func (f *File) fault(err error) error { return fmt.Errorf("%s: %w", f.path, err) }

// The keys of a model's metadata that say, as trained_on and trained_on_ids do
// of the model, on which photos the network was trained that became its
// backbone.
const (
	MetaFeaturesOn    = "backbone_trained_on"
	MetaFeaturesOnIDs = "backbone_trained_on_ids"
)

// Path returns the file's name.
func (f *File) Path() string { return f.path }

// TrainedOn returns the photos on whose labels the features were trained, as far
// as the file knows of any: that of a model which oi-train wrote. The labels on
// which a head was fitted had no part in its features, unless these were
// fine-tuned with it.
func (f *File) TrainedOn() (dataset.Known, error) {
	meta := f.model.Meta
	ids, pictures := meta["trained_on_ids"], meta["trained_on"]
	if text := meta[model.MetaBackbone]; text != "" {
		if b, err := model.ParseBackbone(text); err == nil && b.FineTuned == "" {
			ids, pictures = meta[MetaFeaturesOnIDs], meta[MetaFeaturesOn]
		}
	}
	known, err := dataset.DecodeKnown(ids, pictures)
	if err != nil {
		return known, f.fault(err)
	}
	return known, nil
}

// Backbone makes the backbone for pictures of a side; 0 means what the file
// declares, or 224 where it leaves that free.
func (f *File) Backbone(side int) (*Backbone, error) {
	own := f.input.side
	if side == 0 {
		side = cmp.Or(own, defaultSide)
	}
	c, err := f.cut(side)
	if own != 0 && own != side {
		// What it gives at its own side must have the same length.
		there, failed := f.cut(own)
		if err == nil && failed == nil && there.Length != c.Length {
			err = fmt.Errorf("it gives %d features, not %d", c.Length, there.Length)
		}
		if err != nil && failed == nil {
			return nil, &SideError{f.path, side, own, err}
		}
	}
	if err != nil {
		return nil, f.fault(err)
	}
	b := &Backbone{Shape: graph.ShapeString(c.Value.Shape)}
	if own != side {
		b.DeclaredSide = own
	}
	b.Backbone = model.Backbone{
		Name: strings.TrimSuffix(filepath.Base(f.path), ".onnx"), FileSHA256: f.model.SHA256, Licence: cmp.Or(f.options.Licence, unknown),
		Producer: strings.TrimSpace(f.model.Producer + " " + f.model.Version), Preprocessing: "in the network",
		Cut: c.text(), Dim: c.Length, Side: side, DType: string(f.options.DType),
	}
	if f.input.value.Type != graph.Uint8 {
		b.Preprocessing = f.options.Normalization.String()
	}
	if err := b.build(c, f.options.Normalization); err != nil {
		return nil, f.fault(err)
	}
	b.inherit(f.model.Meta)
	return b, nil
}

const unknown = "unknown"

// inherit takes what a file with a head of ours says of its backbone, if that
// still has the same features.
func (b *Backbone) inherit(meta map[string]string) {
	was, err := model.ParseBackbone(meta[model.MetaBackbone])
	if err != nil || was.Of != b.Of {
		return
	}
	b.Name, b.FileSHA256, b.Producer, b.Preprocessing, b.Cut = was.Name, was.FileSHA256, was.Producer, was.Preprocessing, was.Cut
	b.FineTuned = was.FineTuned
	if b.Licence == unknown {
		b.Licence = was.Licence
	}
}

// DeclaredText says that the pictures have another side than the file
// declares; "" if they do not.
func (b *Backbone) DeclaredText() string {
	if b.DeclaredSide == 0 {
		return declaredText(b.Name, b.contextDeclared, b.ContextSide)
	}
	return declaredText(b.Name, b.DeclaredSide, b.Side)
}

func declaredText(name string, declared, side int) string {
	if declared == 0 {
		return ""
	}
	return fmt.Sprintf("%s declares pictures of %dx%d and works at %dx%d, that of the crops, too: taking these", name, declared, declared, side, side)
}

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A checkpoint is a run of training between two epochs: all that is needed to
// go on as if it had never stopped. On disk it is
//
//	"oi-ckpt2"       8 bytes; the last one is the version
//	length of head   uint32
//	head             JSON, a checkpointHead
//	state            float32, the tensors that head.State names, in order
//	best weights     float32, in the order of the network's parameters;
//	                 none if head.BestEpoch is 0
//	SHA-256          32 bytes, over everything before
//
// with little-endian numbers.
type checkpoint struct {
	checkpointHead
	state []model.Param // of the trainer: weights, and what the optimiser remembers
	best  []model.Param // nil if no epoch had a validation loss yet
}

// checkpointHead is the part of a checkpoint that is not weights.
type checkpointHead struct {
	Version string `json:"version"` // of the program
	// Arithmetic is what the epochs were computed with, each way once, see
	// kernel.Arithmetic; none in checkpoints of older versions.
	Arithmetic []string `json:"arithmetic,omitempty"`

	Options   map[string]string `json:"options"` // that change results
	Streamed  bool              `json:"streamed"`
	Items     int64             `json:"items"`                     // of the input that were used
	Input     string            `json:"input"`                     // their hash, in their order
	Unordered string            `json:"input_unordered,omitempty"` // in any order; none in checkpoints of older versions
	Network   networkShape      `json:"network"`
	State     []tensorShape     `json:"state"`
	Epoch     int               `json:"epoch"` // the last one that was finished
	Step      uint64            `json:"step"`
	BestEpoch int               `json:"best_epoch"`
	Stopping  stoppingState     `json:"stopping"`
	Stopped   string            `json:"stopped"` // why, if training is over
	History   []savedEpoch      `json:"history"`
}

// networkShape is a network without its weights.
type networkShape struct {
	Height   int           `json:"height"`
	Width    int           `json:"width"`
	Channels int           `json:"channels"`
	Classes  []string      `json:"classes"`
	Arch     string        `json:"arch"`
	Layers   []model.Layer `json:"layers"`
}

func shapeOf(n *model.Network) networkShape {
	return networkShape{n.Height, n.Width, n.Channels, n.Classes, n.Arch, n.Layers}
}

// network returns a network of the shape with the given weights.
func (s networkShape) network(params []model.Param) *model.Network {
	return &model.Network{Height: s.Height, Width: s.Width, Channels: s.Channels, Classes: s.Classes, Arch: s.Arch, Layers: s.Layers, Params: params}
}

// tensorShape is a tensor without its numbers.
type tensorShape struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

func shapesOf(tensors []model.Param) []tensorShape {
	shapes := make([]tensorShape, len(tensors))
	for i, p := range tensors {
		shapes[i] = tensorShape{p.Name, p.Shape}
	}
	return shapes
}

// maxTensor bounds the numbers of a tensor of the state, and maxDims its
// dimensions. A network has fewer.
const (
	maxTensor = 1 << 28
	maxDims   = 8
)

// check returns an error for a shape that no tensor has.
func (s tensorShape) check() error {
	size := 1
	for _, d := range s.Shape {
		if d < 1 || d > maxTensor/size || len(s.Shape) > maxDims {
			return fmt.Errorf("tensor %q of the impossible shape %v", s.Name, s.Shape)
		}
		size *= d
	}
	return nil
}

// stoppingState is what early stopping remembers.
type stoppingState struct {
	Best exact `json:"best"`
	Wait int   `json:"wait"`
	Any  bool  `json:"any"`
}

// savedEpoch is a line of the history. The report's own form writes NaN as
// null, which could not be read back.
type savedEpoch struct {
	Loss            exact `json:"loss"`
	Accuracy        exact `json:"accuracy"`
	TrainLoss       exact `json:"train_loss"`
	TrainAccuracy   exact `json:"train_accuracy"`
	ValLoss         exact `json:"val_loss"`
	ValAccuracy     exact `json:"val_accuracy"`
	ImagesPerSecond exact `json:"images_per_second"`
	Seconds         exact `json:"seconds"`
}

func saveEpochs(history []report.Epoch) []savedEpoch {
	saved := make([]savedEpoch, len(history))
	for i, e := range history {
		saved[i] = savedEpoch{
			exact(e.Loss), exact(e.Accuracy), exact(e.TrainLoss), exact(e.TrainAccuracy), exact(e.ValLoss), exact(e.ValAccuracy),
			exact(e.ImagesPerSecond), exact(e.Seconds),
		}
	}
	return saved
}

func (h *checkpointHead) history() []report.Epoch {
	history := make([]report.Epoch, len(h.History))
	for i, e := range h.History {
		history[i] = report.Epoch{
			Epoch: i + 1, Loss: report.Number(e.Loss), Accuracy: float64(e.Accuracy),
			TrainLoss: report.Number(e.TrainLoss), TrainAccuracy: report.Number(e.TrainAccuracy),
			ValLoss: report.Number(e.ValLoss), ValAccuracy: float64(e.ValAccuracy), ImagesPerSecond: float64(e.ImagesPerSecond), Seconds: float64(e.Seconds),
		}
	}
	return history
}

// UnmarshalJSON reads an epoch. One of an older version lacks the figures that
// it did not measure, which are none then.
func (e *savedEpoch) UnmarshalJSON(text []byte) error {
	type plain savedEpoch
	p := plain{TrainLoss: exact(math.NaN()), TrainAccuracy: exact(math.NaN())}
	err := json.Unmarshal(text, &p)
	*e = savedEpoch(p)
	return err
}

// exact is a number that JSON keeps bit for bit, and NaN and infinity with it.
type exact float64

// MarshalText writes the number in hexadecimal.
func (e exact) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(e), 'x', -1, 64), nil
}

// UnmarshalText reads what MarshalText wrote.
func (e *exact) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	*e = exact(v)
	return err
}

const (
	checkpointMagic   = "oi-ckpt"
	checkpointVersion = '2'
	featuresVersion   = 'f' // see featureStore

	// maxHead bounds the head: 65,536 classes of long names, and a history
	// of as many epochs, are well below it.
	maxHead = 64 << 20
)

var (
	errNoCheckpoint      = errors.New("not a checkpoint")
	errCheckpointOld     = errors.New("a checkpoint of an older version of oi-train, which this one cannot go on from")
	errCheckpointVersion = errors.New("a checkpoint of another version of oi-train")
	errFeatures          = errors.New("the features of a run with --backbone, which this one is not")
	errDamaged           = errors.New("the checkpoint is damaged")
)

// write writes the checkpoint.
func (c *checkpoint) write(w io.Writer) error {
	head, err := json.Marshal(&c.checkpointHead)
	if err != nil {
		return err
	}
	return writeSealed(w, checkpointVersion, head, slices.Concat(c.state, c.best))
}

// floatsAtOnce bounds the buffer between weights and file.
const floatsAtOnce = 1 << 14

func writeFloats(w io.Writer, data []float32) error {
	var buffer []byte
	for len(data) > 0 {
		part := data[:min(len(data), floatsAtOnce)]
		data = data[len(part):]
		buffer = buffer[:0]
		for _, v := range part {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// readCheckpoint reads a checkpoint that ends where r does. What memory it
// takes depends on what r holds, not on what the head claims.
func readCheckpoint(r io.Reader) (*checkpoint, error) {
	in := &checkpointReader{in: r, sum: sha256.New()}
	version, length, err := in.start()
	switch {
	case err != nil:
		return nil, err
	case version == featuresVersion:
		return nil, errFeatures
	case version == '1':
		return nil, errCheckpointOld
	case version != checkpointVersion:
		return nil, errCheckpointVersion
	}
	c, err := in.body(length)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return c, nil
}

// ioError drops the news that a file is short, which says nothing about a
// file that is no checkpoint.
func ioError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// checkpointReader reads and sums up what it read.
type checkpointReader struct {
	in  io.Reader
	sum hash.Hash // whose Write never fails
}

// fill fills b. An early end of the file is io.ErrUnexpectedEOF.
func (r *checkpointReader) fill(b []byte) error {
	_, err := io.ReadFull(r.in, b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	r.sum.Write(b)
	return err
}

// body reads everything after the length of the head.
func (r *checkpointReader) body(length uint32) (*checkpoint, error) {
	head, err := r.head(length)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{}
	if err := json.Unmarshal(head, &c.checkpointHead); err != nil {
		return nil, err
	}
	if c.Epoch < 1 || len(c.History) != c.Epoch || c.BestEpoch < 0 || c.BestEpoch > c.Epoch {
		return nil, fmt.Errorf("%d epochs, the best of them %d, and a history of %d", c.Epoch, c.BestEpoch, len(c.History))
	}
	spec, err := c.Network.network(nil).Spec()
	if err != nil {
		return nil, err
	}
	if c.state, err = r.tensors(c.State); err != nil {
		return nil, err
	}
	if c.BestEpoch > 0 {
		if c.best, err = r.params(spec); err != nil {
			return nil, err
		}
	}
	return c, r.end()
}

// start reads the version and the length of the head.
func (r *checkpointReader) start() (version byte, length uint32, err error) {
	start := make([]byte, len(checkpointMagic)+1+4)
	if err := r.fill(start); err != nil {
		return 0, 0, errors.Join(errNoCheckpoint, ioError(err))
	}
	magic, rest := start[:len(checkpointMagic)], start[len(checkpointMagic):]
	if string(magic) != checkpointMagic {
		return 0, 0, errNoCheckpoint
	}
	return rest[0], binary.LittleEndian.Uint32(rest[1:]), nil
}

// tensors reads tensors of the given shapes.
func (r *checkpointReader) tensors(shapes []tensorShape) ([]model.Param, error) {
	spec := make([]model.Param, len(shapes))
	for i, s := range shapes {
		if err := s.check(); err != nil {
			return nil, err
		}
		spec[i] = model.Param{Name: s.Name, Shape: s.Shape}
	}
	return r.params(spec)
}

// params reads the data of parameters of the given shapes.
func (r *checkpointReader) params(spec []model.Param) ([]model.Param, error) {
	params := make([]model.Param, len(spec))
	buffer := make([]byte, 4*floatsAtOnce)
	for i, p := range spec {
		for left := p.Size(); left > 0; {
			part := buffer[:4*min(left, floatsAtOnce)]
			if err := r.fill(part); err != nil {
				return nil, err
			}
			left -= len(part) / 4
			for ; len(part) > 0; part = part[4:] {
				p.Data = append(p.Data, math.Float32frombits(binary.LittleEndian.Uint32(part)))
			}
		}
		params[i] = p
	}
	return params, nil
}

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// A tuneCheckpoint is a run of fine-tuning between two epochs. It has a file of
// its own, next to that of the features and maps. On disk it is as a checkpoint,
// with this head, the version tuneVersion, and as the best weights those that
// the head's Best names.
type tuneCheckpoint struct {
	Run         string            `json:"run"` // hash of what determines it
	Options     map[string]string `json:"options,omitempty"`
	Arithmetic  string            `json:"arithmetic"`
	Step        uint64            `json:"step"`
	State       []tensorShape     `json:"state"`
	Best        []tensorShape     `json:"best"` // none if no epoch was better
	BestEpoch   int               `json:"best_epoch"`
	ValLoss     exact             `json:"val_loss"` // the lowest
	Loss        []exact           `json:"loss"`     // of each epoch, as the others
	ValLosses   []exact           `json:"val_losses"`
	ValAccuracy []exact           `json:"val_accuracy"`
}

const tuneVersion = 't'

// tuneCheckpoint returns the name of the checkpoint of fine-tuning.
func (o *options) tuneCheckpoint() string { return o.name + ".tune.ckpt" }

// run hashes what determines fine-tuning: the features and maps, the options,
// and the items in their order.
func (t *fineTuning) run() string {
	h := sha256.New() // whose Write never fails
	o := t.tuner.Options()
	_, _ = fmt.Fprintf(h, "%x %v %v %v %v %v %v\n", t.head.store.of, o, t.rate, t.weights, t.head.classes, len(t.order), t.head.c)
	pictures := make([]dataset.Picture, t.head.store.n)
	for picture, row := range t.head.store.rows {
		pictures[row] = picture
	}
	for _, set := range []string{dataset.Train, dataset.Val} {
		rows := t.head.sets[set]
		for i, row := range rows.rows {
			_, _ = fmt.Fprintf(h, "%x %d\n", pictures[row], rows.labels[i])
		}
	}
	_ = binary.Write(h, binary.LittleEndian, t.head.weights)
	return hex.EncodeToString(h.Sum(nil))
}

// save writes a checkpoint after an epoch. One that cannot be written is a
// warning: see trainer.saveCheckpoint.
func (t *fineTuning) save() {
	state := t.tuner.State()
	c := tuneCheckpoint{
		Run: t.identity, Options: t.options.valueTexts(), Arithmetic: kernel.Arithmetic(), Step: state.Step, State: shapesOf(state.Tensors), Best: shapesOf(t.best),
		BestEpoch: t.report.Best, ValLoss: exact(t.loss),
	}
	for _, e := range t.report.Epochs {
		c.Loss, c.ValLosses, c.ValAccuracy = append(c.Loss, exact(e.Loss)), append(c.ValLosses, exact(e.ValLoss)), append(c.ValAccuracy, exact(e.ValAccuracy))
	}
	write := func(w io.Writer) error {
		head, err := json.Marshal(&c)
		if err != nil {
			return err
		}
		return writeSealed(w, tuneVersion, head, append(state.Tensors, t.best...))
	}
	if err := report.WriteFiles(report.File{Path: t.options.tuneCheckpoint(), Write: write}); err != nil {
		t.env.Warnf("no checkpoint of epoch %d of fine-tuning: %v", len(t.report.Epochs), err)
	}
}

// resume goes on from a checkpoint of the same run, if --resume is given and
// there is one.
func (t *fineTuning) resume() error {
	t.identity = t.run()
	path := t.options.tuneCheckpoint()
	if err := removeLeftovers(path); err != nil {
		t.env.Warnf("what a killed run left: %v", err)
	}
	if !t.options.resume {
		return nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // nothing was written
	c, state, best, err := readTuneCheckpoint(bufio.NewReader(file))
	if err != nil {
		return cli.WithHint(fmt.Errorf("%s: %w", path, err), freshStartHint)
	}
	if c.Run != t.identity {
		if err := t.options.otherOptions(path, c.Options); err != nil {
			return err
		}
		return cli.WithHint(fmt.Errorf("%s was made from another input", path), "give the same input, or "+freshStartHint)
	}
	if c.Arithmetic != kernel.Arithmetic() {
		t.env.Warnf("%s: its epochs were computed with %s, now it is %s; this run ends with other weights than one that never stopped", path, c.Arithmetic, kernel.Arithmetic())
	}
	if err := t.tuner.SetState(nn.State{Step: c.Step, Tensors: state}); err != nil {
		return cli.WithHint(fmt.Errorf("%s: %w", path, err), freshStartHint)
	}
	t.best, t.loss, t.report.Best = best, float64(c.ValLoss), c.BestEpoch
	for i := range c.Loss {
		t.report.Epochs = append(t.report.Epochs, report.Tuned{
			Loss: report.Number(c.Loss[i]), ValLoss: report.Number(c.ValLosses[i]), ValAccuracy: report.Number(c.ValAccuracy[i]),
		})
	}
	t.env.Infof("going on after epoch %d of fine-tuning, from %s", len(c.Loss), path)
	return nil
}

// readTuneCheckpoint reads a checkpoint that ends where r does.
func readTuneCheckpoint(r io.Reader) (c *tuneCheckpoint, state, best []model.Param, err error) {
	in := &checkpointReader{in: r, sum: sha256.New()}
	version, length, err := in.start()
	if err != nil {
		return nil, nil, nil, err
	}
	if version != tuneVersion {
		return nil, nil, nil, errNoCheckpoint
	}
	c = &tuneCheckpoint{}
	if state, best, err = in.tuned(c, length); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return c, state, best, nil
}

// tuned reads everything after the length of the head.
func (r *checkpointReader) tuned(c *tuneCheckpoint, length uint32) (state, best []model.Param, err error) {
	head, err := r.head(length)
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(head, c); err != nil {
		return nil, nil, err
	}
	epochs := len(c.Loss)
	if epochs < 1 || len(c.ValLosses) != epochs || len(c.ValAccuracy) != epochs || c.BestEpoch < 0 || c.BestEpoch > epochs || (c.BestEpoch > 0) != (len(c.Best) > 0) {
		return nil, nil, fmt.Errorf("%d epochs, the best of them %d", epochs, c.BestEpoch)
	}
	if state, err = r.tensors(c.State); err != nil {
		return nil, nil, err
	}
	if len(c.Best) > 0 {
		if best, err = r.tensors(c.Best); err != nil {
			return nil, nil, err
		}
	}
	return state, best, r.end()
}

// head reads the head.
func (r *checkpointReader) head(length uint32) ([]byte, error) {
	if length > maxHead {
		return nil, fmt.Errorf("a head of %d bytes, at most %d are read", length, maxHead)
	}
	var head bytes.Buffer // which grows with what comes
	if _, err := io.CopyN(&head, r.in, int64(length)); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	r.sum.Write(head.Bytes())
	return head.Bytes(), nil
}

// end checks the checksum, and that nothing follows.
func (r *checkpointReader) end() error {
	want := r.sum.Sum(nil)
	got := make([]byte, len(want))
	if err := r.fill(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("its checksum is another")
	}
	if n, err := io.CopyN(io.Discard, r.in, 1); n > 0 || !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("something follows its end"), err)
	}
	return nil
}

// writeSealed writes a checkpoint of a version: its head and tensors, and their
// checksum.
func writeSealed(w io.Writer, version byte, head []byte, tensors []model.Param) error {
	if len(head) > maxHead {
		return fmt.Errorf("a head of %d bytes, at most %d fit", len(head), maxHead)
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	start := append([]byte(checkpointMagic), version)
	start = binary.LittleEndian.AppendUint32(start, uint32(len(head)))
	if _, err := out.Write(append(start, head...)); err != nil {
		return err
	}
	for _, p := range tensors {
		if err := writeFloats(out, p.Data); err != nil {
			return err
		}
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

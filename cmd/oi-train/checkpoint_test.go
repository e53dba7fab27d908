package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// someCheckpoint is one of a network of one small layer, with all that JSON
// has no word for.
func someCheckpoint(t testing.TB) *checkpoint {
	t.Helper()
	network := &model.Network{
		Height: 2, Width: 2, Channels: 3, Classes: []string{"a", "b"}, Arch: "small",
		Layers: []model.Layer{{Kind: model.Flatten}, {Kind: model.Dense, Out: 1}},
	}
	if err := nn.Initialise(network, 1); err != nil {
		t.Fatal(err)
	}
	best := network.Clone()
	best.Params[0].Data[1] = 0.1
	state := append(network.Params, model.Param{Name: "square/dense1.bias", Shape: []int{1}, Data: []float32{1e-40}})
	return &checkpoint{
		checkpointHead: checkpointHead{
			Version: "v1", Options: map[string]string{"lr": "0.1"}, Items: 3, Input: "00", Network: shapeOf(network), State: shapesOf(state),
			Epoch: 2, Step: math.MaxUint64, BestEpoch: 1, Stopping: stoppingState{Best: exact(math.Inf(1)), Wait: 1, Any: true},
			History: saveEpochs([]report.Epoch{{Epoch: 1, Loss: 0.1, Accuracy: 1. / 3}, {Epoch: 2, ValLoss: report.Number(math.NaN())}}),
		},
		state: state, best: best.Params,
	}
}

func encodeCheckpoint(t testing.TB, c *checkpoint) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCheckpoint(t *testing.T) {
	want := someCheckpoint(t)
	data := encodeCheckpoint(t, want)
	got, err := readCheckpoint(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encodeCheckpoint(t, got), data) {
		t.Error("what was read is not what was written")
	}
	history := got.history()
	if len(history) != 2 || history[0].Accuracy != 1./3 || history[1].Epoch != 2 || !math.IsNaN(float64(history[1].ValLoss)) {
		t.Errorf("history %+v", history)
	}
	if got.Step != math.MaxUint64 || !math.IsInf(float64(got.Stopping.Best), 1) || got.state[2].Data[0] != 1e-40 || got.best[0].Data[1] != 0.1 {
		t.Errorf("got %+v", got)
	}
	// Whatever is cut off or flipped is noticed.
	for i := range data {
		flipped := bytes.Clone(data)
		flipped[i] ^= 4
		for _, bad := range [][]byte{data[:i], flipped} {
			if _, err := readCheckpoint(bytes.NewReader(bad)); err == nil {
				t.Fatalf("byte %d of %d: no error", i, len(data))
			}
		}
	}
}

// What the head claims of the state is not believed.
func TestCheckpointRefusesShapes(t *testing.T) {
	for _, shape := range [][]int{{0}, {-1, -1}, {1 << 40}, {1 << 20, 1 << 20}, {math.MaxInt, 2}, make([]int, 9)} {
		c := someCheckpoint(t)
		c.State[1].Shape = shape
		if _, err := readCheckpoint(bytes.NewReader(encodeCheckpoint(t, c))); err == nil || !strings.Contains(err.Error(), "impossible shape") {
			t.Errorf("%v: %v", shape, err)
		}
	}
	c := someCheckpoint(t)
	c.State[0].Shape = []int{1 << 14, 1 << 14} // 1 GiB that is not there
	if _, err := readCheckpoint(bytes.NewReader(encodeCheckpoint(t, c))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	data := encodeCheckpoint(f, someCheckpoint(f))
	f.Add(data[:len(data)-sha256.Size])
	f.Add([]byte("oi-ckpt2\xff\xff\xff\x03{}"))
	f.Add([]byte("oi-ckpt2\x02\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The checksum is right, so that the reader gets to the rest.
		sum := sha256.Sum256(data)
		c, err := readCheckpoint(bytes.NewReader(append(bytes.Clone(data), sum[:]...)))
		if err != nil {
			return
		}
		once := encodeCheckpoint(t, c)
		again, err := readCheckpoint(bytes.NewReader(once))
		if err != nil || !bytes.Equal(encodeCheckpoint(t, again), once) {
			t.Errorf("written and read again it is another one (%v)", err)
		}
	})
}

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// TestCutMixPictures: a part of some pictures, at most a half, is that of the
// next one, its share is that of its area, and the given pictures stay.
func TestCutMixPictures(t *testing.T) {
	size := dataset.Size{Height: 12, Width: 20}
	plain := func(n int) [][]byte { // each of one colour of its own
		images := make([][]byte, n)
		for i := range images {
			images[i] = bytes.Repeat([]byte{byte(i + 1)}, size.Height*size.Width*3)
		}
		return images
	}
	labels := []int{3, 1, 4, 1, 5}
	options := &options{cutMix: 0.5, seed: 7}
	c := options.newCutMix(size)
	mixed, largest := 0, float32(0)
	const epochs, n = 200, 5
	var first []nn.Batch
	for epoch := 1; epoch <= epochs; epoch++ {
		c.begin(epoch)
		b := nn.Batch{Images: plain(n), Labels: labels}
		given := slices.Clone(b.Images)
		c.mix(&b)
		for i, image := range b.Images {
			next := (i + 1) % n
			if b.Seconds[i] != labels[next] || !bytes.Equal(given[i], plain(n)[i]) {
				t.Fatalf("picture %d has the second label %d, or was changed itself", i, b.Seconds[i])
			}
			pasted := bytes.Count(image, []byte{byte(next + 1)})
			if pasted+bytes.Count(image, []byte{byte(i + 1)}) != len(image) {
				t.Fatalf("picture %d has pixels of others than itself and the next one", i)
			}
			if share := float32(pasted) / float32(len(image)); share != b.Shares[i] {
				t.Fatalf("picture %d: %v of it is the next one, and its share is said to be %v", i, share, b.Shares[i])
			}
			if b.Shares[i] > 0 {
				mixed++
			}
			largest = max(largest, b.Shares[i])
		}
		if epoch <= 2 {
			for i := range b.Images {
				b.Images[i] = slices.Clone(b.Images[i])
			}
			first = append(first, b)
		}
	}
	if mixed < epochs*n*2/5 || mixed > epochs*n*3/5 {
		t.Errorf("%d of %d pictures are mixed, want about half", mixed, epochs*n)
	}
	if largest < 0.4 || largest > 0.5 {
		t.Errorf("the largest part is %v, want up to a half", largest)
	}

	again := options.newCutMix(size)
	again.begin(2) // as a run that is resumed
	b := nn.Batch{Images: plain(n), Labels: labels}
	again.mix(&b)
	if !slices.Equal(b.Shares, first[1].Shares) || !slices.EqualFunc(b.Images, first[1].Images, bytes.Equal) {
		t.Error("epoch 2 alone is not what it is after epoch 1")
	}
	if slices.Equal(first[0].Shares, first[1].Shares) {
		t.Error("two epochs are mixed alike")
	}
	one := nn.Batch{Images: plain(1), Labels: labels[:1]}
	if again.mix(&one); one.Seconds != nil || one.Shares != nil {
		t.Error("a picture was mixed with itself")
	}
}

// TestCutMix: it changes the weights, goes with a teacher, class weights and
// variants, is the same on any number of threads and after an interrupt, and the
// report says it.
func TestCutMix(t *testing.T) {
	items := twoClasses()
	teacher := headTeacher(t, items)
	for name, test := range map[string]struct {
		input []byte
		args  []string
	}{
		"alone":    {encode(t, nil, items...), nil},
		"balanced": {encode(t, nil, items[1:]...), []string{"--class-weights", "balanced", "--arch", "residual"}},
		"teacher":  {encode(t, nil, items...), []string{"--teacher", teacher}},
		"variants": {encode(t, []string{"green", "red"}, variants(t, items, 4)...), []string{"--teacher", teacher}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--epochs", "4"}, test.args...)
			plain, _, options := changesModel(t, test.input, args, []string{"--cutmix", "0.7"}, []string{"--cutmix", "0.6"})
			if options["cutmix"] != 0.7 || strings.Contains(string(plain.files["m.json"]), "cutmix") {
				t.Errorf("options %v", options)
			}
		})
	}
}

func TestCutMixRefuses(t *testing.T) {
	input := encode(t, nil, twoClasses()...)
	for _, share := range []string{"-0.1", "1.1", "NaN", "x"} {
		if got := runTrain(t, t.Context(), input, "--cutmix="+share); got.code != 2 || !strings.Contains(got.stderr, "--cutmix") {
			t.Errorf("%s: exit %d\n%s", share, got.code, got.stderr)
		}
	}
	if got := fitHead(t, t.Context(), t.TempDir(), small(t), input, "--cutmix", "0.5"); got.code != 2 || !strings.Contains(got.stderr, "--cutmix") {
		t.Errorf("with --backbone: exit %d\n%s", got.code, got.stderr)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// A session is runs of the command in one folder.
type session struct {
	t   *testing.T
	dir string
}

func newSession(t *testing.T) *session { return &session{t, t.TempDir()} }

// run runs oi-train. now, if not nil, is called whenever the clock is read,
// which is several times in every epoch.
func (s *session) run(ctx context.Context, stdin io.Reader, now func(), args ...string) (code int, stderr string) {
	var errs bytes.Buffer
	env := cmdtest.Env(stdin, io.Discard, &errs)
	if now != nil {
		env.Now = func() time.Time {
			now()
			return time.Now()
		}
	}
	code = command().Execute(ctx, env, append(quick(s.dir), args...))
	return code, errs.String()
}

// interrupt runs oi-train and interrupts it when the clock is read for the
// n-th time.
func (s *session) interrupt(n int, stdin []byte, args ...string) (code int, stderr string) {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	return s.run(ctx, bytes.NewReader(stdin), func() {
		if n--; n == 0 {
			cancel()
		}
	}, args...)
}

// file returns the contents of a file of the session, nil if there is none.
func (s *session) file(name string) []byte {
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return data
}

// resumes checks that --resume ends with the model that a run has that was
// never stopped, and leaves no checkpoint.
func (s *session) resumes(stdin, want []byte, args ...string) (stderr string) {
	s.t.Helper()
	code, stderr := s.run(s.t.Context(), bytes.NewReader(stdin), nil, append(args, "--resume")...)
	if code != 0 || !bytes.Equal(s.file("m.onnx"), want) {
		s.t.Errorf("exit %d, another model: %s", code, stderr)
	}
	if s.file("m.ckpt") != nil {
		s.t.Error("the checkpoint is still there")
	}
	return stderr
}

// changesModel checks that added options make another model than args alone, the
// same on any number of threads and after an interrupt; that what makes the model
// again has the first of them; and that a run with them does not go on with the
// others. It returns the run with args alone, that with both, and the options of
// its report.
func changesModel(t *testing.T, stdin []byte, args, added, others []string) (plain, got outcome, options map[string]any) {
	t.Helper()
	plain = runTrain(t, t.Context(), stdin, args...)
	args = slices.Concat(args, added)
	got = runTrain(t, t.Context(), stdin, slices.Concat(args, []string{"-j1"})...)
	if got.code != 0 || plain.code != 0 {
		t.Fatal(got.stderr, plain.stderr)
	}
	var r, without struct {
		Options map[string]any
		Again   string
		Weights string `json:"weights_sha256"`
	}
	if err := errors.Join(json.Unmarshal(got.files["m.json"], &r), json.Unmarshal(plain.files["m.json"], &without)); err != nil {
		t.Fatal(err)
	}
	if r.Weights == without.Weights {
		t.Error("the weights are those without it")
	}
	if want := strings.Join(added[:2], " "); !strings.Contains(r.Again, want) {
		t.Errorf("what makes the model again lacks %q: %s", want, r.Again)
	}
	s := newSession(t)
	if code, stderr := s.interrupt(8, stdin, args...); code != 130 || s.file("m.ckpt") == nil {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	wrong := slices.Concat(args, others, []string{"--resume"})
	if code, stderr := s.run(t.Context(), bytes.NewReader(stdin), nil, wrong...); code != 1 || !strings.Contains(stderr, "was made with other options: "+others[0]) {
		t.Errorf("%v: exit %d: %s", wrong, code, stderr)
	}
	s.resumes(stdin, got.files["m.onnx"], args...)
	return plain, got, r.Options
}

func TestResumesSpooled(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	args := []string{"--epochs", "7", "--lr", "0.003", "--patience", "3", "--class-weights", "balanced", "--batch", "12"}
	want := runTrain(t, t.Context(), input, args...).files["m.onnx"]
	if len(want) == 0 {
		t.Fatal("no model")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	resumed := 0
	for range 6 {
		n, m := 1+rng.IntN(20), 1+rng.IntN(8)
		t.Run(fmt.Sprint(n, m), func(t *testing.T) {
			s := newSession(t)
			if code, stderr := s.interrupt(n, input, args...); code != 130 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			// And once more, after the first time.
			if code, stderr := s.interrupt(m, input, append(args, "--resume", "-j1")...); code != 130 && code != 0 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			if strings.Contains(s.resumes(input, want, args...), "going on after epoch") {
				resumed++
			}
		})
	}
	if resumed == 0 {
		t.Error("no run went on from a checkpoint")
	}
}

// What the residual network is trained with has more of a state: raw weights,
// momentum or averages of gradients, and the average of the weights.
func TestResumesRecipes(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	for _, how := range [][]string{{"--arch", "residual"}, {"--arch", "residual", "--optimizer", "adam"}, {"--arch", "residual", "--optimizer", "rmsprop"}, {"--optimizer", "sgd"}} {
		t.Run(strings.Join(how, " "), func(t *testing.T) {
			args := append([]string{"--epochs", "3", "--batch", "12"}, how...)
			want := runTrain(t, t.Context(), input, args...).files["m.onnx"]
			if len(want) == 0 {
				t.Fatal("no model")
			}
			s := newSession(t)
			if code, stderr := s.interrupt(7, input, args...); code != 130 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			if stderr := s.resumes(input, want, append(args, "-j1")...); !strings.Contains(stderr, "going on after epoch") {
				t.Error(stderr)
			}
		})
	}
}

func TestResumesStreamed(t *testing.T) {
	input := encode(t, []string{"red", "green"}, variants(t, twoClasses(), 5)...)
	want := runTrain(t, t.Context(), input).files["m.onnx"]
	if len(want) == 0 {
		t.Fatal("no model")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	resumed := 0
	for range 6 {
		n := 1 + rng.IntN(len(input)-1)
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSession(t)
			// A stage before it was killed; how oi-train itself
			// ends makes no difference to a checkpoint that is
			// written before.
			if code, stderr := s.run(t.Context(), bytes.NewReader(input[:n]), nil); code != 1 || s.file("m.onnx") != nil {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			if strings.Contains(s.resumes(input, want), "going on after epoch") {
				resumed++
			}
		})
	}
	if resumed == 0 {
		t.Error("no run went on from a checkpoint")
	}
}

// Interrupted while it reads again what it had used: nothing is lost.
func TestInterruptWhileReadingAgain(t *testing.T) {
	input := encode(t, []string{"red", "green"}, variants(t, twoClasses(), 4)...)
	want := runTrain(t, t.Context(), input).files["m.onnx"]
	s := newSession(t)
	if code, stderr := s.run(t.Context(), bytes.NewReader(input[:len(input)-5000]), nil); code != 1 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	before := s.file("m.ckpt")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code, stderr := s.run(ctx, &leaves{bytes.NewReader(input[:len(input)*6/10]), cancel}, nil, "--resume")
	if code != 130 || before == nil || !bytes.Equal(s.file("m.ckpt"), before) {
		t.Errorf("exit %d, checkpoint of %d bytes, before %d: %s", code, len(s.file("m.ckpt")), len(before), stderr)
	}
	s.resumes(input, want)
}

func TestResumeWithoutCheckpoint(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	want := runTrain(t, t.Context(), input, "--epochs", "1").files["m.onnx"]
	if stderr := newSession(t).resumes(input, want, "--epochs", "1"); !strings.Contains(stderr, "m.ckpt: starting from the beginning") {
		t.Error(stderr)
	}
}

// Training is over and the files cannot be written: what is left is to write
// them.
func TestResumesAfterLastEpoch(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	for _, args := range [][]string{{"--epochs", "2"}, {"--patience", "2", "--min-delta", "1e6"}} {
		want := runTrain(t, t.Context(), input, args...).files["m.onnx"]
		s := newSession(t)
		inTheWay := filepath.Join(s.dir, "m.html", "full")
		code, stderr := s.run(t.Context(), bytes.NewReader(input), func() {
			if err := os.MkdirAll(inTheWay, 0o777); err != nil {
				t.Error(err)
			}
		}, args...)
		if code != 1 || s.file("m.ckpt") == nil || s.file("m.onnx") != nil {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
			t.Fatal(err)
		}
		if stderr := s.resumes(input, want, args...); strings.Contains(stderr, "img/s") {
			t.Errorf("%v: it trained again: %s", args, stderr)
		}
	}
}

// A checkpoint that cannot be written costs no epoch.
func TestNoRoomForCheckpoint(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	want := runTrain(t, t.Context(), input, "--epochs", "2").files["m.onnx"]
	s := newSession(t)
	code, stderr := s.run(t.Context(), bytes.NewReader(input), func() {
		if err := os.MkdirAll(filepath.Join(s.dir, "m.ckpt", "full"), 0o777); err != nil {
			t.Error(err)
		}
	}, "--epochs", "2")
	if code != 0 || !bytes.Equal(s.file("m.onnx"), want) || !strings.Contains(stderr, "no checkpoint of epoch 1: ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestResumeRefuses(t *testing.T) {
	classes := []string{"red", "green"}
	items := twoClasses()
	input := encode(t, classes, items...)
	s := newSession(t)
	if code, stderr := s.interrupt(7, input, "--epochs", "4"); code != 130 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	good := s.file("m.ckpt")
	if good == nil {
		t.Fatal("no checkpoint")
	}
	pixel := slices.Clone(items)
	pixel[3] = picture(3, "green", "train")
	pixel[3].Tensor.Data[7] ^= 1
	label := slices.Clone(items)
	label[5] = picture(5, "red", "train")
	shuffled := slices.Clone(items)
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
	swapped := slices.Clone(label)
	slices.Reverse(swapped)
	flipped := bytes.Clone(good)
	flipped[len(flipped)-100] ^= 1
	head := bytes.Clone(good)
	head[40] ^= 0x80
	for name, tc := range map[string]struct {
		ckpt, stdin []byte
		args        []string
		want, hint  string
	}{
		"seed":            {good, input, []string{"--seed", "2"}, "m.ckpt was made with other options: --seed 1, now 2", "give the same options"},
		"two options":     {good, input, []string{"--lr", "0.001", "--batch", "8"}, "--batch 16, now 8; --lr 0.0005, now 0.001", "give the same options"},
		"cutmix":          {good, input, []string{"--cutmix", "0.5"}, "other options: --cutmix not given, now 0.5\n", "give the same options"},
		"falling rate":    {good, input, []string{"--lr-schedule", "linear"}, "other options: --lr-schedule not given, now linear\n", "give the same options"},
		"pixel":           {good, encode(t, classes, pixel...), nil, "m.ckpt was made from another input: 48 items then, 48 now", "give the same input"},
		"label":           {good, encode(t, classes, label...), nil, "another input", "give the same input"},
		"shuffled":        {good, encode(t, classes, shuffled...), nil, "m.ckpt was made from the same 48 items in another order", "give them in the order that they had"},
		"shuffled, label": {good, encode(t, classes, swapped...), nil, "another input: 48 items then, 48 now, and they are not the same ones", "give the same input"},
		"fewer":           {good, encode(t, classes, items[1:]...), nil, "48 items then, 47 now", "give the same input"},
		"classes":         {good, encode(t, []string{"red"}, slices.Concat(pictures(0, 24, "train", "red", "background"), pictures(100, 8, "val", "red", "background"))...), nil, "its classes were green, red, now they are background, red", "give the same input"},
		"streamed":        {good, encode(t, classes, variants(t, items, 2)...), nil, "it brought no epochs", "give the same input"},
		"flipped":         {flipped, input, nil, "m.ckpt: the checkpoint is damaged: its checksum is another", "leave --resume out"},
		"flipped head":    {head, input, nil, "the checkpoint is damaged", "leave --resume out"},
		"cut":             {good[:len(good)-1], input, nil, "the checkpoint is damaged", "leave --resume out"},
		"cut in head":     {good[:50], input, nil, "the checkpoint is damaged", "leave --resume out"},
		"longer":          {append(bytes.Clone(good), 0), input, nil, "the checkpoint is damaged: something follows", "leave --resume out"},
		"empty":           {[]byte{}, input, nil, "m.ckpt: not a checkpoint", "leave --resume out"},
		"something else":  {[]byte("PK\x03\x04 and so on and on"), input, nil, "m.ckpt: not a checkpoint", "leave --resume out"},
		"old version":     {append([]byte("oi-ckpt1"), good[8:]...), input, nil, "a checkpoint of an older version of oi-train, which this one cannot go on from", "leave --resume out"},
		"version":         {append([]byte("oi-ckpt9"), good[8:]...), input, nil, "a checkpoint of another version of oi-train", "leave --resume out"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t)
			if err := os.WriteFile(filepath.Join(s.dir, "m.ckpt"), tc.ckpt, 0o600); err != nil {
				t.Fatal(err)
			}
			code, stderr := s.run(t.Context(), bytes.NewReader(tc.stdin), nil, append([]string{"--epochs", "4", "--resume"}, tc.args...)...)
			if code != 1 || !strings.Contains(stderr, tc.want) || !strings.Contains(stderr, "hint: "+tc.hint) {
				t.Errorf("exit %d, stderr %q; want %q and the hint %q", code, stderr, tc.want, tc.hint)
			}
			if s.file("m.onnx") != nil || !bytes.Equal(s.file("m.ckpt"), tc.ckpt) {
				t.Error("something was written all the same")
			}
		})
	}
	// Without --resume it starts from the beginning, and says what becomes
	// of the other.
	code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, "--epochs", "1")
	if code != 0 || !strings.Contains(stderr, "is the checkpoint of a run that did not end") || !strings.Contains(stderr, "epoch 1/1") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Other or fewer variants than before are another input too.
func TestResumeRefusesStreamed(t *testing.T) {
	classes := []string{"red", "green"}
	whole := variants(t, twoClasses(), 4)
	input := encode(t, classes, whole...)
	other := slices.Clone(whole)
	for i, item := range other {
		if item.Augment != nil && item.Augment.Epoch == 2 {
			changed, tensor := *item, *item.Tensor
			tensor.Data = bytes.Clone(tensor.Data)
			tensor.Data[0] ^= 1
			changed.Tensor = &tensor
			other[i] = &changed
			break
		}
	}
	shuffled := slices.Clone(whole) // two variants of the second epoch
	at := slices.IndexFunc(whole, func(item *record.Item) bool { return item.Augment != nil && item.Augment.Epoch == 2 })
	shuffled[at], shuffled[at+1] = whole[at+1], whole[at]
	for name, tc := range map[string]struct {
		items []*record.Item
		want  string
	}{
		"a pixel":       {other, "m.ckpt was made from another input"},
		"another order": {shuffled, "m.ckpt was made from the same 112 items in another order"},
		"fewer epochs":  {variants(t, twoClasses(), 2), "epoch 3 was finished then, now there are 2"},
		"no variants":   {twoClasses(), "it brought epochs from oi-augment"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t)
			if code, stderr := s.run(t.Context(), bytes.NewReader(input[:len(input)-1000]), nil); code != 1 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			code, stderr := s.run(t.Context(), bytes.NewReader(encode(t, classes, tc.items...)), nil, "--resume")
			if code != 1 || !strings.Contains(stderr, tc.want) || s.file("m.onnx") != nil {
				t.Errorf("exit %d: %s", code, stderr)
			}
		})
	}
}

// Patience that was used up before counts after.
func TestResumesPatience(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	args := []string{"--patience", "4", "--min-delta", "1e6"} // only epoch 1 is better
	whole := runTrain(t, t.Context(), input, args...)
	if !strings.Contains(whole.stderr, "epoch  5/50") || strings.Contains(whole.stderr, "epoch  6/50") {
		t.Fatal(whole.stderr)
	}
	s := newSession(t)
	if code, stderr := s.interrupt(11, input, args...); code != 130 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if stderr := s.resumes(input, whole.files["m.onnx"], args...); !strings.Contains(stderr, "going on after epoch 3") || strings.Contains(stderr, "epoch  6/50") {
		// The best weights would be the same ones, after two epochs
		// more.
		t.Error(stderr)
	}
}

// What a run left that was killed while it wrote a checkpoint goes with the
// next one, and nothing else does. That the names are those of
// report.WriteFiles is seen by looking at the folder while it writes.
func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.ckpt")
	names := func() (all []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			all = append(all, entry.Name())
		}
		return all
	}
	for _, name := range []string{"m.ckpt", ".m.ckpt", ".m.ckpt1x", ".m.ckpt-1", ".n.ckpt123", ".m.onnx123", ".m.ckpt18446744073709551615"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write := func(io.Writer) error {
		if n := len(names()); n != 8 {
			t.Errorf("%d files while it writes, want 8", n)
		}
		if err := removeLeftovers(path); err != nil {
			t.Error(err)
		}
		return errors.New("killed")
	}
	if err := report.WriteFiles(report.File{Path: path, Write: write}); err == nil {
		t.Error("no error")
	}
	if got, want := strings.Join(names(), " "), ".m.ckpt .m.ckpt-1 .m.ckpt1x .m.onnx123 .n.ckpt123 m.ckpt"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
}

// TestResumeOfDefaults: a default that is given is no other option.
func TestResumeOfDefaults(t *testing.T) {
	input := encode(t, nil, twoClasses()...)
	args := []string{"--arch", "residual", "--epochs", "3"}
	want := runTrain(t, t.Context(), input, args...)
	s := newSession(t)
	if code, stderr := s.interrupt(6, input, args...); code != 130 || s.file("m.ckpt") == nil {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	s.resumes(input, want.files["m.onnx"], append(args, "--weight-decay", "0.05", "--patience", "4")...)
}

// TestResumeAfterFailure: where the input breaks off after an epoch, what there is
// to go on from is said, wherever it breaks off.
func TestResumeAfterFailure(t *testing.T) {
	all := encode(t, []string{"green", "red"}, variants(t, twoClasses(), 4)...)
	want := runTrain(t, t.Context(), all, "--epochs", "4")
	for _, part := range []int{55, 60, 65, 70, 75, 80, 85} { // per cent
		s := newSession(t)
		code, stderr := s.run(t.Context(), bytes.NewReader(all[:len(all)*part/100]), nil, "--epochs", "4")
		if code != 1 || !strings.Contains(stderr, "stops early") || !strings.Contains(stderr, "hint: once that is mended, the same command with --resume goes on after epoch ") {
			t.Errorf("%d %%: exit %d: %s", part, code, stderr)
		}
		s.resumes(all, want.files["m.onnx"], "--epochs", "4")
	}
}

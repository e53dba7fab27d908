package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"oi-augment": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

// picture returns item n, of 16x12 random pixels.
func picture(n int, label, set string) *record.Item {
	const h, w = 12, 16
	data := make([]byte, h*w*3)
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return cmdtest.Crop(n, label, set, h, w, data)
}

// sameID is a train item n of the photo of another one.
func sameID(n, of int) *record.Item {
	item := picture(n, "a", "train")
	item.ID = picture(of, "a", "").ID
	return item
}

// encode returns a stream of the items.
func encode(t testing.TB, items ...*record.Item) []byte {
	t.Helper()
	return cmdtest.EncodeItems(t, &record.Header{
		Version: 1, Classes: []record.Class{{MID: "/m/a", Name: "a"}}, Stages: []record.Stage{{Tool: "oi-crop", Version: "1"}},
	}, items...)
}

func someItems() []*record.Item {
	var items []*record.Item
	for i := range 12 {
		items = append(items, picture(i, "ab"[i%2:i%2+1], "train"))
	}
	return append(items, picture(20, "a", "val"), picture(21, "b", "val"), picture(22, "a", "test"))
}

// augment runs the command in this process.
func augment(t *testing.T, stdin []byte, args ...string) (code int, stdout []byte, stderr string) {
	t.Helper()
	return cmdtest.Run(t.Context(), command(), stdin, args...)
}

// mustAugment also decodes the output.
func mustAugment(t *testing.T, stdin []byte, args ...string) (*record.Header, []*record.Item, *record.End) {
	t.Helper()
	code, out, stderr := augment(t, stdin, args...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	return cmdtest.Decode(t, out)
}

func TestOrderAndAccount(t *testing.T) {
	duplicate := picture(30, "a", "train")
	duplicate.Fetched.SHA256 = picture(20, "a", "val").Fetched.SHA256
	input := append(someItems(), duplicate)
	header, items, end := mustAugment(t, encode(t, input...), "--epochs", "3", "--copies", "2")

	if last := header.Stages[len(header.Stages)-1]; last.Tool != "oi-augment" || last.Args["epochs"] != "3" || last.Args["rotation"] != "40" {
		t.Errorf("trail: %+v", last)
	}
	var got []string
	for _, item := range items[:3] {
		got = append(got, item.Key[:4]+item.Set)
		if item.Augment != nil {
			t.Errorf("%s: a held-out item was changed", item.Key)
		}
	}
	if s := strings.Join(got, " "); s != "0020val 0021val 0022test" {
		t.Errorf("held-out items: %s", s)
	}
	items = items[3:]
	if len(items) != 3*2*12 {
		t.Fatalf("%d variants, want %d", len(items), 3*2*12)
	}
	orders := map[string]bool{}
	for epoch := range 3 {
		seen := map[string]bool{}
		var order []string
		for _, item := range items[epoch*24 : (epoch+1)*24] {
			if item.Augment == nil || item.Augment.Epoch != epoch+1 || item.Set != "train" || item.Label == nil || item.Fetched == nil {
				t.Fatalf("epoch %d: %+v", epoch+1, item)
			}
			seen[fmt.Sprint(item.Key, item.Augment.Copy)] = true
			order = append(order, item.Key)
		}
		if len(seen) != 24 {
			t.Errorf("epoch %d has %d different variants, want 24", epoch+1, len(seen))
		}
		orders[strings.Join(order, " ")] = true
	}
	if len(orders) != 3 {
		t.Error("two epochs have the same order")
	}
	count := end.Stages[1]
	if count.In != 16 || count.Out != 75 || count.Added["variant"] != 60 || count.Removed["duplicate of a held-out picture"] != 1 {
		t.Errorf("account: %+v", count)
	}
	if end.Stages[0].Tool != "oi-crop" || end.Stages[0].In != 16 {
		t.Errorf("the account of the stage before: %+v", end.Stages[0])
	}
}

// The header says how many items will come, unless nobody knows.
func TestExpected(t *testing.T) {
	stale := cmdtest.EncodeItems(t, &record.Header{Version: 1, Expected: 99, Stages: []record.Stage{{Tool: "oi-crop"}}}, someItems()...)
	for args, want := range map[string]int64{"": 15, "--epochs 3 --copies 2": 75, "--val 0.5": 15, "--json=framed": 15} {
		header, items, _ := mustAugment(t, stale, strings.Fields(args)...)
		if header.Expected != want || int64(len(items)) != want {
			t.Errorf("%q: %d expected of %d items, want %d", args, header.Expected, len(items), want)
		}
	}
	r := &run{options: &options{epochs: math.MaxInt32, copies: math.MaxInt32}}
	r.items = dataset.NewCollection(dataset.NewSpool(1<<20, ""), dataset.RepeatPolicy{})
	defer r.items.Spool.Close()
	if n := r.expected(); n != 0 {
		t.Errorf("%d expected of nothing", n)
	}
	for _, item := range someItems() {
		if err := r.items.Add(item); err != nil {
			t.Fatal(err)
		}
	}
	r.items.Divide(dataset.DefaultSplit())
	if n := r.expected(); n != math.MaxInt64 {
		t.Errorf("%d expected, want as many as there can be", n)
	}
	var endless bytes.Buffer
	env := cmdtest.Env(bytes.NewReader(stale), writerFunc(func(p []byte) (int, error) {
		if endless.Len() > 0 {
			return 0, cli.ErrDownstreamGone
		}
		return endless.Write(p)
	}), io.Discard)
	if code := command().Execute(t.Context(), env, []string{"--epochs", "0"}); code != 0 {
		t.Fatalf("exit %d", code)
	}
	first, err := record.NewReader(&endless).Read()
	if header, ok := first.(*record.Header); err != nil || !ok || header.Expected != 0 {
		t.Errorf("--epochs 0: %+v, %v", first, err)
	}
}

// The recorded parameters are those the pixels were made with.
func TestParameters(t *testing.T) {
	original := picture(1, "a", "train")
	_, items, _ := mustAugment(t, encode(t, original), "--epochs", "4", "--flip-v")
	for _, item := range items {
		a := item.Augment
		want := make([]byte, len(original.Tensor.Data))
		warp := pix.Warp{Theta: a.Theta, TX: a.TX, TY: a.TY, Shear: a.Shear, ZX: a.ZX, ZY: a.ZY, FlipH: a.FlipH, FlipV: a.FlipV}
		new(pix.Warper).Apply(warp, want, original.Tensor.Data, 12, 16, 3)
		if !bytes.Equal(item.Tensor.Data, want) {
			t.Errorf("epoch %d: the pixels are not those of %+v", a.Epoch, a)
		}
		if bytes.Equal(item.Tensor.Data, original.Tensor.Data) {
			t.Errorf("epoch %d: nothing changed", a.Epoch)
		}
	}
}

func TestNoRangesNoChange(t *testing.T) {
	original := picture(1, "a", "train")
	_, items, _ := mustAugment(t, encode(t, original), "--rotation=0", "--height-shift=0", "--width-shift=0", "--shear=0", "--zoom=0", "--flip-h=false")
	if !bytes.Equal(items[0].Tensor.Data, original.Tensor.Data) {
		t.Error("with all ranges closed the picture changed")
	}
}

// The bytes depend neither on -j, nor on the order of the items, nor on where
// they are kept; they do depend on the seed.
func TestDeterminism(t *testing.T) {
	items := someItems()
	input := encode(t, items...)
	_, want, _ := augment(t, input, "--epochs", "2", "-j1")
	for _, args := range [][]string{{"-j8"}, {"-j3", "--spool-memory", "0"}, {"--spool-memory=2K"}} {
		if _, got, stderr := augment(t, input, append(args, "--epochs", "2")...); !bytes.Equal(got, want) {
			t.Errorf("%v: other bytes\n%s", args, stderr)
		}
	}
	turned := make([]*record.Item, 0, len(items))
	for i := range items {
		turned = append(turned, items[len(items)-1-i])
	}
	if _, got, _ := augment(t, encode(t, turned...), "--epochs", "2"); !bytes.Equal(got, want) {
		t.Error("the order of the items makes a difference")
	}
	if _, got, _ := augment(t, input, "--epochs", "2", "--seed", "2"); bytes.Equal(got, want) {
		t.Error("the seed makes no difference")
	}
}

// Items without a set are divided as oi-train would.
func TestDivides(t *testing.T) {
	var items []*record.Item
	for i := range 40 {
		items = append(items, picture(i, "a", ""))
	}
	_, out, _ := mustAugment(t, encode(t, items...))
	sets := map[string]int{}
	for _, item := range out {
		sets[item.Set]++
		if (item.Augment != nil) != (item.Set == "train") {
			t.Errorf("%s is in %s and has augment %v", item.Key, item.Set, item.Augment)
		}
	}
	if sets["train"] < 15 || sets["val"] == 0 || sets["test"] == 0 || len(out) != 40 {
		t.Errorf("sets: %v", sets)
	}
}

// Items without a key are as many as there are, and get a key. Each variant
// says what it was drawn from.
func TestKeyless(t *testing.T) {
	var items []*record.Item
	originals := map[string]bool{}
	for i := range 12 {
		item := picture(i, "a", []string{"train", "train", "val"}[i%3])
		item.ID, item.Key, item.Fetched = fmt.Sprint("photo", i%3), "", nil // four boxes a photo
		items = append(items, item)
		sum := sha256.Sum256(item.Tensor.Data)
		originals[hex.EncodeToString(sum[:])] = true
	}
	input := encode(t, items...)
	_, out, end := mustAugment(t, input, "--epochs", "2")
	keys := map[string]int{}
	for _, item := range out {
		keys[item.Key]++
		if item.Augment != nil && !originals[item.Augment.Of] {
			t.Errorf("%s is a variant of %q, which is no original", item.Key, item.Augment.Of)
		}
	}
	if len(keys) != 12 || end.Stages[1].Out != 4+2*8 {
		t.Errorf("%d keys in %d items, want 12 in 20", len(keys), len(out))
	}
	slices.Reverse(items)
	_, want, _ := augment(t, input, "--epochs", "2")
	if _, got, _ := augment(t, encode(t, items...), "--epochs", "2"); !bytes.Equal(got, want) {
		t.Error("the order of the items makes a difference")
	}
}

func TestRepeats(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, items ...*record.Item) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, encode(t, items...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	relabelled := picture(1, "b", "train")
	relabelled.Label.Name = "c"
	a, b := file("a.oi", someItems()...), file("b.oi", picture(50, "a", "train"), relabelled)
	for _, args := range [][]string{{a, b}, {b, a}, {a, a}} {
		code, out, stderr := augment(t, nil, args...)
		want := "comes in " + args[0] + " and again in " + args[1]
		if code != 1 || len(out) > 0 || !strings.Contains(stderr, "item 00") || !strings.Contains(stderr, want) || !strings.Contains(stderr, "hint: ") || !strings.Contains(stderr, "--repeats drop") {
			t.Errorf("%v: exit %d, %d bytes: %s", args, code, len(out), stderr)
		}
	}
	_, items, end := mustAugment(t, nil, "--repeats", "drop", a, b)
	if count := end.Stages[len(end.Stages)-1]; len(items) != 16 || count.In != 17 || count.Removed["repeated"] != 1 {
		t.Errorf("%d items, account %+v", len(items), count)
	}
	body := func(args ...string) []byte { // without the header, which names the streams in their order
		_, out, stderr := augment(t, nil, args...)
		if !strings.Contains(stderr, "left out 1 items that repeat another, 1 of which have another label or set than it") {
			t.Errorf("stderr: %s", stderr)
		}
		return out[bytes.Index(out, []byte("oi-rec1")):]
	}
	if !bytes.Equal(body("--repeats", "drop", a, b), body("--repeats", "drop", b, a)) {
		t.Error("the order of the files decides which item stays")
	}
}

// What is said of sets is what was done.
func TestSaysHowItDivided(t *testing.T) {
	var items []*record.Item
	for i := range 30 {
		item := picture(i, "ab"[i%2:i%2+1], "")
		item.Subset = "train"
		if i < 4 {
			item.Subset = "test"
			item.Label.Name = "a"
		}
		items = append(items, item)
	}
	_, _, stderr := augment(t, encode(t, items...))
	for _, want := range []string{"30 items carried no set and keep the subset", "the set test has one class only, a"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	if strings.Contains(stderr, "divided by") && !strings.Contains(stderr, "--split hash divides by") {
		t.Errorf("a division that was none: %s", stderr)
	}
	if _, _, stderr := augment(t, encode(t, items[4:]...)); !strings.Contains(stderr, "26 items carried no set and were divided by photo, as no author is known: val 0.15, test 0.15") {
		t.Errorf("stderr: %s", stderr)
	}
}

func TestEndless(t *testing.T) {
	var errs bytes.Buffer
	env := cmdtest.Env(bytes.NewReader(encode(t, someItems()...)), cmdtest.FailAfter(1<<20, cli.ErrDownstreamGone), &errs)
	if code := command().Execute(t.Context(), env, []string{"--epochs", "0", "-q"}); code != 0 || errs.Len() > 0 {
		t.Errorf("exit %d, %q; want a quiet 0 when the reader leaves", code, errs.String())
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var errs bytes.Buffer
	env := cmdtest.Env(bytes.NewReader(encode(t, someItems()...)), writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	}), &errs)
	if code := command().Execute(ctx, env, []string{"--epochs", "0"}); code != 130 {
		t.Errorf("exit %d, want 130: %s", code, errs.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestRefuses(t *testing.T) {
	whole := encode(t, someItems()...)
	variant := picture(1, "a", "train")
	variant.Augment = &record.Augment{Epoch: 1, ZX: 1, ZY: 1}
	bare := picture(1, "a", "train")
	bare.Tensor = nil
	for name, tc := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		want  string
	}{
		"epochs below 0":     {whole, []string{"--epochs", "-1"}, 2, "--epochs -1"},
		"no copies":          {whole, []string{"--copies", "0"}, 2, "--copies 0"},
		"zoom of all":        {whole, []string{"--zoom", "1"}, 2, "zoom"},
		"nothing to train":   {whole, []string{"--val", "0.6", "--test", "0.4"}, 2, "leave nothing to train on"},
		"a wrong amount":     {whole, []string{"--spool-memory", "much"}, 2, "no number of bytes"},
		"cut off":            {whole[:len(whole)-40], nil, 1, "stops early"},
		"empty":              {nil, nil, 1, "empty"},
		"not records":        {[]byte("hello, world\n"), nil, 1, "hint"},
		"augmented before":   {encode(t, variant), nil, 1, "item 0001-00000000 is a variant already"},
		"no tensor":          {encode(t, bare), nil, 1, "hint: run oi-crop before this stage"},
		"endless of nothing": {encode(t, picture(1, "a", "val")), []string{"--epochs", "0"}, 1, "would never end"},
		"all held out":       {encode(t, picture(1, "a", "val"), sameID(2, 1), sameID(3, 1)), []string{"--epochs", "0"}, 1, "would never end: all items of the set train were left out, 2 as duplicate of a held-out picture"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := augment(t, tc.stdin, tc.args...)
			if code != tc.code || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit %d, want %d; stderr %q, want %q", code, tc.code, stderr, tc.want)
			}
			if len(stdout) > 0 {
				t.Errorf("%d bytes were written all the same", len(stdout))
			}
		})
	}
}

func BenchmarkAugment(b *testing.B) {
	item := picture(1, "a", "train")
	item.Tensor.Shape, item.Tensor.Data = []int{128, 128, 3}, make([]byte, 128*128*3)
	stdin := cmdtest.Encode(b, record.Binary, &record.Header{Version: 1}, item, &record.End{})
	const copies = 64
	b.SetBytes(copies * 128 * 128 * 3)
	for b.Loop() {
		env := cmdtest.Env(bytes.NewReader(stdin), io.Discard, io.Discard)
		if code := command().Execute(context.Background(), env, []string{"--copies", fmt.Sprint(copies)}); code != 0 {
			b.Fatalf("exit %d", code)
		}
	}
}

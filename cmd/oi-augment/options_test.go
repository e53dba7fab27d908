package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/record"
)

const everything = "--random-resized-crop=0.4 --brightness=0.5 --contrast=0.5 --saturation=0.5 --hue=0.1 --grayscale=0.3 --blur=1 --jpeg=30 --cutout=0.3 --fill=reflect --keras-2018 --flip-v"

func trail(t *testing.T, args ...string) map[string]string {
	t.Helper()
	header, _, _ := mustAugment(t, encode(t, someItems()...), args...)
	return header.Stages[len(header.Stages)-1].Args
}

// The trail holds what the preset and the flags come to.
func TestPreset(t *testing.T) {
	plain := trail(t)
	if got := trail(t, "--preset", "article"); !maps.Equal(got, plain) {
		t.Errorf("the article: %v, want %v", got, plain)
	}
	off := trail(t, "--preset=none")
	for _, name := range []string{"rotation", "height_shift", "zoom", "shear"} {
		if off[name] != "0" || off["flip_h"] != "false" {
			t.Errorf("none: %v", off)
		}
	}
	for _, args := range [][]string{{"--preset=strong", "--rotation=40", "--cutout=0", "--flip-h=false"}, {"--flip-h=false", "--cutout=0", "--rotation=40", "--preset=strong"}} {
		got := trail(t, args...)
		if got["rotation"] != "40" || got["flip_h"] != "false" || got["cutout"] != "" || got["brightness"] != "0.3" {
			t.Errorf("%v: %v", args, got)
		}
	}
	got := trail(t, strings.Fields(everything)...)
	for name, want := range map[string]string{"jpeg": "30", "fill": "reflect", "keras_2018": "true", "hue": "0.1", "random_resized_crop": "0.4"} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	_, items, _ := mustAugment(t, encode(t, picture(1, "a", "train")), "--preset=none")
	if !bytes.Equal(items[0].Tensor.Data, picture(1, "a", "train").Tensor.Data) {
		t.Error("none changed a picture")
	}
}

// All options together give the same bytes at any -j, and again from the
// parameters alone.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	crops, variants, bare := filepath.Join(dir, "crops.oi"), filepath.Join(dir, "variants.oi"), filepath.Join(dir, "bare.oi")
	input := encode(t, someItems()...)
	for _, args := range [][]string{{"--epochs=2"}, append(strings.Fields(everything), "--epochs=2", "--copies=2", "--balance"), {"--preset=strong", "--fill=wrap"}, {"--preset=light", "--fill=constant", "--json=framed"}} {
		_, want, stderr := augment(t, input, append(args, "-j1")...)
		if _, got, _ := augment(t, input, append(args, "-j7")...); !bytes.Equal(got, want) || len(want) == 0 {
			t.Fatalf("%v: -j makes a difference: %s", args, stderr)
		}
		header, items, _ := cmdtest.Decode(t, want)
		for _, item := range items {
			item.Tensor = nil
		}
		for path, data := range map[string][]byte{crops: input, variants: want, bare: cmdtest.EncodeItems(t, header, items...)} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		again := []string{"--replay", variants, crops}
		if slices.Contains(args, "--json=framed") {
			again = append(again, "--json=framed")
		}
		if code, got, stderr := augment(t, nil, again...); code != 0 || !bytes.Equal(got, want) {
			t.Errorf("%v: --replay gives other bytes, exit %d: %s", args, code, stderr)
		}
		_, remade, _ := mustAugment(t, nil, "--replay", bare, crops)
		_, full, _ := cmdtest.Decode(t, want)
		for i, item := range remade {
			if !bytes.Equal(item.Tensor.Data, full[i].Tensor.Data) {
				t.Fatalf("%v: item %d is another picture", args, i)
			}
		}
	}
	few := filepath.Join(dir, "few.oi")
	if err := os.WriteFile(few, encode(t, someItems()[:3]...), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := augment(t, nil, "--replay", variants, few)
	if code != 1 || !strings.Contains(stderr, "is not in the input") || !strings.Contains(stderr, "hint: read the same crops") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// A smaller class gets as many variants as the largest, all of them different.
func TestBalance(t *testing.T) {
	var items []*record.Item
	for i := range 10 {
		label := "a"
		if i >= 7 {
			label = "b"
		}
		items = append(items, picture(i, label, "train"))
	}
	header, out, end := mustAugment(t, encode(t, items...), "--balance", "--epochs=2", "--copies=2")
	count := map[string]int{}
	pictures := map[string]bool{}
	for _, item := range out {
		count[item.Label.Name+string(rune('0'+item.Augment.Epoch))]++
		count[item.Key+string(rune('0'+item.Augment.Epoch))]++
		pictures[string(item.Tensor.Data)] = true
	}
	for _, class := range []string{"a1", "a2", "b1", "b2"} {
		if count[class] != 14 {
			t.Errorf("%s: %d variants, want 14", class, count[class])
		}
	}
	for i := 7; i < 10; i++ {
		if n := count[items[i].Key+"1"]; n < 4 || n > 5 {
			t.Errorf("item %d: %d variants of 14 of 3 items", i, n)
		}
	}
	if len(pictures) != 56 || header.Expected != 56 || end.Stages[len(end.Stages)-1].Out != 56 {
		t.Errorf("%d pictures, %d expected", len(pictures), header.Expected)
	}
}

func TestOnlySet(t *testing.T) {
	for set, want := range map[string]int{"train": 24, "val": 2, "test": 1} {
		header, items, end := mustAugment(t, encode(t, someItems()...), "--only-set", set, "--copies=2")
		count := end.Stages[len(end.Stages)-1]
		if len(items) != want || header.Expected != int64(want) || count.Removed["of another set"] == 0 {
			t.Errorf("%s: %d items, %d expected, %+v", set, len(items), header.Expected, count)
		}
		for _, item := range items {
			if item.Set != set {
				t.Errorf("an item of %s", item.Set)
			}
		}
	}
	for _, args := range []string{"--only-set=all", "--only-set=val --epochs=0", "--preset=medium", "--hue=0.7", "--fill=mirror", "--jpeg=101", "--sheet-items=0"} {
		if code, _, stderr := augment(t, encode(t, someItems()...), strings.Fields(args)...); code != 2 {
			t.Errorf("%s: exit %d: %s", args, code, stderr)
		}
	}
}

func TestSheet(t *testing.T) {
	dir := t.TempDir()
	input := encode(t, someItems()...)
	_, want, _ := augment(t, input)
	for _, name := range []string{"a.jpg", "a.html"} {
		path := filepath.Join(dir, name)
		code, got, stderr := augment(t, input, "--sheet", path, "--sheet-items=5")
		if code != 0 || !bytes.Equal(got, want) {
			t.Fatalf("exit %d, the stream is another: %s", code, stderr)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == "a.html" && (bytes.Count(data, []byte("<img")) != 5*(1+sheetVariants) || !bytes.Contains(data, []byte("original"))) {
			t.Errorf("the page has %d pictures", bytes.Count(data, []byte("<img")))
		}
	}
	code, _, stderr := augment(t, encode(t, picture(1, "a", "val")), "--sheet", filepath.Join(dir, "b.jpg"))
	if code != 1 || !strings.Contains(stderr, "there is nothing to draw") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Grey tensors are refused in one line with a next step.
func TestGrey(t *testing.T) {
	item := picture(1, "a", "train")
	item.Tensor.Shape, item.Tensor.Data = []int{12, 16, 1}, item.Tensor.Data[:12*16]
	code, out, stderr := augment(t, encode(t, item))
	if code != 1 || len(out) > 0 || !strings.Contains(stderr, "a tensor of shape [12 16 1]") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Flags that have no effect with --replay are refused, by name, before a file is
// looked at.
func TestReplayAlone(t *testing.T) {
	given := map[string]string{"preset": "none", "fill": "wrap", "flip-h": "true", "flip-v": "true", "keras-2018": "true", "balance": "true", "only-set": "train", "sheet": "a.jpg"}
	names := append([]string{"epochs", "copies", "seed", "preset", "only-set", "balance", "sheet", "sheet-items", "val", "test"}, rangeFlags...)
	for _, name := range names {
		value := given[name]
		if value == "" {
			value = "1"
		}
		code, out, stderr := augment(t, nil, "--replay", "none.oi", "--"+name+"="+value)
		if code != 2 || len(out) > 0 || !strings.Contains(stderr, "--"+name+": no effect with --replay") || !strings.Contains(stderr, "hint: ") {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
	if code, _, stderr := augment(t, nil, "--replay", "none.oi", "--hue=0.1", "--rotation=0"); code != 2 || !strings.Contains(stderr, "--rotation, --hue: no effect") {
		t.Errorf("two flags: exit %d: %s", code, stderr)
	}
	if code, _, stderr := augment(t, nil, "--replay="); code != 2 || !strings.Contains(stderr, "--replay is given nothing") {
		t.Errorf("no file: exit %d: %s", code, stderr)
	}
}

// What cannot be drawn from is refused; the ends of what can, and any seed, give
// the same bytes at any -j, for pictures of one pixel and of odd sides too.
func TestExtremes(t *testing.T) {
	for _, name := range rangeFlags {
		if slices.Contains([]string{"flip-h", "flip-v", "fill", "keras-2018", "jpeg"}, name) {
			continue
		}
		for _, value := range []string{"-0.1", "NaN", "Inf", "-Inf", "1e308", "0.1..0.2"} {
			if code, out, stderr := augment(t, encode(t, someItems()...), "--"+name+"="+value); code != 2 || len(out) > 0 {
				t.Errorf("--%s=%s: exit %d: %s", name, value, code, stderr)
			}
		}
	}
	most := "--rotation=360 --height-shift=10 --width-shift=10 --shear=89 --zoom=0.99 --flip-v --random-resized-crop=1e-9 --brightness=1 --contrast=1 --saturation=1 --hue=0.5 --grayscale=0.5 --blur=1 --jpeg=1 --cutout=1 --copies=20"
	for _, side := range [][2]int{{1, 1}, {1, 9}, {31, 2}} {
		item := cmdtest.Crop(1, "a", "train", side[0], side[1], bytes.Repeat([]byte{200, 3, 90}, side[0]*side[1]))
		for _, fill := range []string{"nearest", "constant", "reflect", "wrap"} {
			for _, seed := range []string{"0", "18446744073709551615"} {
				args := append(strings.Fields(most), "--fill="+fill, "--seed="+seed)
				code, want, stderr := augment(t, encode(t, item), append(args, "-j1")...)
				if code != 0 {
					t.Fatalf("%v, %s: exit %d: %s", side, fill, code, stderr)
				}
				for _, j := range []string{"-j2", "-j16"} {
					if _, got, _ := augment(t, encode(t, item), append(args, j)...); !bytes.Equal(got, want) {
						t.Errorf("%v, %s: %s gives other bytes", side, fill, j)
					}
				}
			}
		}
	}
}

// A damaged parameter is one clear line that names the item, and no end is
// written.
func TestReplayDamaged(t *testing.T) {
	dir := t.TempDir()
	crops, variants := filepath.Join(dir, "crops.oi"), filepath.Join(dir, "variants.oi")
	input := encode(t, someItems()...)
	if err := os.WriteFile(crops, input, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(*record.Augment){
		"of another picture": func(a *record.Augment) { a.Of = strings.Repeat("0", 64) },
		"of no picture":      func(a *record.Augment) { a.Of = "" },
		"a negative blur":    func(a *record.Augment) { a.Blur = -1 },
		"a huge blur":        func(a *record.Augment) { a.Blur = 1e308 },
	} {
		header, items, _ := mustAugment(t, input)
		last := items[len(items)-1]
		damage(last.Augment)
		if err := os.WriteFile(variants, cmdtest.EncodeItems(t, header, items...), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := augment(t, nil, "--replay", variants, crops)
		if code != 1 || !strings.Contains(stderr, "--replay "+variants) || !strings.Contains(stderr, "item "+last.Key) {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
}

package pipetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// failures runs a command on items and returns what it keeps of those that it
// skips, by id.
func failures(t *testing.T, input []byte, name string, args ...string) map[string][2]string {
	t.Helper()
	dir := t.TempDir()
	failed := filepath.Join(dir, "failed.json")
	cmd := exec.Command(filepath.Join(shared.bin, name), append([]string{"-q", "--json", "--max-skips", "100", "--failures", failed}, args...)...)
	cmd.Env = environment(dir)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, stderr.Bytes())
	}
	data, err := os.ReadFile(failed)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][2]string{}
	for line := range strings.Lines(string(out) + string(data)) {
		var item struct {
			ID      string
			Failure *struct{ Reason, Detail string }
		}
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		switch {
		case item.Failure != nil:
			all[item.ID] = [2]string{item.Failure.Reason, item.Failure.Detail}
		case item.ID != "":
			all[item.ID] = [2]string{"", ""}
		}
	}
	return all
}

func wholeBox() map[string]int {
	return map[string]int{"xmin": 0, "xmax": 1, "ymin": 0, "ymax": 1, "occluded": -1, "truncated": -1, "group_of": -1, "depiction": -1, "inside": -1}
}

// TestPhotosAreJudgedAlike gives the same files to oi-fetch and to oi-crop.
// What the first lets through the second decodes, and what no decoder reads is
// skipped for the same reason, in the same words.
func TestPhotosAreJudgedAlike(t *testing.T) {
	folder := t.TempDir()
	var toFetch, toCrop bytes.Buffer
	want := map[string]string{} // reasons of oi-crop
	damaged := map[string]bool{}
	add := func(id string, data []byte, reason string) {
		if err := os.WriteFile(filepath.Join(folder, id+".jpg"), data, 0o666); err != nil {
			t.Fatal(err)
		}
		want[id] = reason
		box := wholeBox()
		for _, w := range []struct {
			to   *bytes.Buffer
			item map[string]any
		}{
			{&toFetch, map[string]any{"id": id, "image": map[string]any{}, "box": box}},
			{&toCrop, map[string]any{"id": id, "image": map[string]any{}, "box": box, "fetched": map[string]any{"bytes": data}}},
		} {
			if err := json.NewEncoder(w.to).Encode(w.item); err != nil {
				t.Fatal(err)
			}
		}
	}
	formats := filepath.Join(shared.root, "cmd/internal/imagefile")
	for _, pattern := range []string{"jpegfile/testdata/*.jpg", "webp/testdata/*.webp", "webp/testdata/*.png"} {
		names, err := filepath.Glob(filepath.Join(formats, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			reason := ""
			if strings.HasPrefix(filepath.Base(name), "unsupported") {
				reason = "unsupported feature"
			}
			add(strings.Replace(filepath.Base(name), ".", "-", 1), data, reason)
		}
	}
	hole := oitest.JPEG(1)
	clear(hole[len(hole)-202 : len(hole)-2])
	add("hole", hole, "not decodable")
	damaged["hole"] = true
	add("more-after-the-end", append(oitest.JPEG(2), "\x00\x00\x00\x18ftypmp42"...), "")
	t.Run("cases", func(t *testing.T) {
		for _, folder := range []struct{ name, reason string }{{"jpeg-sampling/s*", ""}, {"jpeg-sampling/cmyk*", ""}, {"jpeg-sampling/arith*", "unsupported feature"}, {"zero-hole/*", "not decodable"}, {"webp-colours/*", ""}, {"orientation/*", ""}} {
			names, err := filepath.Glob(filepath.Join(oitest.Case(t, ""), folder.name+".[jw]*"))
			if err != nil || len(names) == 0 {
				t.Fatalf("%s: %v", folder.name, err)
			}
			for i, name := range names {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				id := fmt.Sprint(strings.Trim(strings.ReplaceAll(folder.name, "/", "-"), "*"), "-", i)
				add(id, data, folder.reason)
				damaged[id] = folder.reason == "not decodable"
			}
		}
	})
	header := failures(t, toFetch.Bytes(), "oi-fetch", "--images", folder)
	full := failures(t, toFetch.Bytes(), "oi-fetch", "--images", folder, "--check", "full")
	crop := failures(t, toCrop.Bytes(), "oi-crop")
	for id, reason := range want {
		if got := crop[id]; got[0] != reason {
			t.Errorf("oi-crop, %s: %q, want %q", id, got, reason)
		}
		if damaged[id] {
			if header[id][0] != "" || full[id][0] != "undecodable" {
				t.Errorf("oi-fetch, %s: %q by the header, %q in full", id, header[id], full[id])
			}
			continue
		}
		if header[id][0] != reason || full[id] != header[id] {
			t.Errorf("oi-fetch, %s: %q by the header, %q in full, want %q", id, header[id], full[id], reason)
		}
		if detail := crop[id][1]; reason != "" && (detail == "" || !strings.HasSuffix(header[id][1], detail)) {
			t.Errorf("%s: oi-fetch says %q, oi-crop %q", id, header[id][1], detail)
		}
	}
	if len(crop) != len(want) || len(header) != len(want) {
		t.Errorf("%d items, %d from oi-crop, %d from oi-fetch", len(want), len(crop), len(header))
	}
}

// TestMaxPixels: one flag in all commands that decode, for what is decoded. What
// oi-fetch leaves out no other command could decode a part of.
func TestMaxPixels(t *testing.T) {
	folder := t.TempDir()
	var toFetch, toCrop []byte
	for id, data := range map[string][]byte{"a": oitest.JPEG(1), "small": oitest.WebP()} {
		if err := os.WriteFile(filepath.Join(folder, id+".jpg"), data, 0o666); err != nil {
			t.Fatal(err)
		}
		item := map[string]any{"id": id, "image": map[string]any{}, "box": wholeBox(), "fetched": map[string]any{"bytes": data}}
		line, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		toCrop = append(toCrop, line...)
		delete(item, "fetched")
		if line, err = json.Marshal(item); err != nil {
			t.Fatal(err)
		}
		toFetch = append(toFetch, line...)
	}
	for pixels, reason := range map[int]string{6 * 4: "", 6*4 - 1: "too many pixels"} {
		flag := fmt.Sprint("--max-pixels=", pixels)
		for _, check := range []string{"header", "full"} {
			if got := failures(t, toFetch, "oi-fetch", "--images", folder, "--check", check, flag)["a"]; got[0] != reason {
				t.Errorf("oi-fetch %s: %q", flag, got)
			}
		}
	}
	for pixels, reason := range map[int]string{48 * 32: "", 48*32 - 1: "too many pixels"} {
		flag := fmt.Sprint("--max-pixels=", pixels)
		if got := failures(t, toCrop, "oi-crop", flag)["a"]; got[0] != reason {
			t.Errorf("oi-crop %s: %q", flag, got)
		}
	}
	for _, tool := range []string{"oi-fetch", "oi-crop", "oi-eval"} {
		help, err := exec.Command(filepath.Join(shared.bin, tool), "--help").Output()
		words := strings.Join(strings.Fields(string(help)), " ") // lines are wrapped
		if err != nil || !strings.Contains(words, "(default 100000000)") || !strings.Contains(words, "--max-pixels counts the pixels") {
			t.Errorf("%s --help: %v:\n%s", tool, err, help)
		}
	}
}

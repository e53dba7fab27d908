package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// cutBy is a header of pictures that were cut in some way.
func cutBy(args map[string]string) *record.Header {
	return &record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-crop", Version: "1", Args: args}}}
}

// A model with a backbone answers from embeddings as it does from the pixels,
// and its files say the same, without pictures.
func TestAnswersEmbeddings(t *testing.T) {
	m := writeCombined(t)
	items := append(held(), picture(0, "red", "red", "test"))
	pixels := encode(t, items...)
	stream := embedded(t, pixels, means(t)...)
	text := embedded(t, pixels, append([]string{"--json"}, means(t)...)...)
	if bytes.Contains(stream, []byte("tensor")) {
		t.Fatal("the stream has tensors")
	}
	for _, args := range [][]string{{}, {"--require=accuracy>=0.8"}, {"--set=val"}, {"--batch=2", "-j1"}, {"--set=train,val,test"}} {
		wantCode, want, wantErr := eval(t, pixels, append(args, m)...)
		for name, in := range map[string][]byte{"records": stream, "JSON": text} {
			code, got, stderr := eval(t, in, append(args, m)...)
			if code != 0 || wantCode != 0 || got != want || stderr != wantErr && name == "records" {
				t.Errorf("%v, %s: exit %d\n%s%s\nwant %s%s", args, name, code, got, stderr, want, wantErr)
			}
		}
	}
	_, out, _ := eval(t, pixels, "--emit", m)
	_, want, _ := cmdtest.Decode(t, []byte(out))
	code, out, stderr := eval(t, stream, "--emit", m)
	_, got, _ := cmdtest.Decode(t, []byte(out))
	if code != 0 || len(got) != len(want) {
		t.Fatalf("exit %d, %d items: %s", code, len(got), stderr)
	}
	for i, item := range got {
		p, q := item.Prediction, want[i].Prediction
		if item.Embedding == nil || p.Seen != q.Seen || p.Label != q.Label || math.Abs(p.Probabilities["red"]-q.Probabilities["red"]) > 1e-3 {
			t.Errorf("item %d: %+v, want %+v", i, p, q)
		}
	}
	dir := t.TempDir()
	if code, _, stderr := eval(t, stream, "--report", filepath.Join(dir, "a.html"), "--report", filepath.Join(dir, "a.json"), m); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "a.html"))
	if err != nil || strings.Contains(string(page), "data:image/jpeg") || !strings.Contains(string(page), report.NoPictures) {
		t.Errorf("the page shows pictures, or does not say why not: %v", err)
	}
	var r report.Report
	if data, err := os.ReadFile(filepath.Join(dir, "a.json")); err != nil || json.Unmarshal(data, &r) != nil || r.Evaluation.Accuracy != 0.8 {
		t.Errorf("%v: %+v", err, r)
	}
}

// means are the arguments that embed by the backbone of writeCombined.
func means(t *testing.T) []string { return []string{writeMeans(t, side)} }

func TestAnswersEmbeddingsRefuses(t *testing.T) {
	m := writeCombined(t)
	pixels := encode(t, held()...)
	own := embedded(t, pixels, means(t)...)
	_, items, _ := cmdtest.Decode(t, own)
	bare := picture(90, "red", "red", "test")
	bare.Tensor = nil
	cut := func(context string) []byte {
		return embedded(t, cmdtest.EncodeItems(t, cutBy(map[string]string{"size": "4", "context": context}), held()...), means(t)...)
	}
	scratch := writeModel(t)
	trained := writeCombinedOf(t, map[string]string{"trail": `[{"tool":"oi-crop","version":"1","args":{"size":"4","context":"0.1"}}]`})
	if code, _, stderr := eval(t, cut("0.1"), trained); code != 0 {
		t.Errorf("cut as the model's pictures were: exit %d: %s", code, stderr)
	}
	for name, tc := range map[string]struct {
		model string
		stdin []byte
		wants []string
	}{
		"another of":     {m, embedded(t, pixels, append([]string{"--embedding-dtype=float32"}, means(t)...)...), []string{"item 0010-00000000 has an embedding by", "means an embedding by", "3 float32", "3 float16", "hint: embeddings can be compared"}},
		"another side":   {m, embedded(t, encode(t, record8()), writeMeans(t, 8)), []string{"at 8 pixels", "at 4 pixels"}},
		"another trail":  {m, append(cut("0.1"), cut("0.2")...), []string{"--context 0.2", "--context 0.1", "hint: embeddings of pictures that were cut"}},
		"model's trail":  {trained, cut("0.2"), []string{"cut with oi-crop --context 0.2 --size 4, those of " + trained + " with oi-crop --context 0.1 --size 4"}},
		"mixed":          {m, encode(t, append(items[:4:4], held()[4:]...)...), []string{"item 0014-00000000 has a tensor, and item 0010-00000000 an embedding alone", "hint: answers come from pixels or from embeddings"}},
		"mixed, reverse": {m, encode(t, append(held()[:4], items[4:]...)...), []string{"item 0014-00000000 has no tensor, unlike item 0010-00000000"}},
		"neither":        {m, encode(t, bare), []string{"item 0090-00000000 has no tensor", "hint"}},
		"from scratch":   {scratch, own, []string{"has no tensor: oi-eval --embed dropped it; " + scratch + " answers for pictures alone", "hint: give --keep-tensor there; models of oi-train --backbone"}},
	} {
		code, _, stderr := eval(t, tc.stdin, tc.model)
		for _, want := range tc.wants {
			if code != 1 || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit %d: %s\nwant %q", name, code, stderr, want)
			}
		}
	}
}

// record8 is an item of 8x8 pixels.
func record8() *record.Item {
	item := picture(8, "red", "red", "test")
	item.Tensor = &record.Tensor{Shape: []int{8, 8, 3}, DType: "uint8", Data: make([]byte, 192)}
	return item
}

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestEmit(t *testing.T) {
	m := writeModel(t)
	items := append(held(), picture(50, "green", "red", "train"))
	unlabelled := picture(51, "green", "", "")
	unlabelled.Label = nil
	items = append(items, unlabelled)
	code, stdout, stderr := eval(t, encode(t, items...), "--emit", m)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	reader := record.NewReader(strings.NewReader(stdout))
	n := 0
	for {
		next, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := next.(type) {
		case *record.Header:
			if last := v.Stages[len(v.Stages)-1]; last.Tool != "oi-eval" || len(last.Args["model"]) != 64 {
				t.Errorf("trail %+v", v.Stages)
			}
		case *record.Item:
			n++
			want := "red"
			if v.Tensor.Data[1] == 255 {
				want = "green"
			}
			p := v.Prediction
			if p == nil || p.Label != want || p.Probabilities[want] < sure-1e-5 || p.Probabilities[want] > sure+1e-5 || len(p.Probabilities) != 2 {
				t.Errorf("%s: prediction %+v, want %s", v.Key, p, want)
			}
			if v.Key == "0050-00000000" {
				t.Error("a train item was emitted")
			}
		case *record.End:
			if c := v.Stages[1]; c.In != 10 || c.Out != 9 || c.Removed["other set"] != 1 {
				t.Errorf("account %+v", c)
			}
		}
	}
	if n != 9 {
		t.Errorf("%d items, want 9", n)
	}
	if _, again, _ := eval(t, encode(t, items...), "--emit", "-j1", "--batch=1", m); again != stdout {
		t.Error("-j and --batch make a difference")
	}
}

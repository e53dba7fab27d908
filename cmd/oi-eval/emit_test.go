package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
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

// Where the model remembers no photo and no figure is asked for, no later item
// can change the answer for an earlier one: it goes out before the input ends.
func TestEmitDoesNotWaitForTheEnd(t *testing.T) {
	m := writeModelOf(t, nil)
	items := held()
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	done := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		env := &cli.Env{Stdin: stdin, Stdout: stdout, Stderr: &stderr, Getenv: func(string) string { return "" }, Now: time.Now}
		code := command().Execute(t.Context(), env, []string{"--emit", m})
		_ = stdout.Close()
		done <- code
	}()
	w := record.NewWriter(in, record.Binary)
	write := func(rec record.Record) {
		t.Helper()
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	var all bytes.Buffer
	r := record.NewReader(io.TeeReader(out, &all))
	read := func() record.Record {
		t.Helper()
		rec, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	write(&record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-crop", Version: "1"}}})
	for _, item := range items {
		write(item)
		for {
			answer, ok := read().(*record.Item)
			if !ok {
				continue // the header
			}
			if answer.Key != item.Key || answer.Prediction == nil {
				t.Errorf("%s: %+v", item.Key, answer)
			}
			break
		}
	}
	n := int64(len(items))
	write(&record.End{Stages: []record.StageCounts{{Tool: "oi-crop", In: n, Out: n}}})
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); err != io.EOF; {
		if _, err = r.Read(); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	}
	if code := <-done; code != 0 {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	if _, whole, _ := eval(t, encode(t, items...), "--emit", m); whole != all.String() {
		t.Error("the answers differ from those for a file")
	}
}

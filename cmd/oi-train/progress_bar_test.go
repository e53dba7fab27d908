package main

import (
	"bytes"
	"math"
	"testing"
	"time"
)

// drawn is what shows a line without leaving the terminal's line.
func drawn(line string) string { return "\r\x1b[K\x1b[?7l" + line + "\x1b[?7h\r" }

func TestBar(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(100, 0)
	b := &progressBar{out: &out, now: func() time.Time { return now }}
	b.begin(now)
	step := func(after time.Duration, n, total int, want string) {
		t.Helper()
		out.Reset()
		now = now.Add(after)
		b.draw("epoch 2/9", n, total, 0.5)
		if got := out.String(); got != want {
			t.Errorf("%d of %d: got %q, want %q", n, total, got, want)
		}
	}
	step(0, 0, 100, drawn("epoch 2/9  [........................]  loss 0.5000  0 img/s  ? left"))
	step(barEvery-1, 10, 100, "") // too soon
	step(2*time.Second-barEvery+1, 50, 100, drawn("epoch 2/9  [############............]  loss 0.5000  25 img/s  2s left"))
	step(time.Second, 150, 100, drawn("epoch 2/9  [########################]  loss 0.5000  50 img/s  0s left"))
	step(time.Second, 80, 0, drawn("epoch 2/9  80 images  loss 0.5000  20 img/s"))

	out.Reset()
	b.clear()
	b.clear()
	if got := out.String(); got != "\r\x1b[K" {
		t.Errorf("clear wrote %q", got)
	}

	for columns, want := range map[int]string{
		120: "epoch 12/50  [############............]  loss 0.5000  1000 img/s  1m0s left",
		80:  "epoch 12/50  [############............]  loss 0.5000  1000 img/s  1m0s left",
		75:  "epoch 12/50  [######......]  loss 0.5000  1000 img/s  1m0s left",
		60:  "epoch 12/50  [######......]  loss 0.5000  1m0s left",
		40:  "epoch 12/50  [######......]  1m0s left",
		30:  "epoch 12/50  50%  1m0s left",
		10:  "epoch 12/",
	} {
		b := &progressBar{columns: columns}
		if got := b.line("epoch 12/50", 60_000, 120_000, 0.5, time.Minute); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
	if got := (&progressBar{columns: 40}).line("epoch 12/50", 60_000, 0, 0.5, time.Minute); got != "epoch 12/50  60000 images  1000 img/s" {
		t.Error(got)
	}

	silent := &progressBar{now: b.now}
	silent.begin(now)
	silent.draw("epoch 1/1", 1, 2, 0)
	silent.clear()
}

// A time too long for a duration is no negative one.
func TestInSeconds(t *testing.T) {
	for s, want := range map[float64]string{0: "0s", 1.4: "1s", 89.6: "1m30s", math.MaxInt64: "2562047h47m16s", math.Inf(1): "2562047h47m16s"} {
		if got := inSeconds(s).String(); got != want {
			t.Errorf("%g seconds: %s, want %s", s, got, want)
		}
	}
}

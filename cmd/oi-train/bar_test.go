package main

import (
	"bytes"
	"testing"
	"time"
)

func TestBar(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(100, 0)
	b := &bar{out: &out, now: func() time.Time { return now }}
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
	step(0, 0, 100, "\r\x1b[Kepoch 2/9  [........................]  loss 0.5000  0 img/s  ? left\r")
	step(barEvery-1, 10, 100, "") // too soon
	step(2*time.Second-barEvery+1, 50, 100, "\r\x1b[Kepoch 2/9  [############............]  loss 0.5000  25 img/s  2s left\r")
	step(time.Second, 150, 100, "\r\x1b[Kepoch 2/9  [########################]  loss 0.5000  50 img/s  0s left\r")
	step(time.Second, 80, 0, "\r\x1b[Kepoch 2/9  80 images  loss 0.5000  20 img/s\r")

	out.Reset()
	b.clear()
	b.clear()
	if got := out.String(); got != "\r\x1b[K" {
		t.Errorf("clear wrote %q", got)
	}

	silent := &bar{now: b.now}
	silent.begin(now)
	silent.draw("epoch 1/1", 1, 2, 0)
	silent.clear()
}

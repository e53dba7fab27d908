package status

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

func testEnv(stderr io.Writer) *cli.Env {
	return &cli.Env{Name: "oi-test", Version: "1", Stderr: stderr, Getenv: func(string) string { return "" }, Now: time.Now}
}

func TestSilence(t *testing.T) {
	for quiet, want := range map[bool]string{
		false: "oi-test: waiting for an answer: http://x/a.csv\noi-test: trying again: http://x/a.csv: no such host\n",
		true:  "",
	} {
		var stderr bytes.Buffer
		env := testEnv(&stderr)
		env.Quiet = quiet
		o := Download(env)
		o.Asking("http://x/a.csv")
		o.Retrying("http://x/a.csv", errors.New("no such host"))
		if stderr.String() != want {
			t.Errorf("quiet %v: %q", quiet, &stderr)
		}
	}
}

func TestDownload(t *testing.T) {
	now := time.Unix(0, 0)
	var stderr bytes.Buffer
	env := testEnv(&stderr)
	env.StderrTTY = true
	env.Now = func() time.Time { return now }
	o := Download(env)
	o.Announce("a.csv", 2_258_447_590)
	for done := int64(0); done <= 200e6; done += 50e6 {
		o.Progress("a.csv", done, 2_258_447_590)
		now = now.Add(2 * time.Second)
	}
	o.Progress("b.csv", 0, -1)
	now = now.Add(10 * time.Second)
	o.Progress("b.csv", 5_000, -1)
	o.Announce("c.csv", 200_000_000)
	want := `oi-test: downloading a.csv, 2.3 GB, once
oi-test: a.csv: 150 MB of 2.3 GB, 25 MB/s, 1m24s left
oi-test: b.csv: 5 kB, 0 kB/s
oi-test: downloading c.csv, 200 MB, once; about 111h6m40s
`
	if got := stderr.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	env.StderrTTY = false
	stderr.Reset()
	now = now.Add(time.Minute)
	o.Progress("b.csv", 50_000, -1)
	if stderr.Len() > 0 {
		t.Errorf("progress into a file: %s", &stderr)
	}
}

// What is least needed of a download goes where the terminal is narrow.
func TestProgressText(t *testing.T) {
	const name = "v6/oidv6-train-annotations-bbox.csv"
	for columns, want := range map[int]string{
		0:  name + ": 1.1 GB of 2.3 GB, 10 MB/s, 1m55s left",
		77: name + ": 1.1 GB of 2.3 GB, 10 MB/s, 1m55s left",
		72: "oidv6-train-annotations-bbox.csv: 1.1 GB of 2.3 GB, 10 MB/s, 1m55s left",
		71: "oidv6-train-annotations-bbox.csv: 50%, 1m55s left",
		40: "1.1 GB of 2.3 GB, 10 MB/s, 1m55s left",
		20: "50%, 1m55s left",
	} {
		if got := progressText(columns, name, 1_150_000_000, 2_300_000_000, 10e6); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

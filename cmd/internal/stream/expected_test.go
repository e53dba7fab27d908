package stream

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/record"
)

// What a header expects is passed on as it is, summed for the progress over
// segments, and not said of the items that failed.
func TestExpected(t *testing.T) {
	var in bytes.Buffer
	w := record.NewWriter(&in, record.Binary)
	for i, expected := range []int64{7, 0, 5} {
		for _, rec := range []record.Record{&record.Header{Expected: expected}, testItem(i), &record.End{}} {
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	env, _ := testEnv(&in, &stdout)
	path := filepath.Join(t.TempDir(), "failures.json")
	if err := Filter(t.Context(), env, &Flags{Jobs: 1, Failures: path}, nil, Stage{Func: skipLast(3, 1, 0)}); err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, rec := range read(t, stdout.Bytes()) {
		if h, ok := rec.(*record.Header); ok {
			got = append(got, h.Expected)
		}
	}
	if len(got) != 3 || got[0] != 7 || got[1] != 0 || got[2] != 5 {
		t.Errorf("expected %v", got)
	}
	failures, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(failures, []byte(`"header"`)) || bytes.Contains(failures, []byte("expected")) {
		t.Errorf("%v: %s", err, failures)
	}
}

// The share is told of all segments so far, until there are more items than
// were expected, whatever somebody wrote.
func TestExpectedInProgress(t *testing.T) {
	env, _ := testEnv(nil, nil)
	now := time.Unix(0, 0)
	env.Now = func() time.Time { return now }
	c, err := NewCounters(env, &Flags{})
	if err != nil {
		t.Fatal(err)
	}
	line := func(want string) {
		t.Helper()
		if got := c.status.Line(); !strings.HasPrefix(got, "oi-test: "+want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	begin := func(expected int64) {
		t.Helper()
		if err := c.Begin(&record.Header{Expected: expected}); err != nil {
			t.Fatal(err)
		}
	}
	begin(10)
	c.In(5, record.Digest{})
	line("5 of 10 records (50%)")
	c.In(5, record.Digest{})
	begin(10)
	line("10 of 20 records (50%)")
	c.In(11, record.Digest{})
	line("21 records")
	begin(math.MaxInt64)
	begin(math.MaxInt64)
	line("21 of 9223372036854775807 records (0%)")
	if err := c.Finish(); err != nil {
		t.Fatal(err)
	}
}

// Records that are sure to come are expected, and a share of records that may
// be skipped is one of them too; what came in is counted as it comes.
func TestAnnounce(t *testing.T) {
	for announced, skips := range map[int64]int{0: 50, 80: 50, 1000: 250} {
		env, _ := testEnv(nil, nil)
		c, err := NewCounters(env, &Flags{MaxSkips: "25%"})
		if err != nil {
			t.Fatal(err)
		}
		c.Announce(announced)
		c.In(lookAfter, record.Digest{})
		if want := fmt.Sprintf("%d of %d records", lookAfter, announced); announced > lookAfter && !strings.Contains(c.status.Line(), want) {
			t.Errorf("%q, want %q", c.status.Line(), want)
		}
		allowed := 0
		for c.Skip(nil, "reason", "") == nil {
			allowed++
		}
		if allowed != skips {
			t.Errorf("%d of %d announced records may be skipped, want %d", allowed, announced, skips)
		}
		if c.Total().In != lookAfter {
			t.Errorf("%d came in, want %d", c.Total().In, lookAfter)
		}
		if err := c.Finish(); err != nil {
			t.Fatal(err)
		}
	}
}

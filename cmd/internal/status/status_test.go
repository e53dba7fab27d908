package status

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLine(t *testing.T) {
	now := time.Unix(0, 0)
	s := Start(nil, Subject{Name: "oi-test", Unit: "records"}, func() time.Time { return now })
	defer s.Stop()
	for _, step := range []struct {
		add, total int64
		skip       bool
		want       string
	}{
		{want: "oi-test: 0 records"},
		{add: 30, want: "oi-test: 30 records, 3/s"},
		{add: 30, total: 240, skip: true, want: "oi-test: 60 of 240 records (25%), 3/s, 1m0s left, 1 skipped"},
		{add: 180, total: 240, want: "oi-test: 240 of 240 records (100%), 8/s, 1 skipped"},
		{add: 10, total: 240, want: "oi-test: 250 records, 6/s, 1 skipped"},
		{add: 10, total: 1 << 62, want: "oi-test: 260 of 4611686018427387904 records (0%), 5/s, 1 skipped"},
		{add: 10, total: -1, want: "oi-test: 270 records, 4/s, 1 skipped"},
	} {
		if step.add > 0 {
			now = now.Add(10 * time.Second)
		}
		s.Add(step.add)
		s.SetTotal(step.total)
		if step.skip {
			s.Skip()
		}
		if got := s.Line(); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := Start(w, Subject{Name: "oi-test", Unit: "records"}, time.Now)
		start := time.Now()
		s.Add(45)
		line := make([]byte, 100)
		n, err := r.Read(line) // the fake clock runs on to the first tick
		if err != nil || string(line[:n]) != "oi-test: 45 records, 50/s\n" || time.Since(start) > time.Second {
			t.Errorf("got %q, %v after %v", line[:n], err, time.Since(start))
		}
		s.Add(14)
		n, err = r.Read(line)
		if err != nil || string(line[:n]) != "oi-test: 59 records, 10/s\n" {
			t.Errorf("got %q, %v", line[:n], err)
		}
		s.Stop()
		s.Stop()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("after Stop: %q, %v", rest, err)
		}
		if strings.Contains(s.Line(), "left") {
			t.Error("time left without a total")
		}
	})
}

// The longest form that fits is shown, and a terminal's last column stays free.
func TestNeverWraps(t *testing.T) {
	now := time.Unix(0, 0)
	for columns, want := range map[int]string{
		0:   "oi-augment: 123456 of 1234567 records (9%), 12346/s, 1m30s left, 12 skipped",
		120: "oi-augment: 123456 of 1234567 records (9%), 12346/s, 1m30s left, 12 skipped",
		76:  "oi-augment: 123456 of 1234567 records (9%), 12346/s, 1m30s left, 12 skipped",
		75:  "oi-augment: 123456 of 1234567 (9%), 12346/s, 1m30s left, 12 skipped",
		60:  "oi-augment: 9%, 12346/s, 1m30s left, 12 skipped",
		47:  "oi-augment: 9%, 1m30s left, 12 skipped",
		30:  "oi-augment: 9%, 1m30s left",
		20:  "oi-augment: 9%, 1m3",
		1:   "",
	} {
		s := Start(nil, Subject{"oi-augment", "records", columns}, func() time.Time { return now })
		s.Add(123456)
		s.SetTotal(1234567)
		for range 12 {
			s.Skip()
		}
		now = now.Add(10 * time.Second)
		if got := s.Line(); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
		s.Stop()
	}
	if got := Fit(4, "äöüß", "äöü"); got != "äöü" {
		t.Error(got)
	}
}

//go:build unix

package openimages

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// The environment of a child process: where it downloads from and to, and after
// how many rows it kills itself.
const (
	childBase  = "OI_TEST_BASE"
	childCache = "OI_TEST_CACHE"
	childKill  = "OI_TEST_KILL"
)

// childWaits is what a child says when another process is downloading.
const childWaits = "another process is downloading"

// TestChild is no test but what a child process does: it reads some rows, and
// prints their sum.
func TestChild(t *testing.T) {
	base, cache := os.Getenv(childBase), os.Getenv(childCache)
	if base == "" {
		t.Skip("runs in a process of its own")
	}
	last, err := strconv.Atoi(os.Getenv(childKill))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := readOnce(t.Context(), base, cache, func(row int) {
		if row == last {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("sum=%x\n", sum)
}

// readOnce is a run of a program that needs some rows.
func readOnce(ctx context.Context, base, cache string, each func(row int)) ([]byte, error) {
	s, err := NewHTTPSource(base, cache, nil, download.Options{
		Sleep: func(ctx context.Context, _ time.Duration) error {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Millisecond):
				return nil
			}
		},
		Waiting: func(string) { fmt.Println(childWaits) },
	})
	if err != nil {
		return nil, err
	}
	g := &gathered{}
	v := g.visitor([]string{"/m/a"})
	row, n := v.Row, 0
	v.Row = func(hit *PickedRow) error {
		n++
		each(n)
		return row(hit)
	}
	if err := readBoxes(ctx, s, File{Path: csvPath}, v); err != nil {
		return nil, err
	}
	return g.sum(), nil
}

// sum is of the rows without their line numbers.
func (g *gathered) sum() []byte {
	sum := sha256.Sum256(fmt.Append(nil, g.uncounted()))
	return sum[:]
}

func child(base, cache string, kill int) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childBase+"="+base, childCache+"="+cache, fmt.Sprintf("%s=%d", childKill, kill))
	return cmd
}

// longList is large enough for an index.
func longList(t *testing.T) (data []byte, want []byte) {
	t.Helper()
	data = oitest.BoxList(rand.New(rand.NewPCG(57, 58)), 45_000, true)
	if len(data) < csvscan.IndexFrom {
		t.Fatalf("%d bytes get no index", len(data))
	}
	return data, gatherPlain(t, data, "/m/a").sum()
}

// TestKilled kills processes that download and index, again and again, at a
// random byte or row. Then the answer is right.
func TestKilled(t *testing.T) {
	data, want := longList(t)
	m := oitest.NewMirror(t, csvPath, data)
	rng := rand.New(rand.NewPCG(59, 60))
	cache := t.TempDir()
	whole := filepath.Join(cache, "metadata", "*", filepath.FromSlash(csvPath))
	rounds := 30
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		var cmd *exec.Cmd
		started := make(chan struct{})
		if round%2 == 0 {
			cmd = child(m.URL, cache, 1+rng.IntN(6000))
		} else {
			cmd = child(m.URL, cache, 0)
			m.Answer(oitest.Both(oitest.Cut(rng.IntN(len(data)/10)), func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				serve(w, r)
			}), func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
				<-started
				_ = cmd.Process.Kill()
				panic(http.ErrAbortHandler)
			})
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		close(started)
		if err := cmd.Wait(); err == nil && !strings.Contains(out.String(), fmt.Sprintf("sum=%x", want)) {
			t.Fatalf("round %d: %s", round, &out)
		}
		if round%5 == 4 { // begin anew with one of the files
			found, err := filepath.Glob(whole + []string{"", csvscan.IndexEnding}[rng.IntN(2)])
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range found {
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	m.Answer(nil, nil, nil, nil)
	for range 2 {
		got, err := readOnce(t.Context(), m.URL, cache, func(int) {})
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v, right: %v", err, bytes.Equal(got, want))
		}
	}
}

// TestProcessesAtOnce has several processes ask for one file: it is downloaded
// once.
func TestProcessesAtOnce(t *testing.T) {
	data, want := longList(t)
	m := oitest.NewMirror(t, csvPath, data)
	cache := t.TempDir()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			out, err := child(m.URL, cache, 0).CombinedOutput()
			if err != nil || !strings.Contains(string(out), fmt.Sprintf("sum=%x", want)) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	if n := m.Requests(csvPath); n != 1 {
		t.Errorf("asked the server %d times", n)
	}
	var left []string
	for _, name := range oitest.Files(t, cache) {
		if strings.HasPrefix(name, ".") {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDownloaderKilled kills the process that downloads while two others wait
// for it and say so: one of them goes on from where it was.
func TestDownloaderKilled(t *testing.T) {
	data, want := longList(t)
	m := oitest.NewMirror(t, csvPath, data)
	asked := make(chan struct{})
	m.Answer(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		close(asked)
		oitest.Hang(len(data)/2)(w, r, serve)
	})
	cache := t.TempDir()
	first := child(m.URL, cache, 0)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	waits := make(chan struct{}, 2)
	var all sync.WaitGroup
	for range 2 {
		cmd := child(m.URL, cache, 0)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			said, right := 0, false
			for lines := bufio.NewScanner(out); lines.Scan(); {
				switch lines.Text() {
				case childWaits:
					if said++; said == 1 {
						waits <- struct{}{}
					}
				case fmt.Sprintf("sum=%x", want):
					right = true
				}
			}
			if said == 0 {
				waits <- struct{}{}
			}
			if err := cmd.Wait(); err != nil || said == 0 || !right {
				t.Errorf("%v; said %d times that it waits; right: %v", err, said, right)
			}
		})
	}
	<-waits
	<-waits
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	all.Wait()
	if n := m.Requests(csvPath); n != 2 {
		t.Errorf("asked the server %d times, want once by each that downloaded", n)
	}
}

// TestNoCache says which folder cannot be written to.
func TestNoCache(t *testing.T) {
	m := oitest.NewMirror(t, csvPath, oitest.RandomBytes(10, 100))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := newHTTPSource(t, m.URL, file, nil, download.Options{}).Open(t.Context(), csvPath)
	var cache *download.CacheError
	if !errors.As(err, &cache) || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

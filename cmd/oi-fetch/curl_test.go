package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// photoServerTool serves a picture of so many bytes at every address until its
// input ends, and writes where. As a camera's it ends with the marker for that,
// which oi-fetch looks for from the end backwards. It is a process of its own so
// that its work is nobody else's.
func photoServerTool(args []string) error {
	size, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	data := oitest.JPEG(1)
	end := data[len(data)-2:]
	data = slices.Concat(data[:len(data)-2], make([]byte, size-len(data)), end)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data) // whoever asked may have gone
	}))
}

// startPhotoServer starts photoServerTool and returns its address.
func startPhotoServer(b *testing.B, size int) (address string) {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	name := filepath.Join(b.TempDir(), "photoserver")
	if err := os.Symlink(exe, name); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(name, strconv.Itoa(size))
	cmd.Env = append(os.Environ(), "GOCOVERDIR="+b.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := in.Close(); err != nil {
			b.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// costs are what the runs of a program took, in seconds a gigabyte.
type costs struct{ wall, processor []float64 }

// run runs the program once more, for so many bytes.
func (c *costs) run(b *testing.B, cmd *exec.Cmd, size float64) {
	b.Helper()
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v", cmd, err)
	}
	wall, processor := time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	c.wall = append(c.wall, wall.Seconds()/size*1e9)
	c.processor = append(c.processor, processor.Seconds()/size*1e9)
}

// BenchmarkAgainstCurl fetches photos of 300 KB from a server on this machine
// into an empty cache, and has curl fetch them into files in between. What
// counts is the least that either took, as the machine may be busy. The metrics
// are seconds of processor time a gigabyte, and how many times faster than curl
// it was. Where the photos go is for TMPDIR to say:
//
//	TMPDIR=/dev/shm go test -run - -bench AgainstCurl -benchtime 5x ./cmd/oi-fetch
func BenchmarkAgainstCurl(b *testing.B) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		b.Skipf("needs curl: %v", err)
	}
	const photos, size = 2000, 300_000
	server := startPhotoServer(b, size)
	var items []*record.Item
	var urls []string
	for i := range photos {
		id := fmt.Sprintf("%016x", i)
		items = append(items, box("train", id, i, ""))
		urls = append(urls, fmt.Sprintf("url = %s/train/%s.jpg\noutput = %s.jpg\n", server, id, id))
	}
	input := binary(b, items)
	list := []byte(strings.Join(urls, ""))
	// None of what they wrote goes until all is done: that of before would
	// make room for that of after, which some disks do slowly.
	var ours, theirs costs
	for b.Loop() {
		ours.run(b, asProcess(b, input, "--images", server, "--rate", "0", "--cache", b.TempDir(), "-q"), photos*size)
		cmd := exec.Command(curl, "--silent", "--fail", "--parallel", "--parallel-max", "64", "--config", "-")
		cmd.Dir, cmd.Stdin = b.TempDir(), bytes.NewReader(list)
		theirs.run(b, cmd, photos*size)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(slices.Min(ours.processor), "cpu-s/GB")
	b.ReportMetric(slices.Min(theirs.processor), "curl-cpu-s/GB")
	b.ReportMetric(slices.Min(theirs.wall)/slices.Min(ours.wall), "x-curl")
}

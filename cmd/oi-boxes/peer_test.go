package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// peerLists names the folder of a box list and an image list to measure with,
// by their official names. Without it, a list of a million boxes is made up.
const peerLists = "OI_BENCH_LISTS"

// A peerWorld is a mirror of a box list and its image list.
type peerWorld struct {
	dir           string
	boxes, images string // the lists
	classes       []classRows
}

type classRows struct {
	mid  string
	rows int
}

// BenchmarkPeer answers queries as a process, and alternates with ripgrep, which
// counts the rows of the same classes in the same two lists. It reports the
// shortest time of either, and the ratio.
func BenchmarkPeer(b *testing.B) {
	rg, err := exec.LookPath("rg")
	if err != nil {
		b.Skip("no rg is installed to compare with")
	}
	w := newPeerWorld(b)
	total := 0
	for _, c := range w.classes {
		total += c.rows
	}
	million := w.fifty(min(1_000_000, total/10))
	all := w.upTo(total)
	few := w.near(total / 1400) // 10,000 of the longest list
	for _, tc := range []struct {
		name    string
		flags   []string
		classes []string
		most    int64 // bytes that are read, 0 for all
		first   bool  // no index is there
	}{
		{name: "first of two classes", classes: few[:2], first: true},
		{name: "indexed class", classes: few[:1]},
		{name: "limit 10", flags: []string{"--limit", "10"}, classes: few[:1]},
		{name: "limit 10 of the largest", flags: []string{"--limit", "10"}, classes: all[:1]},
		{name: "many items", classes: million},
		{name: "balance", flags: []string{"--balance"}, classes: million},
		{name: "head -c 1M of all classes", classes: all, most: 1 << 20},
	} {
		b.Run(tc.name, func(b *testing.B) {
			args := []string{"--dataset", "v4", "--metadata", w.dir, "--cache", b.TempDir(), "-q"}
			args = append(append(args, tc.flags...), tc.classes...)
			count := []string{"-j2", "-c", "-F"}
			for _, mid := range tc.classes {
				count = append(count, "-e", mid+",")
			}
			count = append(count, w.boxes, w.images)
			timeOf(b, "oi-boxes", args, 1) // writes the indexes
			ours, peer := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			for b.Loop() {
				peer = min(peer, timeOf(b, rg, count, 0))
				if tc.first {
					w.dropIndexes(b)
				}
				ours = min(ours, timeOf(b, "oi-boxes", args, tc.most))
			}
			b.ReportMetric(0, "ns/op") // of both, and of what is between
			b.ReportMetric(float64(ours.Microseconds())/1000, "ms")
			b.ReportMetric(float64(peer.Microseconds())/1000, "rg-ms")
			b.ReportMetric(float64(ours)/float64(peer), "times-rg")
		})
	}
}

// timeOf runs a command, reads up to most bytes of what it writes, 0 for all,
// and returns how long it took to end.
func timeOf(b *testing.B, name string, args []string, most int64) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(out, cmp.Or(most, math.MaxInt64)))
	if err := errors.Join(err, out.Close(), cmd.Wait()); err != nil || n == 0 {
		b.Fatalf("%s: %d bytes, %v: %s", name, n, err, stderr.Bytes())
	}
	return time.Since(begin)
}

// upTo returns the largest classes that have at least so many rows together.
func (w *peerWorld) upTo(rows int) (mids []string) {
	for _, c := range w.classes {
		if rows <= 0 {
			break
		}
		mids = append(mids, c.mid)
		rows -= c.rows
	}
	return mids
}

// fifty returns 50 classes that follow each other by their rows, of which they
// have about so many together.
func (w *peerWorld) fifty(rows int) (mids []string) {
	const n = 50
	best, distance := 0, math.MaxInt
	for i := range max(len(w.classes)-n, 0) + 1 {
		sum := 0
		for _, c := range w.classes[i:min(i+n, len(w.classes))] {
			sum += c.rows
		}
		if d := max(sum-rows, rows-sum); d < distance {
			best, distance = i, d
		}
	}
	for _, c := range w.classes[best:min(best+n, len(w.classes))] {
		mids = append(mids, c.mid)
	}
	return mids
}

// near returns all classes, the ones with about so many rows first.
func (w *peerWorld) near(rows int) (mids []string) {
	distance := func(c classRows) float64 { return math.Abs(math.Log(float64(c.rows) / float64(rows))) }
	list := slices.SortedFunc(slices.Values(w.classes), func(a, b classRows) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a.mid, b.mid))
	})
	for _, c := range list {
		mids = append(mids, c.mid)
	}
	return mids
}

func (w *peerWorld) dropIndexes(b *testing.B) {
	b.Helper()
	for _, name := range []string{w.boxes, w.images} {
		if err := os.Remove(name + csvscan.IndexEnding); err != nil && !errors.Is(err, os.ErrNotExist) {
			b.Fatal(err)
		}
	}
}

func newPeerWorld(b *testing.B) *peerWorld {
	b.Helper()
	d, err := openimages.LookupDataset("v4")
	if err != nil {
		b.Fatal(err)
	}
	boxes, err1 := d.Boxes(openimages.Train)
	images, err2 := d.Images(openimages.Train)
	if err := errors.Join(err1, err2); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	w := &peerWorld{dir: dir, boxes: filepath.Join(dir, boxes.Path), images: filepath.Join(dir, images.Path)}
	if err := os.MkdirAll(filepath.Dir(w.boxes), 0o777); err != nil {
		b.Fatal(err)
	}
	if lists := os.Getenv(peerLists); lists != "" {
		for _, name := range []string{w.boxes, w.images} {
			if err := os.Symlink(filepath.Join(lists, filepath.Base(name)), name); err != nil {
				b.Fatal(err)
			}
		}
	} else {
		w.makeUp(b, 1_000_000)
	}
	w.count(b)
	var names bytes.Buffer
	for i, c := range w.classes {
		fmt.Fprintf(&names, "%s,Class %d\n", c.mid, i+1)
	}
	for path, text := range map[string]string{d.Classes.Path: names.String(), d.Hierarchy.Path: `{"LabelName":"/m/0bl9f","Subcategory":[]}`} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	return w
}

// makeUp writes lists of so many boxes in 600 classes, the first of them with
// the most.
func (w *peerWorld) makeUp(b *testing.B, rows int) {
	b.Helper()
	const classes = 600
	rng := rand.New(rand.NewPCG(1, 2))
	var ids []string
	list := createList(b, w.boxes, oitest.Header13)
	for n := 0; n < rows; {
		ids = append(ids, oitest.HexID(uint64(len(ids))<<40|rng.Uint64N(1<<40)))
		for range 1 + rng.IntN(15) {
			x, y := rng.Float64()/2, rng.Float64()/2
			class := int(math.Pow(classes, rng.Float64())) - 1
			fmt.Fprintf(list, "%s,xclick,/m/0%04x,1,%.6f,%.6f,%.6f,%.6f,1,0,0,0,0\n", ids[len(ids)-1], 0x1000+class, x, x+.3, y, y+.3)
			n++
		}
	}
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	photos := createList(b, w.images, "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation")
	for i, id := range ids {
		fmt.Fprintf(photos, "%s,train,https://farm9.staticflickr.com/8913/%d_5879838c9d_o.jpg,https://www.flickr.com/photos/user/%[2]d,https://creativecommons.org/licenses/by/2.0/,https://www.flickr.com/people/user%d/,Author %[3]d,Lunch at the corner,6665478,AAAAAAAAAAAAAAAAAAAAAA==,https://c9.staticflickr.com/9/296/%[2]d_dde84ea7c0_z.jpg,0.0\n", id, 100_000_000+i, i/3)
	}
	if err := errors.Join(list.Flush(), photos.Flush()); err != nil {
		b.Fatal(err)
	}
}

func createList(b *testing.B, name, header string) *bufio.Writer {
	b.Helper()
	file, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, header)
	return w
}

// count finds the classes, the largest first.
func (w *peerWorld) count(b *testing.B) {
	b.Helper()
	file, err := os.Open(w.boxes)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close() // read only
	counts := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := bytes.SplitN(lines.Bytes(), []byte{','}, 4); len(fields) == 4 {
			counts[string(fields[2])]++
		}
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	delete(counts, "LabelName")
	for mid, rows := range counts {
		w.classes = append(w.classes, classRows{mid, rows})
	}
	slices.SortFunc(w.classes, func(a, b classRows) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.mid, b.mid))
	})
}

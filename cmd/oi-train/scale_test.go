package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/transfer"
	"github.com/opensandwich/oi/record"
)

// crowd is a stream of very many items that bring their features, which nobody
// has to keep: what it has of an item depends on the item's number alone.
type crowd struct {
	backbone       *transfer.Backbone
	items, classes int
}

// newCrowd returns a crowd, and the file of the backbone.
func newCrowd(t *testing.T, items, dim, classes int) (*crowd, string) {
	t.Helper()
	path := cmdtest.Backbone{Seed: 1, Side: side, Features: dim}.Write(t)
	b, err := transfer.Open(path, transfer.Options{Side: side, Normalization: parsed(t, "imagenet")})
	if err != nil {
		t.Fatal(err)
	}
	return &crowd{b, items, classes}, path
}

// write writes the stream. Every author has twenty items, all of them in one
// set: of twenty authors one is of val and one of test.
func (c *crowd) write(w io.Writer) error {
	out := record.NewWriter(w, record.Binary)
	header := &record.Header{Version: record.Version, Expected: int64(c.items), Stages: []record.Stage{{Tool: "oi-boxes", Version: "1"}}}
	if err := out.Write(header); err != nil {
		return err
	}
	const spread = 1 << 16
	r := rand.New(rand.NewPCG(1, 2))
	normal := func(n int, of float64) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(of * r.NormFloat64())
		}
		return values
	}
	dim := c.backbone.Dim
	centres, noise := normal(c.classes*dim, 0.1), normal(spread+dim, 1)
	features, data := make([]float32, dim), []byte(nil)
	for i := range c.items {
		sum := sha256.Sum256(fmt.Append(nil, i))
		hash, class, author := hex.EncodeToString(sum[:]), int(sum[0])%c.classes, i/20
		for k, centre := range centres[class*dim:][:dim] {
			features[k] = centre + noise[(int(sum[1])<<8|int(sum[2]))+k] + noise[(int(sum[3])<<8|int(sum[4]))+k]
		}
		data = transfer.DType(c.backbone.DType).Append(data[:0], features)
		id := hash[:16]
		item := &record.Item{
			ID: id, Key: id + "-" + hash[16:28], Subset: "train", Set: []string{"train", "val", "test"}[max(0, author%20-17)],
			Label: &record.Label{MID: fmt.Sprintf("/m/%d", class), Name: fmt.Sprintf("class %02d", class)},
			Image: &record.Image{
				URL: "https://farm1.staticflickr.com/2/" + id + "_o.jpg", LandingURL: "https://www.flickr.com/photos/somebody/" + id,
				License: "https://creativecommons.org/licenses/by/2.0/", Title: "Photo " + id,
				Author: fmt.Sprint("author ", author), AuthorURL: fmt.Sprintf("https://www.flickr.com/people/%d@N00/", author),
			},
			Fetched:   &record.Fetched{SHA256: hash, Source: "test", MediaType: "image/jpeg"},
			Embedding: &record.Embedding{Of: c.backbone.Of, DType: c.backbone.DType, Side: side, Pixels: hash, Data: data},
		}
		if err := out.Write(item); err != nil {
			return err
		}
	}
	if err := out.Write(&record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: int64(c.items), Out: int64(c.items)}}}); err != nil {
		return err
	}
	return out.Flush()
}

// TestTwoMillion fits a head to two million items of 1,280 features, as one
// process that must not take a gigabyte.
func TestTwoMillion(t *testing.T) {
	if os.Getenv("OI_LONG_TESTS") == "" {
		t.Skip(".ci/run --long alone runs it, with OI_LONG_TESTS set")
	}
	const limit = 1e9 // bytes
	items := 2_000_000
	if n := os.Getenv("OI_LONG_ITEMS"); n != "" {
		if _, err := fmt.Sscan(n, &items); err != nil {
			t.Fatal(err)
		}
	}
	c, backbone := newCrowd(t, items, 1280, 20)
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), "oi-train", "--backbone", backbone, "--normalize=imagenet", "-o", filepath.Join(dir, "m"))
	command.Stdout, command.Stderr = t.Output(), t.Output()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	written := c.write(in)
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := command.Wait(); err != nil || written != nil {
		t.Fatal(err, written)
	}
	peak := maxRSS(command.ProcessState)
	t.Logf("%d items: a peak of %d MB, %.0f s of both cores", c.items, peak/1e6, (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds())
	if peak > limit {
		t.Errorf("a peak of %d bytes, want at most %.0f", peak, limit)
	}
}

package record_test

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/opensandwich/oi/record"
)

const (
	benchPayload = 300 << 10
	benchItems   = 64
)

// benchStream returns a stream of items that carry payloads of size bytes.
func benchStream(b *testing.B, encoding record.Encoding, size, items int) []byte {
	b.Helper()
	var buf bytes.Buffer
	w := record.NewWriter(&buf, encoding)
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	write := func(r record.Record) {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
	write(&record.Header{Classes: []record.Class{{MID: "/m/0cdn1", Name: "Hamburger"}}})
	for range items {
		item := smallItem()
		if size > 0 {
			item.Fetched.Bytes = payload
		}
		write(item)
	}
	write(&record.End{})
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// smallItem is what oi-fetch adds to, of usual size.
func smallItem() *record.Item {
	rotation := 0.0
	return &record.Item{
		ID: "000411001ff7dd4f", Key: "000411001ff7dd4f-01234567", Subset: "train", Set: "train",
		Label: &record.Label{MID: "/m/0cdn1", Name: "Hamburger"},
		Box:   &record.Box{XMin: 0.1875, XMax: 0.874375, YMin: 0.1, YMax: 0.9, Occluded: 1},
		Avoid: []record.Rect{{XMin: 0.5, XMax: 0.75, YMin: 0.25, YMax: 0.5}},
		Image: &record.Image{
			URL:          "https://example.org/photos/000411001ff7dd4f_o.jpg",
			LandingURL:   "https://example.org/photos/000411001ff7dd4f",
			License:      "https://creativecommons.org/licenses/by/2.0/",
			Author:       "An Author",
			Title:        "Lunch",
			Rotation:     &rotation,
			OriginalMD5:  "0KJh3ddq4mFVGmwCbWmZ2g==",
			OriginalSize: 307200,
		},
		Fetched: &record.Fetched{URL: "https://example.org/photos/000411001ff7dd4f_o.jpg", Source: "flickr", MediaType: "image/jpeg"},
	}
}

// pass copies every record from r to w.
func pass(r io.Reader, w io.Writer, to record.Encoding) error {
	in, out := record.NewReader(r), record.NewWriter(w, to)
	for {
		rec, err := in.Read()
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		if err := out.Write(rec); err != nil {
			return err
		}
	}
}

// between runs stage between two pipes: data goes into the one, and what comes
// out of the other is thrown away.
func between(b *testing.B, data []byte, stage func(io.Reader, io.Writer) error) time.Duration {
	b.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	fed, drained := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := inW.Write(data)
		if e := inW.Close(); err == nil {
			err = e
		}
		fed <- err
	}()
	go func() {
		buf := make([]byte, 128<<10)
		for {
			if _, err := outR.Read(buf); err != nil {
				drained <- err
				return
			}
		}
	}()
	// Only Read and Write are shown, so that no side takes a short cut.
	err = stage(struct{ io.Reader }{inR}, struct{ io.Writer }{outW})
	if e := outW.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = <-fed
	}
	if e := <-drained; err == nil && e != io.EOF {
		err = e
	}
	elapsed := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	if err := inR.Close(); err != nil {
		b.Fatal(err)
	}
	if err := outR.Close(); err != nil {
		b.Fatal(err)
	}
	return elapsed
}

func copyStage(r io.Reader, w io.Writer) error {
	_, err := io.CopyBuffer(w, r, make([]byte, 128<<10))
	return err
}

func recordStage(r io.Reader, w io.Writer) error { return pass(r, w, record.Binary) }

// BenchmarkPipes compares a stage that decodes and encodes with one that only
// copies, in turn and between the same kind of pipes. The metric x-of-copy is
// the speed of the first in units of the second.
func BenchmarkPipes(b *testing.B) {
	for _, c := range []struct {
		name        string
		size, items int
	}{{"300KB", benchPayload, benchItems}, {"49KB", 128 * 128 * 3, 6 * benchItems}, {"annotations", 0, 20000}} {
		b.Run(c.name, func(b *testing.B) {
			data := benchStream(b, record.Binary, c.size, c.items)
			b.SetBytes(int64(len(data)))
			var plain, coded time.Duration
			for b.Loop() {
				plain += between(b, data, copyStage)
				coded += between(b, data, recordStage)
			}
			mb := float64(len(data)) * float64(b.N) / 1e6
			b.ReportMetric(mb/plain.Seconds(), "copy-MB/s")
			b.ReportMetric(mb/coded.Seconds(), "record-MB/s")
			b.ReportMetric(plain.Seconds()/coded.Seconds(), "x-of-copy")
		})
	}
}

// BenchmarkMemory decodes and encodes without pipes.
func BenchmarkMemory(b *testing.B) {
	for _, c := range []struct {
		name        string
		size, items int
		from, to    record.Encoding
	}{
		{"binary/300KB", benchPayload, benchItems, record.Binary, record.Binary},
		{"binary/annotations", 0, 5000, record.Binary, record.Binary},
		{"toJSON/300KB", benchPayload, benchItems, record.Binary, record.JSON},
		{"toJSON/annotations", 0, 5000, record.Binary, record.JSON},
		{"fromJSON/300KB", benchPayload, benchItems, record.JSON, record.Binary},
		{"fromJSON/annotations", 0, 5000, record.JSON, record.Binary},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := benchStream(b, c.from, c.size, c.items)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := pass(bytes.NewReader(data), io.Discard, c.to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package sample

import (
	"context"
	"io"
	"testing"
)

func BenchmarkPhoto(b *testing.B) {
	s := New()
	list := s.index["train"]
	bytes, i := 0, 0
	for b.Loop() {
		p := &list[i%len(list)]
		data, err := s.Photo("train", p.id)
		if err != nil {
			b.Fatal(err)
		}
		bytes += len(data)
		i++
	}
	b.SetBytes(int64(bytes / i))
}

func BenchmarkLook(b *testing.B) {
	s := New()
	list := s.index["train"]
	s.noise()
	i := 0
	for b.Loop() {
		s.measure(&list[i%len(list)])
		i++
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		s := New()
		for _, path := range []string{"v6/oidv6-train-annotations-bbox.csv", "2018_04/train/train-images-boxable-with-rotation.csv"} {
			r, err := s.Open(context.Background(), path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				b.Fatal(err)
			}
		}
	}
}

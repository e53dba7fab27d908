package oitest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
)

// Longer sends the whole file and n bytes more than Content-Length says.
func Longer(n int) Fault {
	return raw(func(data []byte) []byte {
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(data))
		return append(append([]byte(head), data...), bytes.Repeat([]byte("x"), n)...)
	})
}

// Understated sends the whole file, of which Content-Length covers all but the
// last n bytes.
func Understated(n int) Fault {
	return raw(func(data []byte) []byte {
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", len(data)-n)
		return append([]byte(head), data...)
	})
}

// Garbage answers with what is no HTTP.
func Garbage(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	raw(func([]byte) []byte { return []byte("220 ready when you are\r\n") })(w, r, serve)
}

// Reason answers 404 with a reason in words of its own.
func Reason(words string) Fault {
	return raw(func([]byte) []byte { return []byte("HTTP/1.1 404 " + words + "\r\nContent-Length: 0\r\n\r\n") })
}

// raw answers with bytes made from the file, and closes the connection.
func raw(answer func(file []byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		data := bytesOf(r, serve)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		// A client that left is the test's business.
		_, _ = conn.Write(answer(data))
	}
}

// GzipBomb answers with a small body that unpacks to n zeros.
func GzipBomb(n int) Fault {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for block := make([]byte, 64<<10); n > 0; n -= len(block) {
		if _, err := z.Write(block[:min(n, len(block))]); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Encoding", "gzip")
		write(w, b.Bytes())
	}
}

package oitest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// WebP is a whole picture of one pixel, as small as the format has them.
func WebP() []byte {
	data, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	if err != nil {
		panic(err)
	}
	return data
}

// WebPCanvas is the chunk of a WebP that states the size of the picture,
// whatever the pixels say.
func WebPCanvas(w, h uint32) []byte {
	chunk := append([]byte("VP8X"), 10, 0, 0, 0, 0, 0, 0, 0)
	chunk = append(chunk, byte(w-1), byte((w-1)>>8), byte((w-1)>>16))
	return append(chunk, byte(h-1), byte((h-1)>>8), byte((h-1)>>16))
}

// WebPOn is a WebP of one pixel after other chunks.
func WebPOn(chunks ...[]byte) []byte {
	data := WebP()
	frame := data[12:]
	data = append(bytes.Clone(data[:12]), append(bytes.Join(chunks, nil), frame...)...)
	binary.LittleEndian.PutUint32(data[4:], uint32(len(data)-8))
	return data
}

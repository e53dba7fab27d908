package webdataset

import (
	"archive/tar"
	"bytes"
	"strconv"
	"time"

	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/record"
)

// The blocks of a tar file.
const (
	blockSize = 512
	classSize = 2 * blockSize // of KEY.cls: its header and its number
	endSize   = 2 * blockSize // of zeros after the last file
)

// Encode returns the part of a sample that needs no number of a class: the
// picture, which is the bytes of a file, and the item without its pixels, as
// --json writes it.
func (w *Writer) Encode(item *record.Item, picture []byte) ([]byte, error) {
	bare := *item
	bare.Tensor, bare.Context, bare.Embedding = nil, nil, nil
	if bare.Fetched != nil {
		fetched := *bare.Fetched
		fetched.Bytes = nil
		bare.Fetched = &fetched
	}
	text, err := record.NewEncoder(record.JSON).Append(nil, &bare)
	if err != nil {
		return nil, err
	}
	base := safename.OfItem(item)
	return encodeFiles(file{base + "." + w.Ending, picture}, file{base + ".json", text})
}

// encodeClass returns the blocks of KEY.cls.
func encodeClass(base string, number int) ([]byte, error) {
	return encodeFiles(file{base + ".cls", []byte(strconv.Itoa(number))})
}

type file struct {
	name string
	data []byte
}

// encodeFiles returns files as whole blocks of a tar file, without its end.
func encodeFiles(files ...file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Flush() // pads the last of them
	return out.Bytes(), err
}

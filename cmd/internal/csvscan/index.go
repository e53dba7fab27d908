package csvscan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// An index is a file next to a CSV file: NAME.oi-index. It says where in the
// CSV file the rows of each label begin, or the row of each photo, so that a
// query reads those alone. It is never needed: what cannot be believed is
// ignored, and made again by the next scan of the CSV file.
//
//	file      = head data… directory foot
//	head      = "oi-index" | version, uint32 | kind, uint32
//	foot      = directory's offset, uint64 | its length, uint32 | its CRC-32C
//	            | CRC-32C of head and foot so far | "oi-index"
//
// All numbers of fixed width are little-endian; the others are varints as in
// encoding/binary. The data of an index of labels is chunks: for some rows of
// one label that follow each other, the differences between their offsets in
// the CSV file; and for each label a list of its chunks. If the rows are packed
// (see [Packing]), a chunk has for each row the difference between its offset
// and that of the row before, or 0, the difference between the numbers of their
// photos, or the number, and the packed row; and a table, in segments of 8192,
// has the key of each photo: photos have numbers from 1, in the order of the
// file, where one counts anew when it comes again after others. The data of an
// index of photos is segments: for up to 1,048,576 rows that follow each other,
// buckets of those with the same first bits of a hash of the photo's id, and
// then a table of the buckets. A bucket is the 8 bytes of the hash for each
// row, and then 5 bytes of the row's offset for each. Chunks and buckets have
// their checksums, as segments of the table of photos have, so that only what
// is used needs to be read.
//
// The directory holds what the CSV file was like (size, times, checksum of
// a sample), where its lines are by the block, which rows lack the column, and
// where the chunks or segments are; of an index of photos also whether the
// hashes tell all ids apart, and which rows are broken although they have the
// column.
const (
	IndexEnding  = ".oi-index"
	indexMagic   = "oi-index"
	indexVersion = 5
	indexHead    = 8 + 4 + 4
	indexFoot    = 8 + 4 + 4 + 4 + 8

	// maxDirectory bounds the directory. That of the longest official list,
	// with 20,000 labels in 2.7 GB, takes 3 MB.
	maxDirectory = 64 << 20
)

// A Kind is what an index is of: the rows of each value of a column, or the row
// of each key.
type Kind uint32

const (
	ByValue Kind = 1
	ByKey   Kind = 2
)

func indexHeader(kind Kind) []byte {
	head := binary.LittleEndian.AppendUint32([]byte(indexMagic), indexVersion)
	return binary.LittleEndian.AppendUint32(head, uint32(kind))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }

// A fingerprint tells whether a file is the one that an index was made of.
// Times are in nanoseconds since 1970.
type fingerprint struct {
	size    int64
	time    int64  // of the last change, as programs may set it
	changed int64  // as the system alone sets it, also for a new name; see changeTime
	sample  uint32 // checksum of some of its bytes
}

// String tells any two fingerprints apart.
func (s fingerprint) String() string {
	return fmt.Sprintf("%d bytes, %d, %d, %08x", s.size, s.time, s.changed, s.sample)
}

// name is a name for the file in a folder that has room for others.
func (s fingerprint) name() string {
	sum := sha256.Sum256(fmt.Append(nil, s.size, s.time, s.changed, s.sample))
	return hex.EncodeToString(sum[:8])
}

const (
	sampleCount = 8
	sampleSize  = 4 << 10
)

// fingerprintOf reads a file's fingerprint.
func fingerprintOf(f *os.File) (fingerprint, error) {
	about, err := f.Stat()
	if err != nil {
		return fingerprint{}, err
	}
	s := fingerprint{size: about.Size(), time: about.ModTime().UnixNano()}
	if s.changed, err = changeTime(f); err != nil {
		return fingerprint{}, err
	}
	buf := make([]byte, sampleSize)
	for i := range int64(sampleCount) {
		// The first bytes, the last ones, and some between.
		offset := max(s.size-sampleSize, 0) * i / (sampleCount - 1)
		n, err := f.ReadAt(buf[:min(sampleSize, s.size)], offset)
		if err != nil && err != io.EOF {
			return s, err
		}
		s.sample = crc32.Update(s.sample, castagnoli, buf[:n])
	}
	return s, nil
}

// hashKey spreads photos evenly, whatever their ids look like.
func hashKey(photo uint64) uint64 { return Mix(photo) }

const (
	segmentRows = 1 << 20
	bucketRows  = 32 // rows of a bucket, about
	offsetBytes = 5  // of a CSV file, in an index of photos: up to a terabyte
	keySize     = 8 + offsetBytes
)

// bucketBits is the number of a hash's bits that choose one of the buckets of a
// segment of n rows.
func bucketBits(n int) int {
	bits := 0
	for n > bucketRows<<bits {
		bits++
	}
	return bits
}

// A segmentRef is where a segment's table is. Its rows are before it.
type segmentRef struct {
	at   int64
	rows int
	sum  uint32 // of the table of buckets
}

// tableSize is the size of a segment's table: for each bucket, its number of
// rows and its checksum.
func (s segmentRef) tableSize() int { return 8 << bucketBits(s.rows) }

// bucketOf returns the bucket of a hash.
func bucketOf(hash uint64, bits int) int { return int(hash >> (64 - bits)) }

// A chunkRef is where the places of some rows of a label are.
type chunkRef struct {
	at    int64 // in the index
	size  int
	rows  int64
	first int64 // the first row's offset in the CSV file
	sum   uint32
}

// tablePhotos is the number of keys in a segment of the table of photos.
const tablePhotos = 8 << 10

// A photoRef is where a segment of the table of photos is.
type photoRef struct {
	at  int64
	sum uint32
}

// A lineMark is the line number of a place.
type lineMark struct{ offset, line int64 }

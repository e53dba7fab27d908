package oitest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
)

// A PNG says how a PNG file is made: of any type of colour and any depth, with
// random pixels and rows of all filters.
type PNG struct {
	Width, Height int
	Depth, Colour byte // as in the file
	Interlaced    bool
	Palette       []byte // nil: none
	Transparency  []byte // of the chunk tRNS; nil: none
	Profile       bool   // with a chunk iCCP
	ChunkSize     int    // bytes of pixels in a chunk; 0: all
	Blank         bool   // all bytes are 0, so that the file is small
	Seed          uint64
}

// PNGHead begins a PNG file.
const PNGHead = "\x89PNG\r\n\x1a\n"

// Encode returns the file.
func (p PNG) Encode() []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(p.Width))
	head = binary.BigEndian.AppendUint32(head, uint32(p.Height))
	head = append(head, p.Depth, p.Colour, 0, 0, 0)
	if p.Interlaced {
		head[12] = 1
	}
	out := append([]byte(PNGHead), PNGChunk("IHDR", head)...)
	if p.Profile {
		out = append(out, PNGChunk("iCCP", append([]byte("a profile\x00\x00"), deflate(make([]byte, 132))...))...)
	}
	if p.Palette != nil {
		out = append(out, PNGChunk("PLTE", p.Palette)...)
	}
	if p.Transparency != nil {
		out = append(out, PNGChunk("tRNS", p.Transparency)...)
	}
	packed := deflate(p.rows())
	size := p.ChunkSize
	if size == 0 {
		size = len(packed)
	}
	for len(packed) > 0 {
		n := min(size, len(packed))
		out = append(out, PNGChunk("IDAT", packed[:n])...)
		packed = packed[n:]
	}
	return append(out, PNGChunk("IEND", nil)...)
}

// PNGChunk returns a chunk of a PNG file.
func PNGChunk(name string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// rows returns the bytes of all rows, of the passes one after another.
func (p PNG) rows() []byte {
	type pass struct{ x, y, dx, dy int }
	passes := []pass{{0, 0, 1, 1}}
	if p.Interlaced {
		passes = []pass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	bits := int(p.Depth) * map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[p.Colour]
	see := p.Transparency // the transparent pixel
	if p.Depth == 8 && len(see) == 6 {
		see = []byte{see[1], see[3], see[5]}
	}
	random := rand.New(rand.NewPCG(p.Seed, 1))
	var out []byte
	for _, s := range passes {
		w, h := (p.Width-s.x+s.dx-1)/s.dx, (p.Height-s.y+s.dy-1)/s.dy
		if w < 1 || h < 1 {
			continue
		}
		for range h {
			row := make([]byte, 1+(w*bits+7)/8)
			if p.Blank {
				out = append(out, row...)
				continue
			}
			for i := range row {
				row[i] = byte(random.Uint32())
			}
			row[0] %= 5
			for x := range w {
				if row[0] == 0 && len(see)*8 == bits && random.IntN(2) == 0 {
					copy(row[1+x*len(see):], see)
				}
			}
			out = append(out, row...)
		}
	}
	return out
}

package jpegfile

import "bytes"

// APP1 returns the bodies of the APP1 segments before the first scan of a whole
// file: EXIF, XMP and others, in their order.
func APP1(data []byte) [][]byte { return bodies(data, markerAPP1) }

// APP2 returns those of the APP2 segments: parts of an ICC profile and others.
func APP2(data []byte) [][]byte { return bodies(data, markerAPP2) }

func bodies(data []byte, marker byte) (all [][]byte) {
	in := segments{r: bytes.NewReader(data), size: int64(len(data))}
	for {
		g, err := in.read()
		if err != nil || g.marker == markerSOS || g.marker == markerEOI || in.next > in.size {
			return all
		}
		if g.marker == marker {
			all = append(all, data[g.offset:][:g.n])
		}
	}
}

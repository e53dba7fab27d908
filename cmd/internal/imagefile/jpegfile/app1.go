package jpegfile

import "bytes"

// APP1 returns the bodies of the APP1 segments before the first scan of a whole
// file: EXIF, XMP and others, in their order.
func APP1(data []byte) (bodies [][]byte) {
	in := segments{r: bytes.NewReader(data), size: int64(len(data))}
	for {
		g, err := in.read()
		if err != nil || g.marker == markerSOS || g.marker == markerEOI || in.next > in.size {
			return bodies
		}
		if g.marker == markerAPP1 {
			bodies = append(bodies, data[g.offset:][:g.n])
		}
	}
}

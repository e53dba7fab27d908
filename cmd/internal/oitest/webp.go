package oitest

import "encoding/base64"

// WebP is a whole picture of one pixel, as small as the format has them.
func WebP() []byte {
	data, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	if err != nil {
		panic(err)
	}
	return data
}

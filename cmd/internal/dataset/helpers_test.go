package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/opensandwich/oi/record"
)

// picture returns an item of a 2x2 picture whose pixels depend on n.
func picture(n int, label, set string) *record.Item {
	data := make([]byte, 12)
	for i := range data {
		data[i] = byte(n*7 + i)
	}
	sum := sha256.Sum256(fmt.Append(nil, "photo", n))
	return &record.Item{
		ID: fmt.Sprintf("%04d", n), Key: fmt.Sprintf("%04d-00000000", n), Set: set,
		Label:   &record.Label{MID: "/m/" + label, Name: label},
		Fetched: &record.Fetched{SHA256: hex.EncodeToString(sum[:]), Source: "test", MediaType: "image/jpeg"},
		Tensor:  &record.Tensor{Shape: []int{2, 2, 3}, DType: "uint8", Data: data},
	}
}

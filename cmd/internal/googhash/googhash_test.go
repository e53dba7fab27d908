package googhash_test

import (
	"encoding/hex"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/googhash"
)

func TestParse(t *testing.T) {
	const (
		md5Text, md5Hex = "rL0Y20zC+Fzt72VPzMSk2A==", "acbd18db4cc2f85cedef654fccc4a4d8" // of foo
		crcText, crcHex = "z8SuHQ==", "cfc4ae1d"
	)
	for name, tt := range map[string]struct {
		values   []string
		md5, crc string
	}{
		"none":            {nil, "", ""},
		"one header":      {[]string{"crc32c=" + crcText + ",md5=" + md5Text}, md5Hex, crcHex},
		"two headers":     {[]string{"crc32c=" + crcText, "md5=" + md5Text}, md5Hex, crcHex},
		"spaces":          {[]string{" md5=" + md5Text + " , crc32c=" + crcText}, md5Hex, crcHex},
		"MD5 only":        {[]string{"md5=" + md5Text}, md5Hex, ""},
		"another kind":    {[]string{"sha256=" + md5Text}, "", ""},
		"no base64":       {[]string{"md5=***,crc32c=" + crcText}, "", crcHex},
		"another length":  {[]string{"md5=" + crcText + ",crc32c=" + md5Text}, "", ""},
		"hex":             {[]string{"md5=" + md5Hex}, "", ""},
		"empty":           {[]string{"", ",", "md5=", "="}, "", ""},
		"unlike each way": {[]string{"MD5=" + md5Text}, "", ""},
	} {
		md5Sum, crc := googhash.Parse(tt.values)
		if hex.EncodeToString(md5Sum) != tt.md5 || hex.EncodeToString(crc) != tt.crc {
			t.Errorf("%s: %x and %x, want %s and %s", name, md5Sum, crc, tt.md5, tt.crc)
		}
	}
}

package stream

import (
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestSharedPhoto(t *testing.T) {
	own := func(key string) *record.Item {
		return &record.Item{Key: key, Fetched: &record.Fetched{SHA256: key, Bytes: []byte("photo of " + key)}}
	}
	of := func(key, other string) *record.Item {
		return &record.Item{Key: key, Fetched: &record.Fetched{SHA256: other, BytesOf: other}}
	}
	both := own("b")
	both.Fetched.BytesOf = "a"
	otherHash := of("b", "a")
	otherHash.Fetched.SHA256 = "c"
	for name, tc := range map[string]struct {
		records []record.Record
		want    string // an error
	}{
		"several":          {[]record.Record{own("a"), of("b", "a"), of("c", "a"), own("d"), of("e", "d")}, ""},
		"the first":        {[]record.Record{of("b", "a")}, "does not come directly before"},
		"one between":      {[]record.Record{own("a"), own("d"), of("b", "a")}, "does not come directly before"},
		"dropped between":  {[]record.Record{own("a"), &record.Item{Key: "d", Fetched: &record.Fetched{}}, of("b", "a")}, "does not come directly before"},
		"another segment":  {[]record.Record{own("a"), &record.End{}, &record.Header{}, of("b", "a")}, "does not come directly before"},
		"of a reference":   {[]record.Record{own("a"), of("b", "a"), of("c", "b")}, "does not come directly before"},
		"bytes of its own": {[]record.Record{own("a"), both}, "has a photo of its own"},
		"another photo":    {[]record.Record{own("a"), otherHash}, "another SHA-256"},
	} {
		var s sharedPhoto
		var err error
		for _, r := range tc.records {
			if err = s.take(r); err != nil {
				break
			}
			if item, ok := r.(*record.Item); ok && item.Fetched.SHA256 != "" {
				if f := item.Fetched; string(f.Bytes) != "photo of "+f.SHA256 || f.BytesOf != "" {
					t.Errorf("%s: item %s has %q, of %q", name, item.Key, f.Bytes, f.BytesOf)
				}
			}
		}
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

package stream

import (
	"bytes"
	"testing"

	"github.com/opensandwich/oi/record"
)

// Items that were encoded elsewhere, in runs of any length, make the same
// bytes as items that are written one by one, compressed or not.
func TestOutputOfEncodedItems(t *testing.T) {
	const items = 2000
	for _, f := range []*Flags{{}, {JSON: "items"}, {JSON: "framed"}, {Zstd: true}, {JSON: "items", Zstd: true}} {
		output := func(run int) []byte {
			var stdout bytes.Buffer
			env, _ := testEnv(nil, &stdout)
			out, err := Create(env, f)
			if err != nil {
				t.Fatal(err)
			}
			encoder := out.NewEncoder()
			var batch []byte
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			check(out.Write(&record.Header{}))
			for i := range items {
				if run == 0 {
					check(out.Write(testItem(i)))
					continue
				}
				batch, err = encoder.Append(batch, testItem(i))
				check(err)
				if i%run == 0 || i == items-1 {
					check(out.WriteEncoded(batch))
					batch = batch[:0]
				}
			}
			check(out.Write(&record.End{}))
			check(out.Close())
			return stdout.Bytes()
		}
		want := output(0)
		for _, run := range []int{1, 7, 300} {
			if got := output(run); !bytes.Equal(got, want) {
				t.Errorf("%+v, %d items at once: %d bytes, want %d bytes, or others", *f, run, len(got), len(want))
			}
		}
	}
}

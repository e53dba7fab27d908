package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// A shard is one of several parts of the result, which together are the whole.
type shard struct{ number, of uint64 } // number counts from 1; of is 0 for the whole

// parseShard reads I/N.
func parseShard(text string) (shard, error) {
	if text == "" {
		return shard{}, nil
	}
	number, of, _ := strings.Cut(text, "/")
	i, err1 := strconv.ParseUint(number, 10, 32)
	n, err2 := strconv.ParseUint(of, 10, 32)
	if err1 != nil || err2 != nil || i < 1 || i > n {
		return shard{}, cli.WithHint(cli.Usagef("--shard %s: want I/N, from 1/N to N/N", text), `of a job array --array=1-8: --shard "$SLURM_ARRAY_TASK_ID/8"; N is written out, as a count of tasks changes when some are submitted again`)
	}
	return shard{i, n}, nil
}

// has reports whether a photo is in the shard: by the first 8 bytes of the
// SHA-256 of its id, modulo the number of shards.
func (s shard) has(id string) bool {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:])%s.of == s.number-1
}

func (s shard) String() string { return fmt.Sprintf("%d/%d", s.number, s.of) }

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/google/renameio/v2"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A folder is where crops go as files. Its save may be called from many
// goroutines.
type folder struct {
	path string
	seed maphash.Seed

	mu    sync.Mutex
	taken map[uint64]bool // hashes of the files' names
}

func newFolder(path string) *folder {
	return &folder{path: path, seed: maphash.MakeSeed(), taken: map[uint64]bool{}}
}

// save writes the item's tensor as PNG, which keeps the very pixels that the
// stream has, whole or not at all. Two items of one name are an error: which
// of them stayed would depend on the order of the work.
func (f *folder) save(item *record.Item) error {
	name := fileName(item)
	f.mu.Lock()
	sum := maphash.String(f.seed, name)
	twice := f.taken[sum]
	f.taken[sum] = true
	f.mu.Unlock()
	if twice {
		return cli.WithHint(fmt.Errorf("--dir: two items would be %s", name), "the stream holds an item twice, perhaps because a file was given twice")
	}
	path := filepath.Join(f.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var data bytes.Buffer
	if err := pix.EncodePNG(&data, item.Tensor.Data, item.Tensor.Shape[1], item.Tensor.Shape[0]); err != nil {
		return err
	}
	return renameio.WriteFile(path, data.Bytes(), 0o666)
}

// fileName returns SET/LABEL/KEY.png. A level is left out where the item has no
// set or label; variants of one item are told apart by their epoch and copy.
func fileName(item *record.Item) string {
	name := item.Key
	if name == "" {
		name = item.ID
	}
	name = safeName(name)
	if a := item.Augment; a != nil {
		name += fmt.Sprintf("-e%d-c%d", a.Epoch, a.Copy)
	}
	path := ""
	if item.Set != "" {
		path = safeName(item.Set)
	}
	if item.Label != nil && item.Label.Name != "" {
		path = filepath.Join(path, safeName(item.Label.Name))
	}
	return filepath.Join(path, name+".png")
}

// maxName leaves room for endings in the 255 bytes a file name may have.
const maxName = 120

// safeName makes one level of a path of any text. What is kept as it is stays
// readable; where a character had to go, a hash of the whole text keeps two
// names from becoming one.
func safeName(s string) string {
	safe := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
	if strings.HasPrefix(safe, ".") || strings.HasPrefix(safe, "-") {
		safe = "_" + safe[1:]
	}
	safe = strings.TrimRight(safe, ". ") // some systems drop them
	if len(safe) > maxName {
		safe = strings.ToValidUTF8(safe[:maxName], "")
	}
	if safe == s && s != "" {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return safe + "~" + hex.EncodeToString(sum[:4])
}

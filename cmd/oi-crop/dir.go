package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/renameio/v2"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// savePNG writes the item's tensor as DIR/SET/LABEL/KEY.png, whole or not at
// all. PNG keeps the very pixels that the stream has. A level is left out
// where the item has no set or label; variants of one item are told apart by
// their epoch and copy.
func savePNG(dir string, item *record.Item) error {
	name := item.Key
	if name == "" {
		name = item.ID
	}
	name = safeName(name)
	if a := item.Augment; a != nil {
		name += fmt.Sprintf("-e%d-c%d", a.Epoch, a.Copy)
	}
	folder := dir
	if item.Set != "" {
		folder = filepath.Join(folder, safeName(item.Set))
	}
	if item.Label != nil && item.Label.Name != "" {
		folder = filepath.Join(folder, safeName(item.Label.Name))
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	var data bytes.Buffer
	if err := pix.EncodePNG(&data, item.Tensor.Data, item.Tensor.Shape[1], item.Tensor.Shape[0]); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(folder, name+".png"), data.Bytes(), 0o666)
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

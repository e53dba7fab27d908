package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/bits"

	"github.com/opensandwich/oi/record"
)

// An inputHash identifies the items that were used so far, in their order, by
// a SHA-256 over all that training depends on: keys, labels, sets and pixels.
// Next to it stands a sum that does not depend on the order: that of a hash of
// each item, modulo 2^128.
type inputHash struct {
	hash  hash.Hash // whose Write never fails
	items int64
	head  []byte

	item      hash.Hash // of one item
	high, low uint64    // the sum
}

func newInputHash() *inputHash { return &inputHash{hash: sha256.New(), item: sha256.New()} }

// add takes an item that has a label and a tensor. Items with an embedding alone
// need no checkpoint of epochs, which this is for.
func (h *inputHash) add(item *record.Item) {
	if item.Tensor == nil {
		return
	}
	h.items++
	h.head = h.head[:0]
	text := func(s string) {
		h.head = binary.LittleEndian.AppendUint64(h.head, uint64(len(s)))
		h.head = append(h.head, s...)
	}
	for _, s := range []string{item.Key, item.ID, item.Set, item.Subset, item.Label.Name} {
		text(s)
	}
	if item.Image != nil { // authors divide items that carry no set
		text(item.Image.Author)
		text(item.Image.AuthorURL)
	}
	if item.Fetched != nil { // by which duplicates are found
		text(item.Fetched.SHA256)
	}
	if item.Augment != nil {
		h.head = binary.LittleEndian.AppendUint64(h.head, uint64(item.Augment.Epoch))
	}
	for _, side := range item.Tensor.Shape {
		h.head = binary.LittleEndian.AppendUint64(h.head, uint64(side))
	}
	// Its length in front keeps two items from reading as another two.
	h.item.Reset()
	both := io.MultiWriter(h.hash, h.item)
	for _, part := range [][]byte{binary.LittleEndian.AppendUint64(nil, uint64(len(h.head))), h.head, item.Tensor.Data} {
		_, _ = both.Write(part)
	}
	sum := h.item.Sum(nil)
	var carry uint64
	h.low, carry = bits.Add64(h.low, binary.LittleEndian.Uint64(sum), 0)
	h.high, _ = bits.Add64(h.high, binary.LittleEndian.Uint64(sum[8:]), carry)
}

// sum returns the hash of the items so far, in hexadecimal.
func (h *inputHash) sum() string { return hex.EncodeToString(h.hash.Sum(nil)) }

// unordered returns what is the same for the same items in any order.
func (h *inputHash) unordered() string { return fmt.Sprintf("%016x%016x", h.high, h.low) }

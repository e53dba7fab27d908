package main

import (
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// authorGroups remember which items are of one author or photo.
type authorGroups struct {
	groups dataset.Groups
	number map[string]int // by key
}

func newAuthorGroups() *authorGroups { return &authorGroups{number: map[string]int{}} }

// add takes an item that has a key. A nil receiver takes none.
func (g *authorGroups) add(item *record.Item) {
	if g != nil {
		g.number[dataset.KeyOf(item)] = g.groups.Add(item)
	}
}

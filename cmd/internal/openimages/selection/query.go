package selection

import (
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// Reasons why a row does not become an item.
const (
	// Removed by a rule.
	ReasonDuplicate = "duplicate"      // the same photo, class and coordinates again
	ReasonLimit     = "limit"          // beyond Query.Limit
	ReasonMost      = "max per class"  // beyond Query.MaxPerClass
	ReasonBalance   = "balance"        // more than Query.Balance leaves to a class
	ReasonAuthor    = "strict authors" // a train photo whose author has held-out photos
	ReasonVeto      = "left out"       // a photo that also shows one of Query.Veto
	ReasonSeveral   = "several labels" // a photo that Query.ImageLabels finds under two labels
	ReasonDouble    = "double label"   // on one object with a box of another label
	ReasonShard     = "other shard"    // a photo that Query.Shard leaves to others
	// Skipped as failures.
	ReasonMalformed = "malformed row"
	ReasonBadBox    = "bad box"           // empty or not within the picture
	ReasonNotListed = "not in image list" // nothing is known of the photo
	ReasonKeyClash  = "key clash"         // another box of the photo has this key
)

// A Ledger is told what becomes of each row. *stream.Counters is one.
type Ledger interface {
	// Announce is called with a number of rows that are still to come: a
	// share of rows that may be skipped is one of all of them.
	Announce(n int64)
	In(n int64)
	Out(n int64)
	Remove(reason string, n int64)
	// Skip returns an error when the query should be given up.
	Skip(item *record.Item, reason, detail string) error
}

// A Query asks for the boxes of some classes, joined with what the image lists
// say of their photos.
type Query struct {
	Source  openimages.Source
	Dataset openimages.Dataset
	Subsets []string // which to read; rows come in the order of Subsets()
	// ImageLabels takes the rows from Dataset.Labels instead of
	// Dataset.Boxes: what people have said of whole photos. An item's box
	// is the whole photo (0 to 1, all flags unknown), its row a verified
	// positive. A photo comes once. One under two of Classes goes to the
	// one that MoreSpecific prefers, or to none. Verified negatives are
	// never items of their class, but with Negatives come first under
	// NotName; see Deny.
	ImageLabels bool
	// MoreSpecific reports whether label a, by its position in Classes,
	// wins over label b where a photo has both.
	MoreSpecific func(a, b int) bool
	// Veto are MIDs for each of Classes: a photo that is verified to show
	// one of them does not come under that class.
	Veto []map[string]bool
	// Deny are groups of MIDs: a photo is verified to show none of Classes
	// if of each group at least one MID is denied, and no MID of Assign or
	// Kinds is affirmed.
	Deny [][]string
	// Kinds are the MIDs that say of a photo that it shows one of Classes:
	// those named and all kinds of them.
	Kinds   map[string]bool
	Classes []openimages.Class // the labels that items get
	// Assign says which MID's boxes go under which of Classes; see
	// Hierarchy.Assign.
	Assign map[string]int
	// Seen, if set, is called with each row of Classes, without its MID,
	// and with each row that is looked at as a negative, before any rule;
	// perhaps more than once.
	Seen func(box *openimages.BoxRow)
	// Refuse, if set, says why a box is not wanted, in a word for the
	// accounts, or "". It is asked about sound boxes only, and before any
	// limit. Set and avoid of the others do not depend on it. Refuse,
	// Shard, Set, Group and MoreSpecific are called on any goroutine,
	// Refuse while Seen is.
	Refuse func(box *openimages.BoxRow) (reason string)
	// Rules says in some text what Refuse refuses: two functions with one
	// text refuse the same. Without it, and with Seen, what a limit has
	// found out is not kept for the next query.
	Rules string
	// Doubles says what becomes of boxes on one object under two labels.
	Doubles Doubles
	// Limit is the most boxes of Classes to keep, divided as evenly as
	// there are boxes; 0 keeps all. It takes 24 bytes of memory for each,
	// as the two limits below do.
	Limit int64
	// MaxPerClass is the most boxes to keep of each of Classes; 0 keeps
	// all.
	MaxPerClass int64
	// Balance keeps as many boxes of each of Classes as there are of the
	// one with the fewest, of those that have any.
	Balance bool
	// Shard, if set, says whether the items of a photo are emitted. It is
	// asked last: the shards together are the whole.
	Shard func(id string) bool
	// Negatives is the number of boxes of other classes to add under the
	// label NotName, divided over the subsets in proportion to their rows,
	// as far as there are any. A box that meets one of Classes, or that any
	// rule but Shard would take away, is not drawn. With ImageLabels,
	// photos: those that are verified to show none of Classes, and if they
	// are too few, those under other labels only. It takes some 100 bytes
	// of memory for each, and 16 for each row of Unfit or Deny.
	Negatives int64
	// Unfit are MIDs besides those of Assign whose boxes are no negatives.
	Unfit   map[string]bool
	NotName string
	Seed    uint64 // of Limit and Negatives
	// Set says what an item is used for, from its subset and its photo's
	// group.
	Set func(subset, group string) string
	// Group names what Set must not divide.
	Group func(authorURL, author, id string) string
	// StrictAuthors drops train rows whose group also has rows of Classes
	// in another subset, before any limit. Negatives whose group has rows
	// of Classes on the other side are taken where there are no others.
	StrictAuthors bool
}

// A Tally is what became of one label's rows.
type Tally struct {
	Rows int64            // found
	Lost map[string]int64 // removed or skipped, by reason
	Kept int64            // emitted
	Sets map[string]int64 // emitted, by set
}

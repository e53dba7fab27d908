// Code generated from the flag table; DO NOT EDIT.

// oi-augment: make random variants of the pictures to train on.
//
// Usage:
//
//	oi-augment [flags] [FILE...]
//
// Examples:
//
//	# train on fresh variants in every epoch, until it stops getting
//	# better
//	oi-boxes Hamburger Sandwich | oi-fetch | oi-crop |
//	    oi-augment --epochs 0 | oi-train -o burger
//	# twenty epochs kept in a file
//	oi-augment --epochs 20 -z < crops.oi > variants.oi.zst
//	# look at them
//	oi-augment --copies 8 < crops.oi | oi-crop --sheet variants.jpg
//
// Reads all items, which must have tensors, and writes first the validation and
// test items, once and as they are, and then epochs of the train items: each
// epoch is a random order of all of them, each one turned, shifted, sheared,
// zoomed and flipped at random within the ranges given. The defaults are those
// of the article that this program follows.
//
// A variant depends on the seed, the item's key, the epoch and the copy alone.
// The same items and options give the same bytes, whatever the order of the
// items and at any -j.
//
// --epochs 0 goes on until the reader leaves, which is what oi-train does once
// its early stopping is reached. Items wait in memory, beyond --spool-memory in
// a temporary file.
//
// Items that carry no set get that of their photo's other items, or are divided
// as the oi-boxes of their trail divided them: by their subset of Open Images,
// or by author. Train items whose photo is that of a validation or test item
// are removed and counted. The same image id or the same bytes is the same
// photo.
//
// An item is known by its key, and one that comes twice is an error. One
// without a key gets one from its id, label, box and pixels.
//
// Flags:
//
//	--epochs N
//		write N epochs; 0 goes on until the reader leaves (default 1)
//	--copies N
//		make N variants of each item in an epoch (default 1)
//	--seed N
//		draw other variants and orders with another N (default 1)
//	--rotation DEGREES
//		turn by up to this many DEGREES either way (default 40)
//	--height-shift FRACTION
//		shift up or down by up to this FRACTION of the height
//		(default 0.2)
//	--width-shift FRACTION
//		shift sideways by up to this FRACTION of the width (default
//		0.2)
//	--shear DEGREES
//		shear by up to this many DEGREES either way (default 0.2)
//	--zoom FRACTION
//		scale each side by 1 plus or minus up to this FRACTION
//		(default 0.2)
//	--flip-h
//		mirror every other variant (default true)
//	--flip-v
//		turn every other variant upside down
//	--val SHARE
//		use this SHARE of the authors for validation, of items that
//		carry no set (default 0.15)
//	--test SHARE
//		use this SHARE of the authors for the test, of items that
//		carry no set (default 0.15)
//	--spool-memory BYTES
//		keep up to this many BYTES of items in memory, the rest in a
//		temporary file (default 1GiB)
//	--repeats error|drop
//		an item that comes twice is an error, or all but one are
//		dropped: error|drop (default error)
//	-j, --jobs N
//		work on N records at once; the output does not depend on it
//		(default one a processor)
//	--json[=framed]
//		write JSON, one item a line; framed JSON keeps the header and
//		the end
//	-z, --zstd
//		compress the output with zstd
//	--salvage
//		step over damaged records and count what was lost
//	-q, --quiet
//		say nothing but warnings and errors
//	-v, --verbose
//		say more, such as each record that is skipped and why
//	--help
//		show long help
//	--version
//		show the version
//	--generate man|bash|zsh|fish|doc
//		print a man page, the completions of a shell or doc.go:
//		man|bash|zsh|fish|doc
//
// Exit status:
//
//	0  done; also when the reader of the output left early
//	1  failed
//	2  called wrongly
//	130, 143  interrupted
package main

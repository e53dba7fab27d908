// Code generated from the flag table; DO NOT EDIT.

// oi-boxes: find the boxes of some classes in Open Images.
//
// Usage:
//
//	oi-boxes [flags] CLASS...
//
// Examples:
//
//	# hamburgers and sandwiches of the built-in data set
//	oi-boxes --dataset sample Hamburger Sandwich | oi-fetch | oi-crop > crops.oi
//	# the real ones, from the smallest files (some 40 MB, downloaded once)
//	oi-boxes --subset validation --split hash Hamburger Sandwich > boxes.oi
//	# classes picked by hand, at most 1500 boxes
//	oi-labels | fzf -m | oi-boxes --limit 1500 - > boxes.oi
//
// A CLASS is a name, without regard to case, spaces, underscores, hyphens and a simple plural, or
// a MID such as /m/0cdn1; - reads classes from standard input, one a line, in the form that
// oi-labels writes them or alone. For each box of these classes an item is written: its label, its
// coordinates, what the image list says of the photo, the photo's other boxes of these classes
// (avoid), and the set it is to be used for.
//
// Sets: with validation or test among the subsets, every row keeps its subset. Else, or with
// --split hash, the rows are divided by a hash of the photo's author, or of the photo where its
// author is not known, so that no author and no photo is on both sides. The division of a row does
// not depend on the other rows, nor on any filter.
//
// --limit keeps N boxes in all, divided as evenly over the classes as there are boxes. Which ones
// is decided by a seeded hash of the box, not by its place in the list; a larger limit keeps all
// that a smaller one kept.
//
// --negatives adds N boxes of other classes under the label "not CLASS", sampled in the same way,
// and divided over the subsets in proportion to the rows found there. Boxes of kinds of the
// classes and of what they are kinds of are not taken, nor boxes that overlap one of the classes'.
// They are not counted by --limit.
//
// With --with-descendants, boxes of the kinds below a class go under its name; a box goes once, to
// the most specific of the classes. Without it, a class is its own boxes only: Open Images draws a
// box at the most specific level, so that a hamburger is no sandwich.
//
// --strict-authors drops train rows of authors who have rows of these classes in validation or
// test too: the official subsets share some.
//
// Flags:
//
//	--dataset v7|v6|v5|v4|sample
//		version of Open Images: v7|v6|v5|v4|sample; sample is built in and needs no network (default v7)
//	--metadata URL|DIR
//		take the data set's files from URL|DIR, where they have the official relative paths (default https://storage.googleapis.com/openimages/) (or $OI_METADATA)
//	--cache DIR
//		keep downloaded files in DIR (default $XDG_CACHE_HOME/oi or ~/.cache/oi)
//	--subset LIST
//		which subsets: a LIST of train, validation, test (default train)
//	--split official|hash
//		how rows get their set: official|hash (default official)
//	--val SHARE
//		SHARE of the photos' authors for validation, where rows are divided (default 0.15)
//	--test SHARE
//		SHARE of the photos' authors for the test, where rows are divided (default 0.15)
//	--set-seed SEED
//		SEED of the division (default 1)
//	--limit N
//		keep N boxes, evenly over the classes (default all)
//	--negatives N
//		add N boxes of other classes, labelled "not CLASS"
//	--seed SEED
//		SEED of --limit and --negatives (default 1)
//	--with-descendants
//		boxes of the kinds below a class belong to it
//	--strict-authors
//		drop train rows of authors with validation or test rows
//	--json[=framed]
//		write JSON, one item a line; framed JSON keeps the header and the end
//	-z, --zstd
//		compress the output with zstd
//	--max-skips N
//		fail beyond this N or N% of skipped records (default 25%)
//	--failures FILE
//		keep skipped items in FILE, as JSON that can be fed back in
//	-q, --quiet
//		say nothing but warnings and errors
//	-v, --verbose
//		say more, such as each record that is skipped and why
//	--help
//		show long help
//	--version
//		show the version
//
// Exit status:
//
//	0  done; also when the reader of standard output left early
//	1  failed
//	2  called wrongly
//	130, 143  interrupted
package main

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
//	oi-boxes --dataset sample Hamburger Sandwich | oi-fetch |
//	    oi-crop > crops.oi
//	# the real ones, from the smallest files (some 40 MB, downloaded
//	# once)
//	oi-boxes --subset validation --split hash Hamburger Sandwich \
//	    > boxes.oi
//	# vehicles of all kinds but rockets against animals, evenly, none of
//	# them drawn
//	oi-boxes --without Rocket --depiction no --balance Vehicle/ \
//	    Animal/ > boxes.oi
//	# classes picked by hand, at most 1500 boxes
//	oi-labels | fzf -m | oi-boxes --limit 1500 - > boxes.oi
//
// A CLASS is a name, without regard to case, spaces, underscores, hyphens,
// accents, apostrophes and a simple plural, or a MID such as /m/0cdn1; - reads
// classes from standard input, one a line, in the form that oi-labels writes
// them or alone. For each box of these classes an item is written: its label,
// its coordinates, what the image list says of the photo, the photo's other
// boxes of these classes (avoid), and the set it is to be used for.
//
// A class is its own boxes only: Open Images draws a box at the most specific
// level, so that a hamburger is no sandwich. CLASS/ is the class and all kinds
// below it, as a folder's name with a slash is the folder and what is in it;
// --with-descendants puts the slash behind every class. A+B are the boxes of
// both under one label, NAME=A+B is that under a name of its own. --without
// CLASS leaves a class and all kinds below it out. A box goes to one label,
// once: the most specific of the classes named, wanted or not, decides. So
// Vehicle/ beside --without Rocket are all vehicles but rockets, and Food/
// beside Hamburger are all foods but hamburgers, and hamburgers. None of these
// signs is special to a shell, so that nothing needs quotes; Vehicle* would be
// a pattern, and -Rocket an option. oi-labels CLASS/ shows what is below.
//
// Filters leave boxes out by what the list says of them: whether the object is
// occluded, truncated by the picture's edge, a group, a depiction (a drawing, a
// toy) or taken from its inside. Each is yes, no, or not known, where nobody
// looked. Shares are of the stored picture, whose size in pixels the lists do
// not tell. A file of ids holds image ids or the keys of items, which name one
// box for ever, also where a program has saved the list again and writes 0.5
// for 0.500000; one a line; what follows a comma or a space is not read. Ids
// that no row has are reported.
//
// Open Images has some objects twice, as Cake and as Muffin. A table's last
// line counts the boxes that lie on one object with a box of another label of
// the request: that meet in more than 0.7 of their union, after the filters and
// before limits and shards. Boxes under one label, such as Cake+Muffin or what
// is below Food/, are none. --double-labels drop leaves both out, as nobody
// knows which label is right; keep counts those that are written. --doubles
// lists them as CSV, a line for each box and each of its partners: key,
// partner, iou, label, partner_label. --exclude-ids reads it, or the lines of
// it that a person has chosen: grep ',Muffin,Cake$' takes the muffins. To look
// at them, --ids FILE | oi-fetch | oi-crop --sheet doubles.html makes a page.
// The list may be empty.
//
// Sets: with validation or test among the subsets, every row keeps its subset.
// Else, or with --split hash, the rows are divided by a hash of the photo's
// author, or of the photo where its author is not known, so that no author and
// no photo is on both sides. The set of an item, and what it is to avoid, do
// not depend on the order of the classes, nor on any filter, limit or shard.
//
// --max-per-class keeps N boxes of each label, --balance as many of each as
// there are of the rarest, --limit N boxes in all, divided as evenly over the
// labels as there are boxes; they are taken in this order, after the filters.
// Which boxes is decided by a seeded hash of the box, not by its place in the
// list; a larger limit keeps all that a smaller one kept.
//
// --shard I/N writes the Ith of N parts, for job arrays: the photos whose id
// has that hash, with all their boxes. The parts together are the whole; limits
// are those of the whole.
//
// --negatives adds N boxes of other classes under the label "not CLASS",
// sampled in the same way, and divided over the subsets in proportion to the
// rows found there. Boxes of kinds of the classes and of what they are kinds of
// are not taken, nor boxes that overlap one of the classes', nor those that the
// filters or another rule would take away again: there are N different ones,
// unless no more are left in any of these subsets, which is said. They are not
// counted by the limits.
//
// --image-labels asks the lists of image-level labels instead, for some 20,000
// classes: an item is a photo of which people have verified that the class is
// in it, and its box is the whole picture. --negatives then takes photos of
// which they have verified that it is not in it, and others only where these
// are too few. Most of these photos are not in the mirror, which has those with
// boxes. A photo comes once, under its most specific label, or not at all if it
// has several.
//
// --strict-authors drops train rows of authors who have rows of these classes
// in validation or test too: the official subsets share some. Negatives hold
// nobody out. None in train is by such an author, and one in validation or test
// by an author with train rows of these classes only where there are no others.
//
// A table on standard error tells for each label how many rows were found, how
// many each rule took away, and how many are left for each set.
//
// A record that fails is skipped and counted by its reason. --max-skips says
// how many may be: N, or N% of the records that came in, which is looked at
// after 200 of them and at the end; with "from M", as in the default, not at
// the end of fewer than M. If all that came in was skipped, that is a failure
// whatever the limit; what a filter removes is not skipped. The stage then
// exits with 1 and writes no end, so that the stages after it fail too.
//
// Flags:
//
//	--with-descendants
//		CLASS means CLASS/, the kinds below it too
//	--without CLASS
//		leave out CLASS and the kinds below it (can be repeated)
//	--image-labels
//		whole photos by their verified labels, not boxes
//	--occluded yes|no|any|known
//		keep boxes by this flag: yes|no|any|known; where nobody
//		looked it is neither yes nor no, but any (default any)
//	--truncated yes|no|any|known
//		keep boxes by this flag: yes|no|any|known (default any)
//	--group-of yes|no|any|known
//		keep boxes by this flag: yes|no|any|known (default any)
//	--depiction yes|no|any|known
//		keep boxes by this flag: yes|no|any|known (default any)
//	--inside yes|no|any|known
//		keep boxes by this flag: yes|no|any|known (default any)
//	--min-side SHARE
//		keep boxes whose shorter side is at least this SHARE of the
//		picture's
//	--min-area SHARE
//		keep boxes whose area is at least this SHARE of the picture's
//	--aspect MIN:MAX
//		keep boxes whose width, divided by their height, is from
//		MIN:MAX, both as shares of the picture's
//	--ids FILE
//		keep boxes of the photos in FILE only: an image id or an
//		item's key a line
//	--exclude-ids FILE
//		leave out the photos, or single boxes, in FILE
//	--double-labels keep|drop
//		boxes on one object under two labels: keep|drop (default
//		keep)
//	--doubles FILE
//		list them in FILE, which --exclude-ids reads
//	--max-per-class N
//		keep N boxes of each label (default all)
//	--balance
//		keep as many boxes of each label as there are of the rarest
//	--limit N
//		keep N boxes, evenly over the labels (default all)
//	--negatives N
//		add N boxes of other classes, labelled "not CLASS"
//	--seed SEED
//		SEED of --max-per-class, --balance, --limit and --negatives
//		(default 1)
//	--shard I/N
//		write part I/N of the photos only
//	--subset LIST
//		which subsets: a LIST of train, validation (or val), test
//		(default train)
//	--split official|hash
//		how rows get their set: official|hash (default official)
//	--val SHARE
//		SHARE of the photos' authors for validation, where rows are
//		divided (default 0.15)
//	--test SHARE
//		SHARE of the photos' authors for the test, where rows are
//		divided (default 0.15)
//	--set-seed SEED
//		SEED of the division (default 1)
//	--strict-authors
//		drop train rows of authors with validation or test rows
//	--dataset v7|v6|v5|v4|sample
//		version of Open Images: v7|v6|v5|v4|sample; sample is built
//		in and needs no network (default v7)
//	--metadata URL|DIR
//		take the data set's files from URL|DIR, where they have the
//		official relative paths (default
//		https://storage.googleapis.com/openimages/) (or $OI_METADATA)
//	--cache DIR
//		keep downloaded files in DIR (default $XDG_CACHE_HOME/oi or
//		~/.cache/oi) (or $OI_CACHE)
//	--offline
//		use files of the cache only, and never the network
//	--json[=framed]
//		write JSON, one item a line; framed JSON keeps the header and
//		the end
//	-z, --zstd
//		compress the output with zstd
//	--max-skips N
//		fail beyond this N or N% of skipped records (default 25% from
//		20)
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

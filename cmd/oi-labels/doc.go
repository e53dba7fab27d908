// Code generated from the flag table; DO NOT EDIT.

// oi-labels: list and search the classes of Open Images.
//
// Usage:
//
//	oi-labels [flags] [QUERY...]
//
// Examples:
//
//	# which classes have to do with sandwiches
//	oi-labels sandwich
//	# pick some by hand and ask for their boxes
//	oi-labels | fzf -m | oi-boxes - > boxes.oi
//	# what is below Food
//	oi-labels --tree food
//	# of which foods there are most boxes in the smallest subset
//	oi-labels --counts --subset validation Food/ |
//	    sort -t "$(printf '\t')" -k 3nr | head
//	# look at all of it
//	oi-labels --dataset sample --html classes.html
//	# the children of a class, as data
//	oi-labels --json sandwich | jq -r '.children[].name'
//
// Without a QUERY, all classes are listed, sorted by name, one a line: the MID
// (Open Images' identifier), a tab, the name. With one or several, those are
// listed whose name contains one of them, without regard to case, spaces,
// underscores, hyphens, accents, apostrophes and a simple plural, or whose MID
// is one of them. CLASS/ lists the class and all kinds below it, as oi-boxes
// CLASS/ takes them. Nothing found is a failure.
//
// --counts adds how many boxes there are of each class, and how many photos
// have one, for each subset; a first line that begins with # names the columns.
// The first time, the box lists are read for that, and downloaded where they
// are not in the cache: 2.4 GB for all subsets, 25 MB for --subset validation.
//
// With --tree, the hierarchy is written as an indented text tree, kinds before
// parts, below each QUERY, which then names one class; without a QUERY below
// the top. A class with several parents stands under each of them.
//
// --html and --vega draw it as a radial tree with each class once, on the
// parent nearest to the top, lines to its other parents and from what it is a
// part of, and a disc for its boxes. --html is a page that needs nothing else,
// to search and to hover; --vega a specification for Vega 5.
//
// --check-cache looks at what all commands have downloaded of the data set,
// instead: it writes the name of each damaged file and what is wrong with it,
// removes it, and fails if there is one. The official files are held against
// their sizes and checksums; those of a mirror must have their columns, rows
// that can be read, and a last row that is complete.
//
// oi-boxes reads the list: oi-labels | fzf -m | oi-boxes -
//
// Flags:
//
//	--counts
//		add numbers of boxes and photos
//	--subset LIST
//		what is counted: a LIST of subsets (default
//		train,validation,test)
//	--image-labels
//		the classes of image-level labels, some 20,000, as oi-boxes
//		--image-labels takes them
//	--json
//		write one JSON object a line: mid, name, parents, children,
//		part_of, parts; with --counts, boxes and photos
//	--tree
//		write the hierarchy as a text tree
//	--html FILE
//		write the hierarchy with its counts to FILE, as a page to
//		look at
//	--vega
//		write the hierarchy with its counts as a Vega 5 specification
//	--check-cache
//		look for damaged downloads, name and remove them
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

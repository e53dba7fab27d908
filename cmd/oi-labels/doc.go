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
//	# the children of a class, as data
//	oi-labels --json sandwich | jq -r '.children[].name'
//
// Without a QUERY, all classes are listed, sorted by name, one a line: the MID (Open Images'
// identifier), a tab, the name. With one or several, those are listed whose name contains one of
// them, without regard to case, spaces, underscores, hyphens and a simple plural, or whose MID is
// one of them. Nothing found is a failure.
//
// With --tree, the hierarchy is written as an indented text tree, kinds before parts, below each
// QUERY, which then names one class; without a QUERY below the top. A class with several parents
// stands under each of them.
//
// oi-boxes reads the list: oi-labels | fzf -m | oi-boxes -
//
// Flags:
//
//	--tree
//		write the hierarchy as a text tree
//	--json
//		write one JSON object a line: mid, name, parents, children, part_of, parts
//	--dataset v7|v6|v5|v4|sample
//		version of Open Images: v7|v6|v5|v4|sample; sample is built in and needs no network (default v7)
//	--metadata URL|DIR
//		take the data set's files from URL|DIR, where they have the official relative paths (default https://storage.googleapis.com/openimages/) (or $OI_METADATA)
//	--cache DIR
//		keep downloaded files in DIR (default $XDG_CACHE_HOME/oi or ~/.cache/oi)
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

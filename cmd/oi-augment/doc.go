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
//	# look at them, next to their originals
//	oi-augment --preset strong --sheet variants.html < crops.oi \
//	    > variants.oi
//	# as many fresh variants of every class
//	oi-augment --balance --epochs 0 crops.oi | oi-train -o balanced
//	# make variants again from their parameters
//	oi-augment --replay variants.oi crops.oi > again.oi
//
// Reads all items, which must have tensors, and writes first the validation and
// test items, once and as they are, and then epochs of the train items: each
// epoch is a random order of all of them, each one turned, shifted, sheared,
// zoomed and flipped at random within the ranges given. The defaults are those
// of the article that this program follows. Of an item with two views both are
// changed alike, in proportion to their sizes.
//
// --preset none turns all off, light and strong choose ranges of their own; a
// range that is given wins over the preset, and the trail holds what came of
// both. The operators are applied in the order of the flags,
// random-resized-crop within the one warp, so that a picture is blurred by
// interpolation once only. --jpeg encodes by Go's image/jpeg, 4:2:0. --fill is
// Keras' fill_mode: constant is black, and wrap has a period of one pixel less
// than the side, as in SciPy.
//
// No preset is best for all. On val (266 crops of 128 pixels of four classes,
// 1,214 to train on, three seeds, mean and standard deviation over them)
// accuracy and log loss were, for a head on a frozen MobileNetV2 with three
// epochs of variants: none .850 .338, article .865 (.008) .311, light .850
// (.004) .328, strong .862 (.006) .300. For the network of oi-train, twelve
// epochs from scratch: none .742 (.018) .610, article .737 (.007) .572, light
// .737 (.020) .569, strong .733 (.023) .576. So few items leave 2 to 3 points
// of chance in an accuracy, more than most of these differ by. The log loss was
// lowest for a head with strong, and from scratch higher without variants than
// with any.
//
// A variant's record holds its parameters. --replay reads a stream of variants,
// with or without tensors, and the originals as the input, and writes that
// stream with its tensors made again; with the same originals the bytes are the
// same. Flags that say which variants to make are an error next to it.
//
// --balance makes as many variants an epoch of every class as of the largest.
// --only-set train leaves out the validation and test items.
//
// A variant depends on the seed, the item's key, the epoch and the copy alone.
// The same items and options give the same bytes, whatever the order of the
// items and at any -j.
//
// --epochs 0 goes on until the reader leaves, which is what oi-train does once
// its early stopping is reached. Items wait in memory, beyond --spool-memory in
// a temporary file. The process takes that much and some 40 MB more, for each
// of -j beyond two up to 4 MB, and a kilobyte for each item.
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
//	--preset none|article|light|strong
//		begin with ranges that are known by a name:
//		none|article|light|strong (default article)
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
//	--fill nearest|constant|reflect|wrap
//		fill places outside of the picture:
//		nearest|constant|reflect|wrap (default nearest)
//	--keras-2018
//		turn about the point that Keras did then, a pixel off the
//		middle
//	--random-resized-crop SHARE
//		keep a window of this SHARE of the area or more
//	--brightness F
//		multiply values by 1 plus or minus up to F
//	--contrast F
//		multiply distances from the mean by 1 plus or minus up to F
//	--saturation F
//		multiply distances from grey by 1 plus or minus up to F
//	--hue SHARE
//		turn hues by up to this SHARE of the circle either way
//	--grayscale SHARE
//		take the colour from this SHARE of the variants
//	--blur SIGMA
//		blur by a Gaussian of up to SIGMA pixels
//	--jpeg QUALITY
//		encode as a JPEG of QUALITY to 100, and decode
//	--cutout SHARE
//		make a square black, this SHARE of the shorter side
//	--only-set SET
//		write items of this SET only: train|val|test
//	--balance
//		make as many variants of every class as of the largest
//	--replay FILE
//		make the variants of this FILE again, from the originals
//	--sheet FILE
//		also draw originals next to variants: a JPEG FILE, or a page,
//		.html
//	--sheet-items N
//		draw N originals on the sheet (default 24)
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
//	--incomplete
//		take the shards that there are, although some of oi-boxes
//		--shard are missing
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

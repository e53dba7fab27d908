// Code generated from the flag table; DO NOT EDIT.

// oi-crop: cut boxes out of photos.
//
// Usage:
//
//	oi-crop [flags] [FILE...]
//
// Examples:
//
//	# crops of two classes, ready for oi-train
//	oi-boxes Hamburger Sandwich | oi-fetch | oi-crop > crops.oi
//	# a tenth more on each side, not stretched, no tiny boxes
//	oi-crop --context 10% --square --min-side 32 < photos.oi > crops.oi
//	# two views for a pretrained network: the crop, and what is around
//	# it
//	oi-crop --size 224 --two-views 128 < photos.oi |
//	    oi-train --backbone net.onnx
//	# look at the first sixty of them
//	oi-crop --sheet crops.jpg < photos.oi > crops.oi
//	# a page of what a model says of sixty random crops, next to the
//	# truth
//	oi-eval --emit burger.onnx crops.oi |
//	    oi-crop --sheet said.html --sheet-sample 1
//	# the data set as a folder: crops/train/Hamburger/KEY.png
//	oi-crop --dir crops < photos.oi > crops.oi
//	# the data set for WebDataset: crops/train/crops-000000.tar
//	oi-crop --tar 'crops/crops-%06d.tar' < photos.oi > crops.oi
//	# the folder as a package that others check, and read back
//	oi-crop --dir food --manifest quilt,hf,croissant,dvc < photos.oi \
//	    > crops.oi
//	oi-crop --unpack food --top-hash 1f6c04f8b2 | oi-train -o food
//	# what is in a stream
//	oi-crop --info crops.oi
//
// Reads items with fetched photos and writes them with a tensor: the pixels of
// the box, turned upright by the official rotation and scaled to --size pixels.
// The box's edges are rounded outwards to whole pixels. EXIF orientation is
// ignored, because boxes refer to the stored picture, and so are colour
// profiles: numbers are taken as they are. How many records have one, and how
// many another than sRGB's, is said at the end, and how many whole photos
// oi-eval would have turned by EXIF: turn your own photos first. The photo's
// bytes are dropped unless --keep-bytes is given.
//
// Pixels are resampled by area where a crop is smaller than its box, and
// bilinearly where it is larger. --filter nearest takes the pixel at the
// centre, as the original article's library does; bilinear the two next to it
// on each axis, also when shrinking; lanczos a windowed sinc, as Pillow. With
// any of these photos are decoded at full size. A crop is stretched to its
// size; with --square it keeps its shape: what is cut out grows to a square (to
// the shape of --size) as far as the photo goes, and the rest is padded on both
// sides: with the pixels at the edge, black, or mirrored.
//
// --two-views N adds a second view to each item, context: the crop's window
// grown by --view-context on each side as far as the photo goes, half of its
// own width and height unless that is given, and scaled to N pixels. oi-train
// --backbone learns from both together, and oi-eval then wants both. An item
// without a box, which is skipped otherwise, shows the whole photo in both
// views.
//
// A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where this leaves at least
// one and a half pixels for each pixel of the crop, both across and down. That
// takes a fraction of the time and changes values by 0.4 of 255 in the mean.
// With --scale full every photo is decoded at full size. Only the part with the
// box is decoded, but damage anywhere in the file is found. Boxes of one photo
// that follow one another share the work.
//
// When the stream's header names a single class, each item also gives one
// background window: a piece of like size of the same photo, three quarters or
// half of it where there is no more room, that overlaps neither the item's box
// nor another box of the class, under the label "background". With one class
// and no background there would be nothing to tell apart. --background N cuts
// up to N of them for each box, which do not overlap one another either.
//
// --dir, --tar, --sheet, --attribution and --info look at a stream; all but the
// last pass the items on as well. They also take items that have a tensor and
// no photo, and what oi-augment made, which they pass on as they are: an option
// that would cut them otherwise is an error.
//
// --attribution writes who made the photos, and under which licence: each photo
// once, as CSV, as a page if FILE ends in .html, or as plain text if in .txt.
// Next to --info it takes any stream, and needs no bytes of a photo. Pieces
// (--part) are joined before.
//
// On the sheet stand the first --sheet-items items; with --sheet-sample random
// ones, which follow from their keys and the seed alone, so that a larger sheet
// has those of the smaller one too; with --sheet-per-class that many of each
// class, those of a class together. A photo is shown with its box, a crop next
// to it, and below them label, set, key and, in a stream of oi-eval --emit, the
// prediction. A name that ends in .html makes a page that needs nothing else,
// with all letters of all languages, the photo's author and keys that a click
// marks.
//
// The folder of --dir is read as it is by torchvision's ImageFolder and Keras,
// a set at a time, and as a whole by Hugging Face's imagefolder; oi-crop ends
// with the lines that do. Every class has a folder in every set, so that
// programs that number classes by their folders give them the same numbers in
// each: those of the lines of classes.txt. One without pictures holds a file
// .keep, and is named: torchvision's ImageFolder takes it with allow_empty=True
// only. In each set metadata.csv says of every picture what is known: label,
// key, box, the window in the photo, author, licence and addresses; what is not
// known is -1, or "unknown". A PNG has the very pixels of the stream; --format
// jpg takes less room. Names are good ones on Windows and macOS, too, and two
// that would be one there are refused.
//
// The folder's file .oi.json says which run it is of. The same run, its pieces
// and its shards may add to it, also at the same time, and leave what one run
// alone leaves; another run is refused, unless --force is given. A file that is
// there already and has other bytes is an error in any case, and one with the
// same bytes is none: what a killed run has left the same line completes.
//
// --manifest describes the folder when it is complete. hf is a Hugging Face
// data set card, README.md in it; croissant is Croissant 1.1 metadata,
// croissant.json in it, with the date of SOURCE_DATE_EPOCH, or else that of the
// annotations; dvc is DIR.dvc next to it, as "dvc add DIR" writes it; quilt is
// DIR.quilt.jsonl, the manifest of a Quilt 3 package, with the addresses of the
// files on this machine, or below quilt=s3://BUCKET/ME/NAME. The top hash,
// which is printed, covers all files and does not depend on where they are. To
// push the package, and to install it elsewhere, with HASH the whole top hash:
//
//	Q=s3://BUCKET/.quilt
//	aws s3 cp --recursive DIR s3://BUCKET/ME/NAME
//	aws s3 cp DIR.quilt.jsonl $Q/packages/HASH
//	printf %s HASH >latest
//	aws s3 cp latest $Q/named_packages/ME/NAME/latest
//
//	hash=$(aws s3 cp $Q/named_packages/ME/NAME/latest -)
//	aws s3 cp --recursive s3://BUCKET/ME/NAME DIR
//	aws s3 cp $Q/packages/$hash DIR.quilt.jsonl
//	oi-crop --unpack DIR --top-hash $hash | oi-train
//
// --unpack writes the stream that a complete folder of PNGs was made of: the
// same items, sets, pixels and trail, without the photos' bytes and what
// metadata.csv does not say. A model that is trained on it has the same
// weights. A picture that metadata.csv does not name is an error. Where
// DIR.quilt.jsonl lies next to the folder, it must hold the files of that
// manifest, all, no others and with their bytes; with --top-hash, of six digits
// or more, the manifest must have that hash.
//
// --tar writes tar files in WebDataset's form, DIR/SET/NAME-000000.tar and so
// on, of at most --tar-size bytes and --tar-count samples. A sample is KEY.png
// (or .jpg), KEY.json, the item without its pixels as --json writes it, and
// KEY.cls, the number of its class by classes.txt beside the files, from 0.
// Samples stand in the order of the stream. The files appear when the stream is
// through; the same run writes the same bytes at any -j, and replaces what it
// wrote before. Files of another run are refused, unless --force replaces them;
// files of a run that are no longer written are removed, and named. A piece
// (--part) replaces nothing: give each a NAME of its own.
//
// A photo that is damaged or uses a feature of its format that is not read, a
// box outside the photo or without area, and a box for which more than
// --max-pixels would be decoded are skipped. A JPEG is damaged where its data
// has fewer or more blocks than the picture, as after a hole; bytes after its
// end do no harm.
//
// --max-pixels counts the pixels that are decoded: of a JPEG those of the part
// that is wanted, at 1/2, 1/4 or 1/8 of its size where that is enough; of a PNG
// or a WebP all. Decoding takes 2 to 4 bytes of memory for each of most photos,
// 6 to 12 for an interlaced PNG, 8 to 12 for a WebP without loss or with
// transparency, for a progressive JPEG 32 MB more and up to half a byte for
// each pixel of the whole photo, and for a large PNG that is not interlaced a
// few rows. A photo that has more than 1000 megapixels by its header is left
// out in any case.
//
// Several photos are decoded at a time while they take no more than
// --decode-memory together, which a photo with its window is known to take
// before it is decoded. One that alone takes more is skipped as "too much
// memory". With the default oi-crop takes about 150 MB in all at most.
//
// A record that fails is skipped and counted by its reason. --max-skips says
// how many may be: N, or N% of the records that came in, which is looked at
// after 200 of them and at the end; with "from M", as in the default, not at
// the end of fewer than M. If all that came in was skipped, that is a failure
// whatever the limit; what a filter removes is not skipped. The stage then
// exits with 1 and writes no end, so that the stages after it fail too.
//
// With --part none of this makes it fail, because a piece may be three photos:
// its output carries the counts and the limit. Whichever command reads the
// joined pieces, oi-crop --info among them, holds their sums to the limit, to
// the strictest where they differ, and fails if all was skipped. Pieces of
// plain JSON cannot be joined: each is judged alone. A file of its own, as of
// --failures, has a name for each job, such as failed{#}.json, or is put in a
// folder, failed/.
//
// Flags:
//
//	--size N
//		scale crops to a square of N pixels a side, or to
//		WIDTHxHEIGHT (default 128)
//	--context FRACTION
//		grow the box on each side by this FRACTION of its own width
//		or height, such as 0.1 or 10%
//	--two-views N
//		add a second view with more of the photo around the box, the
//		context, scaled to a square of N pixels a side, or
//		WIDTHxHEIGHT
//	--view-context FRACTION
//		with --two-views, grow what the crop shows by this FRACTION
//		of its own width or height on each side (default 0.5)
//	--square
//		keep the shape of what is cut out: grow it to a square, or
//		the shape of --size, and pad what the photo lacks
//	--pad edge|black|reflect
//		with --square, pad by edge|black|reflect (default edge)
//	--filter area|bilinear|nearest|lanczos
//		resample by area|bilinear|nearest|lanczos; area is bilinear
//		where it grows (default area)
//	--min-side N
//		remove boxes whose shorter side has fewer than N pixels in
//		the photo
//	--scale auto|full
//		decode a JPEG auto|full: reduced as far as the crop allows,
//		or at full size (default auto)
//	--background auto|always|never
//		cut background windows: auto|always|never, or a number of
//		them for each box; auto is one if the stream names one class
//		(default auto)
//	--keep-bytes
//		pass the photos' bytes on as well
//	--max-pixels N
//		leave out photos of which more than N pixels are decoded
//		(default 100000000)
//	--decode-memory BYTES
//		decode photos within so many BYTES in all; leave out one that
//		takes more (default 96MiB)
//	--dir DIR
//		also write crops as picture files to DIR/SET/CLASS/KEY.png
//	--format png|jpg
//		write the pictures of --dir and --tar as png|jpg (default
//		png)
//	--quality Q
//		write JPEG files of quality Q, 1 to 100 (default 95)
//	--tar DIR/NAME-%06d.tar
//		also write crops for WebDataset, to DIR/SET/NAME-000000.tar:
//		DIR/NAME-%06d.tar
//	--tar-size BYTES
//		let a file of --tar have so many BYTES, such as 500M or 1G
//		(default 1GiB)
//	--tar-count N
//		let a file of --tar have N samples (default 10000)
//	--force
//		add to the --dir of another run, or replace its --tar
//	--sheet FILE
//		also draw the first photos and their crops on one picture,
//		the JPEG FILE, or a page, .html
//	--sheet-items N
//		draw N items on the sheet (default 60)
//	--sheet-per-class
//		draw that many items of each class
//	--sheet-sample SEED
//		draw a random sample, of SEED 1 or more, in place of the
//		first items
//	--manifest quilt|hf|croissant|dvc
//		describe the folder of --dir as quilt|hf|croissant|dvc, or
//		quilt=s3://BUCKET/PATH; may be repeated
//	--unpack DIR
//		write the stream that the folder DIR of --dir was made of
//	--top-hash HASH
//		with --unpack, fail unless the folder is the Quilt package of
//		top hash HASH
//	--attribution FILE
//		also write the credits of the photos to FILE, as .csv, .html
//		or .txt
//	--info
//		describe the stream on standard output instead, with --json
//		as data
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
//	--max-skips N
//		fail beyond this N or N% of skipped records (default 25% from
//		20)
//	--failures FILE
//		keep skipped items in FILE, as JSON that can be fed back in
//	--part
//		work on a piece cut by GNU parallel, which may lack its end
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

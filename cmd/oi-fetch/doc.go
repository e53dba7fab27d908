// Code generated from the flag table; DO NOT EDIT.

// oi-fetch: get the photos of items.
//
// Usage:
//
//	oi-fetch [flags] [FILE...]
//
// Examples:
//
//	# photos of two classes, from the public mirror
//	oi-boxes --subset validation Hamburger Sandwich |
//	    oi-fetch > photos.oi
//	# from a folder first, the rest from the mirror
//	oi-fetch --images photos,s3 < boxes.oi > photos.oi
//	# from a folder that OIDv4_ToolKit has filled
//	oi-fetch --images 'OID/Dataset/{subset}/{class}' < boxes.oi \
//	    > photos.oi
//	# once more for what failed
//	oi-fetch --failures failed.json < boxes.oi > photos.oi
//	oi-fetch --images flickr --rate flickr=0.5 < failed.json > more.oi
//	# what failed, by source and status
//	jq -r \
//	    'select(.failure) | .failure | "\(.source) \(.status) \(.reason)"' \
//	    failed.json | sort | uniq -c
//	# photos with boxes for a detector
//	oi-fetch --photos food --annotations yolo < boxes.oi > photos.oi
//	# whom to thank
//	oi-fetch --attribution credits.html < boxes.oi > photos.oi
//
// Reads items and writes them with the bytes of their photo, in the same order.
//
// --images says where photos come from: s3, the public mirror of all photos
// with boxes; flickr, the address in the image list; thumbnail, the small one
// there; a URL, to which SUBSET/ID.jpg is appended or in which {subset}, {id}
// and {class} are filled in; or a folder. Several, separated by commas, are
// tried in order; each record says which one served, and why those before it
// did not. Photos of the built-in sample are painted here and need no source.
//
// A folder has photos as SUBSET/ID.jpg or ID.jpg; .jpeg, .JPG, .JPEG, .png and
// .webp are tried after .jpg, in this order. Another layout is named by a
// template, which takes the same placeholders: 'DIR/{subset}/data/{id}.jpg' is
// FiftyOne's, 'DIR/{subset}/{class}' that of OIDv4_ToolKit and oidv6. Where it
// does not end in a file's ending, all of them are tried; {class} is the
// label's name as it is, with underscores, or in lower case. Links in a folder
// are followed wherever they lead.
//
// A photo is asked for once, however many boxes it has, and kept in the cache:
// a second run asks nobody, and of runs at the same time one asks for the
// others too. Beyond --cache-size the photos used longest ago leave the cache;
// where less than 1 GiB of its disk is free photos are passed on and not kept.
// --verify-cache reads all of it, removes what is damaged, and fails if there
// was any.
//
// --share-bytes is for a pipe in which oi-crop reads what oi-fetch writes: of
// items in a row that are of one photo only the first carries it, and the
// others name that item. What reads such a stream gives them the photo back,
// and fails where the item before them is gone. It does not go with --json and
// --part.
//
// --timeout bounds a whole transfer. A transfer that fails in a way that may
// pass is tried again, --retries times, with growing pauses. A host that
// answers 429 or 503 gets the pause it asks for, and fewer requests after it.
// What a server keeps from being learnt from, by X-Robots-Tag: noai or
// noimageai, is not taken. --shared-rates names a folder in which several
// oi-fetch, of one machine or of many, keep to --rate and to these pauses
// together.
//
// What came is a photo only if the transfer was complete, it is a JPEG, PNG or
// WebP, its header reads and names no feature that oi-crop does not read, it is
// within --max-pixels and has its end, and it is not Flickr's notice that the
// photo is no longer available. An original from Flickr must also have the size
// and MD5 of the image list, because the boxes were drawn on that one. --check
// full decodes every photo as well, and so finds a hole in it.
//
// --max-pixels counts the pixels that are decoded: of a JPEG those of the part
// that is wanted, at 1/2, 1/4 or 1/8 of its size where that is enough; of a PNG
// or a WebP all. Decoding takes 2 to 4 bytes of memory for each of most photos,
// 6 to 12 for an interlaced PNG, 8 to 12 for a WebP without loss or with
// transparency, for a progressive JPEG 32 MB more and up to half a byte for
// each pixel of the whole photo, and for a large PNG that is not interlaced a
// few rows. A photo that has more than 1000 megapixels by its header is left
// out in any case. Here a JPEG counts by its size at 1/8, the least that
// another command decodes of it; oi-fetch itself makes no pixels of it, and
// without --check full of no photo.
//
// Addresses in the stream may not lead to this machine or its private network;
// --allow-host makes an exception. A photo that cannot be had is skipped and
// counted by reason; --failures keeps those items, each with its reason,
// source, HTTP status, number of tries and seconds.
//
// --attribution writes who made the photos that came through, and under which
// licence: one line a photo, as CSV, as a page if FILE ends in .html, or as
// plain text if in .txt. oi-crop and oi-eval have it too: of streams whose
// photos are gone, and of models.
//
// --photos writes the photos to a folder with their boxes, as detectors are
// trained from: each photo once, however many boxes it has. --annotations coco
// is images/SET and annotations/instances_SET.json; yolo is images/SET,
// labels/SET and data.yaml; voc is JPEGImages, Annotations and ImageSets/Main,
// as in VOC2007. Photos whose records name no set are in SET all. The records
// are passed on as without it; on a terminal they are not shown. In the folder,
// README.md says what is there and what was left out, and credits.csv whom to
// thank.
//
// The bytes of photos stay as they came, with two exceptions, which are
// counted. Boxes refer to the photo as it is stored, and other programs turn it
// by its EXIF orientation, so one other than 1 is set to 1 in the file. Where
// the image list has a Rotation, the photo and its boxes are rotated, and it is
// encoded again, as a JPEG of quality 95.
//
// Boxes around groups (--group-of drop|keep) are crowds in COCO and difficult
// in VOC; YOLO has no word for them, so there they are dropped unless kept.
// Boxes outside the photo or without area are left out and counted. A label of
// a whole photo (oi-boxes --image-labels) is no box: it exports nothing, unless
// it is one of --negatives, a photo that is verified to be without the classes.
// Where boxes of the request are missing in photos of the export, as after
// --limit or a filter of oi-boxes, that is said: a detector learns these
// objects as background.
//
// The files of annotations need all items, and are the same in whatever order
// they came. So pieces and shards are joined before, and the folder of another
// run is refused; --force replaces that run's files. A run that was interrupted
// is completed by the same line. While it runs, the boxes are in a temporary
// file in the folder, 50 bytes each, and memory takes some 400 bytes a photo.
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
//	--images LIST
//		get photos from s3, flickr, thumbnail, a URL or a folder, or
//		a LIST of these (or $OI_IMAGES) (default s3,flickr)
//	--cache DIR
//		keep photos below DIR instead of $XDG_CACHE_HOME/oi or
//		~/.cache/oi (or $OI_CACHE)
//	--cache-size BYTES
//		let the cache have this many BYTES, such as 500M or 50G; 0 is
//		no limit (default 50GiB)
//	--verify-cache
//		check every photo in the cache, and do nothing else
//	--offline
//		ask nobody: use folders and the cache only
//	--check header|full
//		check each photo's header and end, or with full decode it:
//		header|full (default header)
//	--max-pixels N
//		leave out photos of which more than N pixels are decoded
//		(default 100000000)
//	--timeout TIME
//		give up a transfer after this TIME (default 1m0s)
//	--retries N
//		try a failed transfer N times more (default 5)
//	--rate N
//		send at most N requests a second to each host, or HOST=N; 0
//		is unlimited (default flickr=1)
//	--shared-rates DIR
//		keep to --rate together with all that name this folder DIR,
//		on this machine or others
//	--connections N
//		open at most N connections to each host (default 32, to
//		Flickr 4)
//	--allow-host HOST
//		let addresses in the stream lead to HOST or HOST:PORT though
//		it is private
//	--ignore-robots
//		take photos that X-Robots-Tag forbids to learn from
//	--attribution FILE
//		write the credits of the photos that came through to FILE, as
//		.csv, .html or .txt
//	--share-bytes
//		let the first of the items in a row that are of one photo
//		carry it for all of them
//	--photos DIR
//		also write the photos and their boxes for detectors to DIR
//	--annotations coco|yolo|voc
//		the form of the boxes in --photos: coco|yolo|voc
//	--group-of drop|keep
//		drop|keep boxes around groups in --photos (default keep, for
//		yolo drop)
//	--force
//		replace the --photos of another run
//	-j, --jobs N
//		work on N records at once; the output does not depend on it
//		(default 32)
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

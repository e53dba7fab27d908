// Code generated from the flag table; DO NOT EDIT.

// oi-eval: try a model on pictures.
//
// Usage:
//
//	oi-eval [flags] MODEL [FILE...]
//
// Examples:
//
//	# how good is it, on pictures it has never seen?
//	oi-eval burger.onnx crops.oi
//	# what is this?
//	oi-eval burger.onnx lunch.jpg dinner.jpg
//	# and all of these?
//	oi-eval burger.onnx photos/
//	# a page, and an exit code for a script
//	oi-eval --report burger.html --require 'accuracy>=0.8' burger.onnx \
//	    < crops.oi
//	# is the new model as good as the old one was on the same items?
//	oi-eval --baseline burger.json --no-worse-than 0.02 new.onnx \
//	    < crops.oi
//	# the answers as JSON, one item a line
//	oi-eval --emit --json burger.onnx crops.oi |
//	    jq -c '[.key, .label.name, .prediction.label]'
//	# what does a network of others answer?
//	oi-eval --labels imagenet.txt --normalize imagenet resnet50.onnx \
//	    lunch.jpg
//	# what a pretrained network sees in the pictures, as numbers to
//	# compare
//	oi-eval --embed mobilenetv2 crops.oi >embedded.oi
//	# ten nearest neighbours, no training
//	oi-eval --neighbours 10 embedded.oi
//	# a page to try it in a browser, or to send to somebody
//	oi-eval burger.onnx --demo burger-demo.html
//	# whom to thank for the photos that it was made from
//	oi-eval --attribution credits.html burger.onnx
//	# a script that makes the model again
//	oi-eval --recipe burger.onnx > burger.sh
//	# what is in the model?
//	oi-eval --info burger.onnx
//
// Reads items with tensors and labels, asks the model MODEL (an .onnx file of
// oi-train, or another with --labels) about each, and prints scikit-learn's
// classification report. Without --set it is about the test items, or the
// validation items where there are none for the test; where neither is there,
// it is about the items that carry no set.
//
// Of photos it says what each shows. A photo is turned by its EXIF orientation
// and made a square as the crops were that the model was trained on: stretched,
// or padded where oi-crop --square was used.
//
// Items whose photo the model was trained on are left out and counted, unless
// --set asks for train. The same image id or the same bytes is the same photo;
// models of older versions remember bytes alone, and where a model remembers
// nothing, that is said. All items are read before the first answer, as the
// last one may show that the photo of the first is one of those, except with
// --emit alone where the model remembers nothing; they wait in memory, beyond
// --spool-memory in a temporary file. An item that comes twice among those that
// are judged is an error.
//
// FILEs are streams or pictures, told by their first bytes, or folders; - is
// standard input, and a FILE may be a pipe. For pictures (JPEG, PNG or WebP)
// each gives one line: the file, the label, and the probability of every class.
// The whole picture is turned as its EXIF orientation says and scaled to the
// model's size, as oi-crop scales a box. In place of the label stands "unsure"
// where no class reaches the threshold that oi-train --unsure wrote into the
// model. For a model of two views, both are the whole picture.
//
// A folder stands for the pictures in it and in all folders below it, in the
// order of their names. Names that begin with a dot are passed over, and so are
// files that are no pictures, neither by their first bytes nor by a name such
// as x.jpg; links are followed, and a folder that several lead to is entered
// once. A file that is missing, empty or damaged, or only called a picture, and
// a folder without any, is a warning; the others are answered for, and the exit
// code is 1.
//
// --max-pixels counts the pixels that are decoded: of a JPEG those of the part
// that is wanted, at 1/2, 1/4 or 1/8 of its size where that is enough; of a PNG
// or a WebP all. Decoding takes 2 to 4 bytes of memory for each of most photos,
// 6 to 12 for an interlaced PNG, 8 to 12 for a WebP without loss or with
// transparency, for a progressive JPEG 32 MB more and up to half a byte for
// each pixel of the whole photo, and for a large PNG that is not interlaced a
// few rows. A photo that has more than 1000 megapixels by its header is left
// out in any case. They are decoded one at a time.
//
// --emit writes the items with their predictions instead of the report: those
// of the sets val and test and those without a set, or those of --set, also
// where the model was trained on the photo, with prediction.seen. --require
// sets the exit code: 1 if a figure is not reached. Figures are accuracy,
// log_loss, macro_precision, macro_recall, macro_f1, weighted_precision,
// weighted_recall, weighted_f1, and precision[CLASS], recall[CLASS] and
// f1[CLASS]. The 95 % interval of the accuracy is found by author, or by photo
// where he is not known, because their pictures resemble each other; fewer than
// 10 of them are too few to judge a model by.
//
// MODEL may also be the name of a network that oi-train --backbones lists,
// where no file has that name. It is downloaded once, after size and licence
// were said, verified, and kept in the cache; what it wants done to the bytes
// is known then.
//
// --report FILE.json lists the items that were judged, each with its answer;
// more than 20,000 of them go to FILE.items.zst next to it, which the report
// names with its SHA-256, and which --baseline FILE.json reads too. --cam draws
// into --report FILE.html, next to each mistake and confident right answer,
// where in the picture the answer comes from: its class activation map, for
// networks that end in a mean over places and a linear layer. --unrelated FILE
// asks about pictures that are to show none of the classes, and reports how
// many get an answer of at least the model's threshold, or 0.8 where it has
// none: FILE is a picture, a folder, a stream of crops or -. Items of a stream
// that are labelled with a class of the model are left out, and counted.
//
// --info describes MODEL: what it was trained on, by whom and how well it did.
// Of an ONNX model that oi-train did not write it tells the inputs, the outputs
// and the operators, and which of its values would serve as features of a
// picture.
//
// --demo writes one page that has the model inside and answers for photos that
// are chosen, dropped or pasted, in any current browser, opened from a disk or
// from a server. It works without a network and may not open a connection: no
// photo leaves the machine. Its probabilities are those of oi-eval for the same
// file, to 1e-5. It shows the figures and the licences that the model carries,
// and does not contain the list of the photos that it was trained on. Models of
// more than 100 MB are refused. For a model that oi-train did not write
// --labels names the answers; without, they have numbers.
//
// --recipe prints a script for a POSIX shell that makes a model of oi-train
// again and checks it: "sh burger.sh" from the query alone, "sh burger.sh
// STREAM.oi" from a stream of any stage that was kept, "sh burger.sh FOLDER"
// from a folder of oi-crop --dir. It has the options, seeds and versions of all
// commands, the MD5s of the official annotation files as far as they are known,
// and what oi-train --expect compares with. Other versions, annotations, items
// or another network, and what a model does not say (a filter of plain JSON, a
// folder of photos), are the first thing that it says, and then it ends with 3
// before anything is trained. Read it before you run one that somebody has sent
// you.
//
// --attribution takes models of oi-train, reports (.json, .items.zst) and
// streams, and writes who made their photos, and under which licence: each
// photo once, as CSV, as a page if FILE ends in .html, or as plain text if in
// .txt. Of a model and the report of its training these are the photos of all
// items that were used, of a report of oi-eval those that were judged. They
// list up to 50,000 photos, those of older versions none: the stream that was
// trained on has them all.
//
// --labels names the answers of a classifier that oi-train did not write: a
// name on each line, or JSON (an array, or an object from numbers to names).
// The output that has as many answers is taken, and a softmax added if it has
// none. What it wants done to the bytes of a picture is found in
// preprocessor_config.json or timm's config.json next to it, if it is a known
// network, or said by --normalize; with the wrong one it answers badly, which a
// few photos show. Pictures have the side that it declares, or 224 pixels;
// crops keep theirs where it works at that.
//
// --embed takes any network in ONNX as MODEL, or a model of oi-train, and
// writes the items with embeddings: what the network makes of the picture
// before it answers, and of its context where items have two views. A model
// that was trained on two views has two inputs, and makes none. The numbers are
// rounded to float16 unless --embedding-dtype says otherwise, tensors are
// dropped unless --keep-tensor is given, and the pictures may have another side
// than the network declares if it works at theirs, which is said. Only
// embeddings can be compared that the same network made with the same
// treatment, of pictures that were cut with the same options: anything else in
// one stream is an error, and so is a number that is not finite or beyond
// 65504. Items that have the same embedding already keep it. With --part it
// works on pieces, on one machine or several.
//
// A model of oi-train --backbone also answers for items that have an embedding
// by its own backbone and no tensor, of pictures cut as those that it was
// trained on; pixels and embeddings in one stream are an error. Without pixels
// the report shows no pictures.
//
// --neighbours takes no MODEL: all arguments are streams of items with
// embeddings. Each item of the set test (or val, or --set) is answered for by
// the K items of the set train that are nearest to it, by the cosine between
// the embeddings, and of other photos; the class with the most votes is the
// answer, and the report says how often it is right; --report, --json,
// --baseline and --require work as with a model. With --emit all items are
// written, with prediction, and in it neighbours, an array of {key, label,
// similarity}, the nearest first: a label that none of them shares is worth a
// look. The vectors of the train items are in memory, 4 bytes a number.
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
//	--set SETS
//		use the items of these SETS: train, val (or validation), test
//	--emit
//		write the items with their predictions instead of the report
//	--report FILE
//		also write the report to FILE, by its ending .html, .json or
//		.md; may be repeated
//	--require accuracy>=0.9
//		exit with 1 unless a figure is reached, such as
//		accuracy>=0.9; may be repeated
//	--baseline FILE.json
//		compare with another model, whose report is FILE.json, on the
//		items that both were judged by
//	--no-worse-than MARGIN
//		exit with 1 unless the accuracy is surely less than MARGIN
//		below the baseline's
//	--cam
//		draw into the page where in the pictures the answers come
//		from
//	--unrelated FILE
//		also report how sure the model is of pictures, a folder or
//		stream FILE, that show none of its classes; may be repeated
//	--attribution FILE
//		write the credits of the photos of a model, report or stream
//		to FILE, as .csv, .html or .txt, and do nothing else
//	--recipe
//		print a shell script that makes the model again and checks it
//	--info
//		describe the model instead
//	--demo FILE.html
//		write a page, FILE.html, that has the model inside and
//		answers for photos in a browser, offline
//	--batch N
//		ask about N pictures at once; the answers do not depend on it
//		(default 32)
//	--spool-memory BYTES
//		keep up to this many BYTES of items in memory, the rest in a
//		temporary file (default 1GiB)
//	--repeats error|drop
//		an item that comes twice is an error, or all but one are
//		dropped: error|drop (default error)
//	--incomplete
//		take the shards that there are, although some of oi-boxes
//		--shard are missing
//	--max-pixels N
//		leave out photos of which more than N pixels are decoded
//		(default 100000000)
//	--top N
//		of a picture, print the N most probable answers alone
//		(default all, with --labels 5)
//	--labels FILE
//		ask a model that oi-train did not write, whose answers have
//		the names in FILE, one a line
//	--normalize CHOICE
//		what a foreign model wants done to the bytes: CHOICE is
//		imagenet, -1..1, 0..1, 0..255, caffe-bgr, clip or MEAN/STD on
//		0..1, such as 0.5,0.5,0.5/0.25,0.25,0.25
//	--channels ORDER
//		the ORDER in which it wants the channels, rgb or bgr
//	--embed
//		write the items with what the network makes of their
//		pictures, without their tensors
//	--features NAME
//		embed by the value NAME of the network
//	--embedding-dtype TYPE
//		round the numbers to this TYPE, float16 or float32 (default
//		float16)
//	--keep-tensor
//		with --embed, keep the tensors as well
//	--neighbours K
//		without a model: answer by the K train items whose embeddings
//		are nearest
//	--cache DIR
//		keep downloaded networks in DIR (default $XDG_CACHE_HOME/oi
//		or ~/.cache/oi) (or $OI_CACHE)
//	--offline
//		use networks of the cache only, and never the network
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

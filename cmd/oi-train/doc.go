// Code generated from the flag table; DO NOT EDIT.

// oi-train: train an image classifier.
//
// Usage:
//
//	oi-train [flags] [FILE...]
//
// Examples:
//
//	# the whole way, on the built-in drawings
//	oi-boxes --dataset sample Hamburger Sandwich | oi-fetch | oi-crop |
//	    oi-train -o burger
//	# fresh variants of the pictures in every epoch
//	oi-augment --epochs 0 crops.oi | oi-train -o burger
//	# one class, told from the background of its photos
//	oi-boxes --dataset sample Hamburger | oi-fetch | oi-crop | oi-train
//	# a linear head on the features of a pretrained network: most
//	# accurate
//	oi-train --backbone mobilenetv2 -o burger crops.oi
//	oi-train --backbone my.onnx --normalize=-1..1 -o burger crops.oi
//	# a small network that learns from the answers of a large one as
//	# well
//	oi-train --backbone mobilenetv2 --fine-tune auto -o large crops.oi
//	oi-augment --epochs 0 crops.oi |
//	    oi-train --teacher large.onnx -o small
//	# the network of the original article
//	oi-train --arch reference -o article crops.oi
//	# say "unsure" rather than be wrong more than five times in a
//	# hundred
//	oi-train --calibrate --unsure 95% -o burger crops.oi
//	# which labels are wrong? look at burger.suspects.html, and leave
//	# them out
//	oi-train --suspects 100 --backbone mobilenetv2 -o burger crops.oi
//	oi-boxes Hamburger Sandwich --exclude-ids burger.suspects.txt
//	# does the same data still give the same weights?
//	oi-train -o again --expect burger.json crops.oi
//	# go on with a run that was interrupted or killed
//	oi-train --resume -o burger crops.oi
//
// Reads items with tensors and labels, trains a convolutional network on those
// of the set train, stops when the loss on the set val gets no better, and
// tries the best weights on the set test (on val where there is no test). The
// classification report, the accuracy with its 95 % interval, and notes on what
// limits them go to standard output; NAME.onnx is the model, NAME.html a page
// about it, NAME.json the same as data. More than 20,000 answers are listed in
// NAME.items.zst.
//
// Pictures of one author resemble each other, so the interval is found by
// author, or by photo where he is not known. It says how many of them there
// were; fewer than 10 are too few to judge a model by.
//
// The network is a small residual one of 3x3 convolutions with standardised
// weights, trained with smoothed labels; what is validated and kept is the
// average of its weights over the last thousand steps or so. Muon changes the
// convolutions (Jordan and others, 2024: momentum whose singular values are
// made equal), Adam all else; --optimizer adam does so alone, and needs two to
// three times the epochs. The learning rate stays the same, so that nobody has
// to know beforehand how long training will last. Who does know may lower it:
// with --lr-schedule linear --epochs 60 it falls by a sixtieth of --lr after
// each epoch, and training goes on to the last one unless --patience is given,
// too. --arch wide-residual has half as many channels again, 1.1 million
// weights: it takes up to twice as long, and gains a little where there is a
// teacher or many items. --arch reference trains the network of the original
// article as it was trained there: faster, and less accurate.
//
// --cutmix SHARE pastes into SHARE of the pictures a rectangle of the next one
// in the batch, of up to half their area, and mixes their labels as the areas
// are (Yun and others, CutMix, 2019). So a network from scratch learns its
// items by heart later, and long training goes on gaining: give it more
// --epochs, and a rate that falls. A teacher is asked about the mixed picture.
// On the 16 classes below, of 128 pixels, with oi-augment --preset light
// --random-resized-crop 0.4 --brightness 0.3 --contrast 0.3 --saturation 0.3, a
// share of 0.5, --lr-schedule linear, --weight-decay 0.2 and 60 epochs,
// accuracy came to .763 on val and .778 on test, the means of three seeds; with
// a constant rate and the usual decay to .731 and .769 (one seed); by Adam to
// .723 and .747 in 69 epochs, and without CutMix to .717 and .730 in 58.
//
// --backbone takes a pretrained image network in ONNX, a file or a name that
// --backbones lists, computes the features of every picture once, and fits a
// multinomial logistic regression to them: on the few pictures that there are
// of a class it makes half the mistakes of a network from scratch, in a tenth
// of the time. NAME.onnx then holds both, network and head, and takes the same
// pixels. The strength C of the penalty is the one with the lowest log loss on
// val, of six that are tried from the strongest penalty on until the loss
// rises; without val it is chosen by cross-validation on train, in which no
// author is divided; where a class has too few items for that, the middle one
// is taken. One item a class will do. Of more than 50,000 train items, the
// strength is chosen on a sample of so many, and the fit to all of them starts
// from there. Variants of oi-augment are used as they come, three epochs of
// them if it makes any number and --epochs does not say; they gain little.
//
// --teacher MODEL.onnx distils: the network that is trained from scratch learns
// from the labels and from what MODEL, which oi-train wrote, says of each
// picture, every variant of oi-augment included. With a temperature T and the
// teacher's share A the loss is (1-A) times that of the labels plus A T² times
// the divergence of both answers, their logits divided by T (Hinton, Vinyals
// and Dean, 2015), plus --teacher-features times the distance of both's
// features (Romero and others, FitNets, 2015). These are what the teacher's
// last linear layer reads: where that is a mean over the picture, what is at
// each place of it, so that a thousand numbers at some places say what is to be
// seen, and where. The student's own are turned into them by a convolution of
// 1x1, a part of training only. The distance is the mean square, and the
// teacher's features are divided by the root of theirs, in each picture. --arch
// reference has no mean over places and learns from the answers alone, as does
// --teacher-features 0. The model needs neither teacher nor backbone and is as
// small as without. The teacher must know all of the classes; what it says of
// others is left out. It is of one view and of pictures of the same size.
// Without oi-augment it is asked once about an item. What is validated goes by
// the labels alone. A teacher that was trained on photos of val or test is
// refused, and so is a backbone of oi-train. The model has the teacher's
// SHA-256, which --resume and --expect compare. Teach long, with --cutmix and
// --lr-schedule linear: on 16 classes (4,772 items to train on), with a
// fine-tuned MobileNetV2 as the teacher, of .841 on val and .863 on test, and
// all else as --cutmix is described with, 60 epochs of seeds 1 and 2 came to
// .800 and .794 on val and to .813 and .793 on test; with --arch wide-residual,
// and a teacher of .848 on val, seeds 1 to 3 came to .816 on val and to .827 on
// test, in the mean, log loss .637 in place of .703, and in 80 epochs to .821
// and .827, log loss .624. An epoch takes 1.5 times as long as without a
// teacher.
//
// Of items with two views (oi-crop --two-views), the head is fitted to the
// features of both, one after the other. NAME.onnx then has two inputs, image
// and context, which may differ in size, and the weights of the network once;
// oi-eval wants items with both, or with embeddings of both. Training from
// scratch takes items of one view. With a MobileNetV2 on 16 classes, accuracy
// on val and on test, means of three divisions: 128 px .846 .824, and with a
// context of 128 .868 .838; 224 px .861 .838, with 128 .878 .850, with 224 .882
// .868.
//
// --fine-tune LAYERS trains the last layers of the backbone (convolutions and
// dense layers; at least so many of them, since it is divided where one value
// is passed on) together with the head, from where both are: auto is three
// tenths of them. Each epoch is one of oi-augment, or all items; without
// oi-augment there are six, or --epochs. AdamW (--lr 0.0003, --batch 32,
// --weight-decay 0.05), a rate that grows and then falls as a cosine does,
// labels smoothed by a tenth, and the average of the weights. What comes before
// the layers computes each picture once; its maps are kept in NAME.ckpt next to
// the features and rounded as these are (--embedding-dtype). Normalization
// stays as it was, folded into the layers. The epoch with the lowest log loss
// on val is taken, and if none is better than the head alone, that; the report
// has both. A layer that has no gradient here is an error that names it.
// NAME.tune.ckpt keeps the epochs for --resume. The features of such a model
// are not those of the backbone any more, and the model says so. Of two views
// the layers work on both, with the same weights.
//
// --calibrate divides the logits by the number that gives val the lowest log
// loss, so that of the answers of 0.8 about eight in ten are right; which
// answer is given does not change. The labels of N items count as true by
// (N+1)/(N+2), so that a few that are all right do not make the model sure of
// everything. --unsure writes a threshold into the model: below it oi-eval says
// "unsure" of a photo, and marks the prediction of an item. It is a number, or
// a rule by which one is chosen on val alone. 95% or precision=0.95 is the
// lowest threshold above which as many of the answers are right,
// precision[Cake]=0.95 the lowest where as many of the answers Cake are.
// recall=0.8 is the highest by which as many of all items are answered right,
// recall[Cake]=0.8 of the items labelled Cake. f1 has the best F1 in the mean
// over the classes, f1[Cake] that of one. cost=5 loses least where a wrong
// answer costs five times what one that is not given costs. The report says
// what the threshold does on val and on test. A rule that cannot be met is an
// error.
//
// --suspects N looks for wrong labels among the items of all sets, as confident
// learning does. The items are divided into five folds, and each fold is
// answered for by a model that was trained on the other four: a head that is
// fitted anew, which takes seconds, or from scratch a network of as many epochs
// as the best one, which takes about four times as long as these did (the time
// is said before it is spent). Items of one author or one photo are in one
// fold, and so are pictures that are the same or nearly so, by perceptual
// hashes (see --near-duplicates) and by features of 512 numbers or more whose
// cosine, each less the mean of all, is 0.9 or more; so no model answers for
// what it saw. By the features of MobileNetV2, 13 pairs of 6,741 crops of real
// photos reach 0.9, all of them near duplicates by eye. NAME.suspects.txt lists
// as CSV up to N items that are answered otherwise, by the probability of their
// label minus that of the answer: key, label, answer, both probabilities, set,
// and another label that the same object has in the photo; oi-boxes
// --exclude-ids takes it as it is. NAME.suspects.html shows their pictures. A
// model is unsure of unusual pictures too: many of those listed are right, so
// look before you exclude. Confident are those whose answer is as probable as
// it is for items of that class on average. An item of a class of which no
// other author has one is not answered for; that is counted. The model is the
// same with --suspects or without.
//
// What a network wants done to the bytes is never guessed: --normalize says it,
// or preprocessor_config.json or config.json next to the file, or the table of
// --backbones, which knows files by their sums; a network that takes bytes
// needs none. MEAN/STD are of red, green and blue on 0 to 1, one number or
// three. The features are what the network's classifier reads, or --features
// NAME. A network that works at the size of the crops is used at it, whatever
// size it declares. Features are rounded to float16, as oi-eval --embed writes
// them. NAME.ckpt keeps them for --resume until the run has ended. Report, page
// and model say whose network it is, its licence, sums, cut and normalisation;
// --expect compares them.
//
// After each epoch train_loss and train_acc are measured on a few train items
// (of oi-augment: on a few of the epoch's variants) as val_loss and val_acc are
// on the validation items: with the same weights, without dropout, smoothed
// labels or class weights. A train_loss that falls while val_loss rises is that
// of a model that learns its items by heart. In NAME.json, loss and accuracy
// are what training itself went by, which cannot be compared with them.
//
// The three files appear whole and together, the model last, and only if the
// input was complete: a stage that failed or was killed leaves no model behind.
// The same items, options and seed give the same model, byte for byte, on any
// number of threads. They give the same weights, bit for bit, on every amd64
// processor with AVX2 and FMA, with AVX-512 or without; the files also note the
// version of Go, the platform and what the processor has. On others plain Go
// computes, whose sums differ in their last bits, and so, in the end, do
// weights. --expect and --resume say so where it may be the reason.
//
// Items that come from oi-augment bring their own epochs and are trained on as
// they arrive; when training stops, oi-train leaves and oi-augment ends.
// Without oi-augment the items wait in memory, beyond --spool-memory in a
// temporary file, and every epoch is a random order of them.
//
// Two classes or more are told apart. A stream of one class works too if it
// brings something to tell it from: windows of background from oi-crop, or
// boxes of other classes from oi-boxes --negatives.
//
// Items that carry no set get that of their photo's other items, or are divided
// as the oi-boxes of their trail divided them: by their subset of Open Images,
// or by author. Train items whose photo is that of a validation or test item
// are removed and counted. The same image id or the same bytes is the same
// photo. The model remembers the photos that it, its teacher and the network it
// began with were trained on, so that oi-eval can leave them out.
//
// --near-duplicates drop also leaves out items of train whose picture is nearly
// that of a val or test item, and items of val near one of test: the same
// picture saved again, or two of one moment. Perceptual hashes (pHash) of 64
// bits that differ in 7 or fewer propose pairs, and pictures of 32x32 grey
// pixels with a correlation of 0.85 or more confirm them. Of 6,741 crops of
// real photos, all ten pairs of different photos that this finds are near
// duplicates, by eye. --near-list writes them as CSV: key, partner,
// correlation, sets, labels. Items without pixels are near none. The features
// of MobileNetV2 bring no other pair of two authors together that is one, only
// pictures of one kind.
//
// --poor-list writes as CSV the crops of all sets that show little: those whose
// box is less than 32 pixels of the photo on its shorter side, those beyond 1
// to 4, and blurred ones, whose Laplacian, at 128 pixels, has a variance below
// 4; key, problem, side, aspect, sharpness, set, label. Of 6,741 crops of real
// photos 403 are tiny, and of the 68 that are blurred without being tiny nearly
// all look it. --poor-crops drop leaves those of train out. It does not help:
// with a head on MobileNetV2 and the sets divided in three ways, the test
// accuracy is 0.819 in the mean with them and 0.819 without (log loss 0.571 and
// 0.572); without the tiny ones alone 0.824 (0.569), the blurred 0.821 (0.570),
// the elongated 0.820 (0.573).
//
// An item is known by its key, and one that comes twice is an error. One
// without a key gets one from its id, label, box and pixels.
//
// --expect NAME.json trains again and exits with 0 if the weights are, bit for
// bit, those of that report and the items of train, val and test are the same,
// pixels included; with 1, and without writing anything, if not. It says which
// of data, code and environment differ, and how: of the items by which the
// model was judged the keys that are missing, new or labelled otherwise, of
// other sets the number of each label. Differences of code and environment
// alone are no failure, as equal weights show that they made none. Figures can
// be compared if they are of the same items, whatever else differs. The data of
// a report of an older version, which did not note the pixels, cannot be
// compared; that is said, and the weights decide. With --check-items the items
// alone are compared, and nothing is trained: of variants the report has the
// sum of what oi-augment made, so that of their originals the number of each
// label is compared.
//
// The first interrupt finishes the batch, writes the best model if an epoch was
// finished, and exits with 130; of fine-tuning and with --expect only what
// --resume needs is kept. After one while --suspects looks, the model is
// without a list.
//
// NAME.ckpt keeps the state after the last epoch until the run has ended and
// its files are written. After an interrupt, a crash or kill -9, the same
// command with --resume goes on from there and ends with the model, byte for
// byte, of a run that never stopped. Another input or other options are
// refused, but for --calibrate and --unsure, which are about the finished
// network; without NAME.ckpt it starts from the beginning. Epochs from
// oi-augment are read again up to that point. Of two runs at the same time with
// one NAME the second fails at once.
//
// Flags:
//
//	-o, --output NAME
//		write NAME.onnx, NAME.html and NAME.json (default model)
//	--arch residual|wide-residual|reference
//		train the network residual|wide-residual|reference: residual
//		is more accurate, wide-residual slower and more accurate
//		still, reference that of the article (default residual)
//	--optimizer muon|adam|rmsprop|sgd
//		change weights by muon|adam|rmsprop|sgd (default muon, but
//		rmsprop for reference)
//	--epochs N
//		train for N epochs at most (default 50)
//	--batch N
//		change the weights after every N pictures (default 16)
//	--lr RATE
//		learning RATE (default 0.003 for muon, 0.001 for adam, 0.0005
//		for rmsprop, 0.01 for sgd)
//	--lr-schedule constant|linear
//		the learning rate stays the same, or falls evenly over
//		--epochs: constant|linear (default constant)
//	--weight-decay SHARE
//		take the learning rate times this SHARE off the weights in
//		every step (default 0.05, but 0 for reference)
//	--patience N
//		stop after N epochs in which the validation loss got no
//		better; with --lr-schedule linear only where this is given
//		(default 4)
//	--min-delta D
//		a validation loss is better if it is lower by more than D
//	--cutmix SHARE
//		paste a rectangle of another picture into this SHARE of the
//		pictures, and mix the labels as the areas
//	--seed N
//		start from other weights and shuffle otherwise with another N
//		(default 1)
//	--class-weights none|balanced
//		how much a picture counts: none|balanced; balanced is each
//		class the same in all (default none)
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
//	--near-duplicates keep|drop
//		items that are nearly held-out ones: keep|drop (default keep)
//	--near-list FILE
//		list them in FILE, which oi-boxes --exclude-ids reads
//	--poor-crops keep|drop
//		train items that are tiny, of an extreme shape or blurred:
//		keep|drop (default keep)
//	--poor-list FILE
//		list such items of all sets in FILE, which oi-boxes
//		--exclude-ids reads
//	--incomplete
//		take the shards that there are, although some of oi-boxes
//		--shard are missing
//	--json
//		write the report to standard output as JSON instead of text
//	--safetensors
//		also write the weights as NAME.safetensors, in Keras' layouts
//	--expect FILE
//		fail, and write nothing, unless weights and items are those
//		of the report FILE.json
//	--check-items
//		compare the items with those of --expect, and train nothing
//	--resume
//		go on from NAME.ckpt, with the same input and options, as if
//		the run had never stopped
//	--suspects N
//		also list the N items whose labels are most likely wrong, in
//		NAME.suspects.txt and NAME.suspects.html
//	--calibrate
//		make the probabilities fit to how often the model is right on
//		val
//	--unsure P
//		let the model be unsure below a P such as 0.8, or one chosen
//		on val: 95%, f1, precision=P, recall=P, cost=C
//	--backbone FILE
//		fit a linear head to the features of a pretrained network, an
//		ONNX FILE or the name of a known one, in place of training
//		from scratch
//	--backbones
//		list the known networks, and do nothing else
//	--cache DIR
//		keep downloaded networks in DIR (default $XDG_CACHE_HOME/oi
//		or ~/.cache/oi) (or $OI_CACHE)
//	--offline
//		use networks of the cache only, and never the network
//	--backbone-licence TEXT
//		TEXT that says under what licence the backbone is, for the
//		report and the model
//	--normalize CHOICE
//		what the backbone wants done to the bytes: CHOICE is
//		imagenet, -1..1, 0..1, 0..255, caffe-bgr, clip or MEAN/STD on
//		0..1, such as 0.5,0.5,0.5/0.25,0.25,0.25
//	--channels rgb|bgr
//		the order in which the backbone takes colours, rgb|bgr
//		(default rgb)
//	--features NAME
//		take the value NAME of the backbone as the features (default
//		what its classifier reads)
//	--embedding-dtype float16|float32
//		round features to float16|float32 (default float16)
//	--fine-tune LAYERS
//		then train the last LAYERS of the backbone with the head: a
//		number, auto or all
//	--teacher FILE
//		also learn from what a model of oi-train, FILE.onnx, says of
//		each picture
//	--teacher-weight SHARE
//		the teacher's SHARE of the loss; the labels have the rest
//		(default 0.9)
//	--teacher-temperature T
//		soften what both say by a temperature T: 1 leaves it as it is
//		(default 4)
//	--teacher-features WEIGHT
//		what it counts that features are like the teacher's, a
//		WEIGHT; 0: only answers matter (default 60)
//	--salvage
//		step over damaged records and count what was lost
//	-j, --jobs N
//		work on N records at once; the output does not depend on it
//		(default one a processor)
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

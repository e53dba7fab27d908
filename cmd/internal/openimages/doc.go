// Package openimages knows what the files of the Open Images data set mean:
// which files a version of the data set consists of and where they are, the
// class names and their hierarchy, the box lists, the lists of image-level
// labels and the image lists.
//
// # Reading a selection
//
// A [Query] names a [Source], a [Dataset], subsets and classes, what is
// to be filtered and sampled and how items get their set. Its use has two steps:
//
//	selection, err := query.Collect(ctx, ledger)  // may read and download
//	err = selection.Emit(ctx, func(item *record.Item) error { … })
//
// Emit delivers the items of a list that is being downloaded as its rows
// arrive, so that [Selection.Rows], [Selection.Tally] and [Selection.Malformed]
// are final only when Emit has returned: who has to know of a first item before
// he writes anything writes with the first call of f.
//
// With [Query.ImageLabels], rows come from the lists of image-level labels, and
// the classes from [ReadAllClasses]. What became of the rows of each class is in
// its [Tally]. [Counts] tells boxes and photos of every class of a list.
//
// # Where rows come from
//
// The official lists reach 2.3 GB, so they are never held in memory. The first
// query scans a list, block by block on all cores, and writes an index beside
// it (label to rows, photo to row); every later one reads the rows it needs.
// Rows read through the index are verified to be what it says. Where an index
// cannot be kept, or a list is no file, it is scanned each time.
package openimages

// Package selection makes items of a query for classes of Open Images.
//
// A [Query] names an [openimages.Source], an [openimages.Dataset], subsets and
// classes, what is to be filtered and sampled and how items get their set. Its
// use has two steps:
//
//	selected, err := query.Collect(ctx, ledger) // may read and download
//	err = selection.Emit(ctx, selected, start, write)
//
// # The way of a row
//
// Of a list that is sorted by photo, as its index says, nothing is kept: rows
// come in batches of groups, one for each photo, as they are read (readBatches);
// the rows of the image list are looked up for some batches at once (withImages);
// a judge on each core says what becomes of a group, and its items are made and
// encoded there (Emit); the results are entered into the accounts and written in
// order (inOrder). So the first item leaves before the last row is read, and
// memory does not grow with the list.
//
// The matches of other lists, and those that negatives come to, are gathered
// first (gather). A limit needs a run of the judge of its own over all groups
// (quotas), after which only the photos of what is kept are read again. What
// that run finds is kept for the next limit (rankStore).
//
// [Selection.Rows], [Selection.Tally] and [Selection.Malformed] are final only
// when Emit has returned: a caller that has to know of a first item before it
// writes anything writes with the first call of write.
//
// With [Query.ImageLabels], rows come from the lists of image-level labels, and
// the classes from [openimages.ReadAllClasses]. What became of the rows of each
// class is in its [Tally].
package selection

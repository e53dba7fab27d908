// Package selection makes items of a query for classes of Open Images.
//
// A [Query] names an [openimages.Source], an [openimages.Dataset], subsets and
// classes, what is to be filtered and sampled and how items get their set. Its
// use has two steps:
//
//	selected, err := query.Collect(ctx, ledger)  // may read and download
//	err = selected.Emit(ctx, func(item *record.Item) error { … })
//
// Emit delivers the items of a list that is being downloaded as its rows
// arrive, so that [Selection.Rows], [Selection.Tally] and [Selection.Malformed]
// are final only when Emit has returned: a caller that has to know of a first
// item before it writes anything writes with the first call of f.
//
// With [Query.ImageLabels], rows come from the lists of image-level labels, and
// the classes from [openimages.ReadAllClasses]. What became of the rows of each
// class is in its [Tally].
package selection

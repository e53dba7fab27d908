package detection

// Counts are how many of what there is in an export, and what was left out.
type Counts struct {
	Photos, Boxes int64
	Empty         int64 // photos without a box
	Groups        int64 // boxes around several objects, left out
	Emptied       int64 // photos that had no others
	BadBoxes      int64 // boxes outside their photo
	NoArea        int64 // boxes without area
	Repeats       int64 // boxes that came twice
	WholePhotos   int64 // labels of whole photos, which have no box
	Negatives     int64 // photos that people have verified to be without the classes
	Broken        int64 // photos that do not decode, left out
	Missing       int64 // boxes of the request that the stream does not have, in photos of the export
	MissingPhotos int64 // photos that have them
	Reset         int64 // photos whose EXIF orientation was set to 1
	Turned        int64 // photos rotated by the image list's Rotation
	OddRotations  int64 // photos whose Rotation is no quarter turn
	HeldOut       int64 // photos of several sets, which went to the one held out
	NotJPEG       int64 // photos in another format
	Strays        int64 // files of an earlier run that were removed
}

package record

// Version is the stream format version that this package reads and writes.
const Version = 1

// A Raw is one complete MessagePack value, exactly as it stood in the stream.
type Raw []byte

// A Field is a key this package has no name for. It is kept, in order, and
// written back byte for byte.
type Field struct {
	Key   string
	Value Raw
}

// A Record is one of *Header, *Item, *End and *Part.
type Record interface{ kind() string }

func (*Header) kind() string { return "header" }
func (*Item) kind() string   { return "item" }
func (*End) kind() string    { return "end" }
func (*Part) kind() string   { return "part" }

// A Header opens a segment.
type Header struct {
	Version int
	Classes []Class
	Stages  []Stage // provenance: the tools that ran, oldest first
	// Completeness is "unchecked" when some stage read plain JSON, in which
	// a cut cannot be seen, and "" otherwise.
	Completeness string
	// Expected is about how many items follow, where the first stage knew
	// it, 0 where not. It is a hint for whoever waits; nothing depends on
	// it.
	Expected int64
	// Piece says that what follows is a piece that closes with a Part. A
	// Reader that joins pieces does not hand it out.
	Piece bool
	Extra []Field
}

// A Class is a label that was asked for.
type Class struct {
	MID  string
	Name string
	// Supercategory is the name of what the class is a kind of: of several
	// the first by name. It is "" where that is not known.
	Supercategory string
	Extra         []Field
}

// A Stage is one tool's entry in the provenance of the data.
type Stage struct {
	Tool    string
	Version string
	// Args holds only options that change results, in canonical form.
	Args  map[string]string
	Extra []Field
}

// An End closes a segment. It is written only when every stage finished well.
type End struct {
	Stages []StageCounts
	// Damage is what was stepped over on the way, nil if nothing was. Its
	// key is salvaged.
	Damage *Damage
	Extra  []Field
}

// StageCounts say what one stage did with the items of a segment:
// In + ΣAdded = Out + ΣRemoved + ΣSkipped.
type StageCounts struct {
	Tool    string
	In, Out int64
	Added   map[string]int64 // items made from others, by reason
	Removed map[string]int64 // filters and duplicates, by reason
	Skipped map[string]int64 // failures, by reason
	// MaxSkips is, in a Part, the limit on Skipped that the stage ran
	// under, in the form of a SkipLimit: it is for the sums of all parts.
	// "": none.
	MaxSkips string
	// Digests say which items were counted, nil where that is not known.
	Digests *Digests
	Extra   []Field
}

// Damage is what a Reader stepped over by its option Salvage.
type Damage struct {
	Regions int64 // under the key places
	Bytes   int64
	Extra   []Field
}

// A Part closes a piece of a segment that was cut for parallel work.
type Part struct {
	// Stages are the counts of the stages that ran on this piece. The first
	// one's In, summed over all pieces, must reach Total. A Reader of a raw
	// piece returns a Part without any: the caller adds its own.
	Stages []StageCounts
	// Total is the number of items upstream sent. It is present only in the
	// piece that held the segment's end, else -1.
	Total int64
	// Upstream are the counts of that end.
	Upstream []StageCounts
	Damage   *Damage // as in an End
	Extra    []Field
}

// An Item is one annotated box on its way to the model. A nil part has not
// been added yet by its stage.
type Item struct {
	ID         string // Open Images ImageID
	Key        string // names one box for ever
	Subset     string // train, validation or test: where Open Images has it
	Set        string // train, val or test: what it is used for; validation is read as val
	Label      *Label
	Box        *Box
	Avoid      []Rect // other boxes of the requested classes in the photo
	Image      *Image
	Fetched    *Fetched
	Crop       *Crop
	Tensor     *Tensor
	Context    *Tensor // a second view, with more of what is around the box
	Embedding  *Embedding
	Augment    *Augment
	Prediction *Prediction
	Failure    *Failure // only in files of failures: why a stage skipped it
	Extra      []Field
}

// A Label is the class of a box.
type Label struct {
	MID   string
	Name  string
	Extra []Field
}

// A Rect is a rectangle in fractions of the stored picture's width and height.
type Rect struct {
	XMin, XMax, YMin, YMax float64
	Extra                  []Field
}

// A Box is the annotated rectangle. The flags are 1, 0 or -1 (unknown).
type Box struct {
	XMin, XMax, YMin, YMax float64
	Occluded               int
	Truncated              int
	GroupOf                int
	Depiction              int
	Inside                 int
	Extra                  []Field
}

// An Image is what the image list says of the photo.
type Image struct {
	URL          string
	LandingURL   string
	ThumbnailURL string
	License      string
	Author       string
	AuthorURL    string
	Title        string
	// Rotation is the number of degrees (0, 90, 180, 270) by which the
	// stored picture must be turned counter-clockwise to stand upright; nil
	// unknown.
	Rotation     *float64
	OriginalMD5  string // base64, as in the list
	OriginalSize int64  // bytes, 0 unknown
	Extra        []Field
}

// Fetched is the photo's bytes and where they came from.
type Fetched struct {
	URL       string
	Source    string // s3, flickr, thumbnail, dir, url, sample
	SHA256    string // lower-case hex
	MediaType string
	Bytes     []byte // nil once a later stage has dropped them
	BytesOf   string // the key of the item directly before that has the bytes, in place of them
	Earlier   []Attempt
	Extra     []Field
}

// An Attempt is a source that was to be asked before the one that served, and
// why it did not.
type Attempt struct {
	Source string
	Reason string // a short stable word, as for a Failure
	Status int    // the server's HTTP status, 0 if it gave none
	Extra  []Field
}

// A Crop says which pixels of the stored picture the tensor was cut from.
type Crop struct {
	X, Y, Width, Height       int // in the stored picture, before rotation
	Rotation                  int // degrees turned counter-clockwise
	SourceWidth, SourceHeight int
	Background                bool // a window next to the boxes
	Extra                     []Field
}

// A Tensor is a picture as numbers, row by row, channels last.
type Tensor struct {
	Shape []int  // height, width, channels
	DType string // "uint8"
	Data  []byte
	Extra []Field
}

// An Embedding is what a network makes of a picture: numbers to compare pictures
// by, and to learn from.
type Embedding struct {
	// Of names what made the numbers: the SHA-256, in lower-case hex, of the
	// network and of all that is done before and after it. Only numbers of
	// one Of can be compared.
	Of    string
	DType string // Float16 or Float32
	Side  int    // of the square picture, in pixels
	// Context is the side of the second view, 0 where the numbers are of one.
	Context int
	// Pixels is the SHA-256 of the tensor that the numbers were made from, and
	// of the second view after it, lower-case hex, "" unknown.
	Pixels string
	Data   []byte // the numbers, little-endian, none infinite or NaN
	Extra  []Field
}

// An Augment says how a variant was drawn from its original.
type Augment struct {
	Epoch int // 1, 2, …
	Copy  int // 0, 1, … within the epoch
	Seed  uint64
	Theta float64 // degrees
	TX    float64 // rows
	TY    float64 // columns
	Shear float64 // degrees
	ZX    float64
	ZY    float64
	FlipH bool
	FlipV bool
	Of    string // SHA-256 of the pixels it was drawn from, lower-case hex

	// What follows is 0, "" or false for what was not done.

	Centre     string // "keras-2018": turned about a point one pixel off the middle
	Fill       string // "constant", "reflect" or "wrap"; "" is "nearest"
	CropRow    float64
	CropColumn float64
	CropHeight float64 // of the window that was kept, in pixels
	CropWidth  float64
	Brightness float64 // the factor less 1
	Contrast   float64 // the factor less 1
	Saturation float64 // the factor less 1
	Hue        float64 // turns
	Grayscale  bool
	Blur       float64 // standard deviation in pixels
	// The square that was made black: its upper left corner, which may lie
	// outside of the picture, and its side.
	CutoutRow, CutoutColumn, CutoutSide int
	JPEGQuality                         int
	Extra                               []Field
}

// A Prediction is a model's answer.
type Prediction struct {
	Label         string
	Probabilities map[string]float64
	Seen          bool // the model was trained on this photo
	Unsure        bool // no class is likely enough for the model to mean its answer
	// Neighbours are the items whose embeddings are nearest, the nearest
	// first, where the answer comes from them.
	Neighbours []Neighbour
	Extra      []Field
}

// A Neighbour is another item whose embedding is near.
type Neighbour struct {
	Key        string
	Label      string
	Similarity float64 // the cosine of the angle between the embeddings
	Extra      []Field
}

// A Failure says why a stage skipped an item.
type Failure struct {
	Stage  string // "oi-fetch"
	Reason string // a short stable word, as counted in the end record
	Detail string // one line for people
	// What follows is known of a photo that could not be fetched.
	Source   string  // the last that was asked
	Status   int     // its HTTP status, 0 if it gave none
	Attempts int     // transfers begun, of all sources
	Seconds  float64 // from the first until it was given up
	Extra    []Field
}

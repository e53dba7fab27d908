// Package record reads and writes the stream that the oi- commands pass to
// one another: annotated photos on their way to a model. This comment is the
// specification of the format, version 1.
//
// # Records
//
// A stream is a concatenation of records. A record is one MessagePack map and
// a trailer of 18 bytes:
//
//	record  = map  trailer
//	trailer = D8 6F | length | checksum | "oi-rec1\n"
//
// length is the number of bytes of the map, and checksum their CRC-32C
// (Castagnoli), each an unsigned 32-bit number, big-endian. The trailer is
// itself a MessagePack value, an ext of type 6F with 16 bytes, so a program
// that knows nothing of it walks the stream by skipping ext values. A record
// counts only when its trailer is right. Because every record ends in the
// same line, ordinary tools can cut a stream; see Pieces below.
//
// Keys are strings of UTF-8 at every depth. In a map that this specification
// describes, a key stands once, and a nil is the same as no key. Keys that it
// does not describe may stand in any map; they are kept, in their order, byte
// for byte, and written after the known ones. Known strings are UTF-8; unknown
// ones need not be. Integers may be of any MessagePack width, and numbers may be
// integers up to 2^53, float 32 or float 64, but never NaN or infinite.
// A [Writer] writes known keys in the order given here, maps from names to
// values sorted by name, integers in their shortest form, numbers as float
// 64: the same records are always the same bytes.
//
// # Kinds
//
// The key oi tells the kind of a record: header, end or part. A record
// without it is an item. In the lists below, (r) marks a key that must be
// there; strings that must be there must not be empty.
//
// A header opens a segment. Each stage copies it and adds itself to stages,
// so the provenance of the data reaches the model.
//
//	oi            "header"
//	version       1 (r)
//	classes       what was asked for: array of {mid, name (r), supercategory}; supercategory
//	              is the name of what the class is a kind of, of several the first by name
//	stages        the provenance, oldest first: array of {tool (r), version, args}; args is a
//	              map of strings, in canonical form, and holds only what changes results
//	completeness  "unchecked" when some stage read plain JSON, in which a cut cannot be seen
//	expected      about how many items follow: a hint, for a person who waits. Stages pass
//	              it on as it is; it is never checked, and no result may depend on it
//	piece         true where a part closes what follows; see Pieces below
//
// An end closes a segment. A stage writes it only when it finished well.
//
//	oi        "end"
//	stages    the counts, oldest first: array of {tool (r), in (r), out (r),
//	          added, removed, skipped, digests}; in and out count items, the next
//	          three are maps from a reason to how often it was met, and digests
//	          is {in, out (r), added, removed, skipped}, each of 32 lower-case
//	          hex digits
//	salvaged  {places (r), bytes (r)}: damage that was skipped
//
// In the counts of a stage, the items that came in and those made from others
// (added) are as many as those that went out, were dropped on purpose (removed:
// a filter, a duplicate) and were lost to a failure (skipped):
//
//	in + Σ added = out + Σ removed + Σ skipped
//
// Numbers do not show that an item stands twice in place of another. So each
// of the five has a digest: the sum modulo 2^128 of the SHA-256, as big-endian
// numbers, of the items' keys, or ids where there is no key. The equation holds
// for the digests too. A stage that makes its items of something else, such as
// the rows of a list, has that of out alone. A [Reader] demands the equations,
// that what one stage sent out came in at the next, and that what the last one
// sent out has arrived; else it returns an [AccountError]. Stages without
// digests are not compared, and after damage nothing is.
//
// A part closes a piece; see below.
//
//	oi        "part"
//	stages    as in an end: the stages that ran on this piece (r); each may have
//	          max_skips too, the limit on skipped items that it ran under
//	total     number of items upstream sent; only in the piece that held the end
//	upstream  the stages of that end
//	salvaged  as in an end
//
// # Segments
//
// A stream is one segment or more, so the concatenation of two streams is a
// stream. Its classes are those of all headers together.
//
//	stream  = segment { segment }
//	segment = header { item } end  |  piece { piece }
//	piece   = header { item } part
//
// The end of the input anywhere else than after a segment, and a header
// inside an open segment, mean that a writer did not finish: [ErrTruncated].
// Input of no bytes at all is [ErrEmpty], never an empty stream.
//
// # Pieces
//
// GNU parallel cuts a stream between records and gives each piece the header:
//
//	parallel -k --pipe --block 1M --header '(?s).*?oi-rec1\n' --recend 'oi-rec1\n' 'oi-crop --part'
//
// Such a raw piece is a header and items; the last one holds the end too. A
// stage reads it with the option [SinglePiece] and closes its output with a
// part, which the header of its output announces as piece. Pieces whose headers
// are equal make up one segment when the in of their first stage, summed over
// all parts, reaches the total, in whatever order they come; until then it is
// truncated. One end then stands for them, with the upstream counts and the
// sums of the parts'. Only one segment can be cut at a time. Should a picture
// contain the trailer's last eight bytes, parallel may cut there, and both
// pieces fail: nothing is lost unseen.
//
// A piece may be three photos, of which one that failed says nothing. So a
// stage does not judge its piece: its part tells how many items were skipped
// and the limit, max_skips, and whoever joins the pieces holds the sums to it.
// The limit is a string:
//
//	"10"           no more than 10 items may be skipped
//	"25%"          no more than 25% of the items that came in
//	"25% from 20"  likewise, but fewer than 20 items are not judged
//
// A [Reader] gives a [SkipError] in place of the segment's end if, in any
// stage of the parts, the skipped items are more than the limit allows or are
// all that came in, which no limit allows. Where the parts have different
// limits, the sums are held to each of them, so that the strictest decides; a
// part without a limit adds none. Plain JSON has no parts: each piece of it is
// judged alone, by the stage that writes it.
//
// # Items
//
// An item is one box around one object in one photo. Each stage adds the keys
// that it knows.
//
//	id          ImageID of the photo (r), 1 to 64 of A-Z a-z 0-9 _ -
//	key         names one box for ever: id and a short hash; 1 to 80 of the same
//	subset      train, validation or test: where the data set has it; 1 to 64 of the same
//	set         train, val or test: what it is used for; validation is read as val
//	label       {mid, name (r)}
//	box         {xmin (r), xmax (r), ymin (r), ymax (r), occluded, truncated, group_of,
//	            depiction, inside}: edges in fractions of the stored picture's width and
//	            height, from its left upper corner; flags 1, 0 or -1, unknown, which is
//	            also what a missing one means
//	avoid       the other boxes of the requested classes in the photo: array of
//	            {xmin (r), xmax (r), ymin (r), ymax (r)}; an empty one says there are none
//	image       {url, landing_url, thumbnail_url, license, author, author_url, title,
//	            rotation, original_md5, original_size}: rotation in degrees by which the
//	            stored picture must be turned counter-clockwise, missing if unknown;
//	            original_md5 in base64; original_size in bytes
//	fetched     {url, source, sha256, media_type, bytes, bytes_of, earlier}: the photo file
//	            and where it came from; sha256 in 64 lower-case hex digits; bytes is a bin;
//	            bytes_of stands in place of bytes: the key of an item whose photo this is
//	            too, and which comes before, with nothing but items of the same bytes_of
//	            between; a reader that lacks that item reports an error; earlier is an
//	            array of {source (r), reason (r), status}: the sources that come before
//	            that one, why each did not serve, and the HTTP status it gave
//	crop        {x (r), y (r), width (r), height (r), rotation, source_width,
//	            source_height, background}: the window in pixels of the stored picture,
//	            before it was turned by rotation degrees counter-clockwise; background is
//	            true for a window next to the boxes
//	tensor      {shape (r), dtype (r), data (r)}: shape is height, width, channels; dtype
//	            is "uint8"; data is a bin of as many bytes, row by row, channels last
//	context     a second picture of the item, beside tensor and like it, of any size: the same
//	            place in the photo with more of what is around it. All items of a stream have
//	            one, or none
//	embedding   {of (r), dtype (r), side (r), context, pixels, data (r)}: what a network makes
//	            of the picture. of is the SHA-256 of all that makes the numbers, so that only those
//	            of one of can be compared: the network with its weights, what is done to the
//	            pixels before and to the numbers after it; dtype is "float16" or "float32",
//	            as in IEEE 754; side is the square picture's, in pixels, and context that of
//	            the second view, missing where they are of one; pixels is the SHA-256 of the
//	            tensor's data that they were made from, and of the second view's after it;
//	            data is a bin of 1 to 1,048,576
//	            finite numbers, little-endian, or an array of numbers, each of which is
//	            rounded to the nearest of dtype. SHA-256s are 64 lower-case hex digits
//	augment     {epoch (r), copy, seed, theta, tx, ty, shear, zx, zy, flip_h, flip_v, of, centre,
//	            fill, crop_row, crop_column, crop_height, crop_width, brightness, contrast,
//	            saturation, hue, grayscale, blur, cutout_row, cutout_column, cutout_side,
//	            jpeg_quality}: how a variant was drawn: epoch from 1, copy within it from 0,
//	            seed an unsigned 64-bit integer, theta and shear in degrees, tx and ty in rows
//	            and columns, zx and zy as factors, flips true or false, of the SHA-256 of the
//	            pixels that it was drawn from, in 64 lower-case hex digits. To the context, if
//	            there is one, the same was done in proportion to its size, and of is of the
//	            tensor's pixels and the context's after them. What follows stands only where it
//	            was done: centre is "keras-2018", one pixel off the middle; fill
//	            is "constant" (black), "reflect" or "wrap", missing for "nearest"; crop_row to
//	            crop_width are the window that was kept, in pixels; brightness, contrast and
//	            saturation are factors less 1, hue is turns; grayscale is true; blur is a
//	            standard deviation in pixels; cutout_row to cutout_side are the black square's
//	            upper left corner, which may lie outside, and side, in whole pixels;
//	            jpeg_quality is 1 to 100
//	prediction  {label, probabilities, seen, unsure, neighbours}: probabilities is a map from
//	            class name to number; seen is true where the model was trained on this photo,
//	            and missing where it was not or does not say; unsure is true where no class is
//	            likely enough for the model to mean its answer, else missing; neighbours is an
//	            array of {key (r), label, similarity (r)}: the items whose embeddings are nearest,
//	            the nearest first, and the cosine between the two, where the answer comes from
//	            them
//	failure     {stage (r), reason (r), detail, source, status, attempts, seconds}: only in
//	            files of failures: which stage skipped the item, its reason as counted in
//	            the end, and one line for people; of a photo also the last source that was
//	            asked, its HTTP status, the number of tries at all sources, and how long they took
//
// # JSON
//
// Every record can be written as a JSON object, and read back. The input is
// JSON when its first byte is { or white space, or a byte order mark of UTF-8
// comes first; a MessagePack map begins with 80 to 8F, DE or DF. Objects follow one another with any white space or none
// between them, so jq's output passes, pretty-printed or not. A [Writer] puts
// one object on a line.
//
// Plain JSON holds the items only, which suits jq; a cut between two objects
// cannot be seen, so the header that a [Reader] puts before them says
// "unchecked". Framed JSON holds header, end and part too, and a cut is found
// like in the binary form. Which one it is, the first object tells.
//
//	bytes, tensor's data      base64, and so is context's
//	embedding's data          an array of numbers, each with the fewest digits that give the
//	                          same one of its dtype, also by way of a float 64
//	seed                      a string of decimal digits; a number is taken too
//	integers beyond 2^53      likewise, because many programs round such numbers
//	numbers                   the shortest form that gives the same float 64
//	under unknown keys:
//	  bin                     {"$bin": "base64"}
//	  ext                     {"$ext": [type, "base64"]}
//	  string, not UTF-8       {"$str": "base64"}
//	  integer beyond 2^53     {"$int": "digits"}; one that fits no 64 bits is a float
//	  number                  always with a point or an exponent; an integer has neither
//	  key that begins with $  has a second $ in front
//
// NaN and infinity under unknown keys cannot be written: an error. Text is
// UTF-8 without a byte order mark. Half surrogate pairs are an error.
//
// # Limits
//
// A record's map has at most 64 MiB, a string or key 1 MiB, nesting 16
// levels with the map itself as the first, and a map 4096 keys; JSON text of
// one record has at most 128 MiB. Bin and ext values are bounded by the record.
// All are checked before memory is set aside, and no more than 1 MiB, or as
// much again as has arrived, is ever set aside for what a length claims. See [Limits].
//
// # Damage
//
// A record whose trailer or form is wrong is an error that names the record
// and the byte. With [Salvage] the reader of the binary form goes on with the
// next record that is whole by its trailer, counts a place and the bytes it
// stepped over, and says so in the segment's end. What only the header and the
// end can tell is not made up: a stream that lost one of them stays an error.
//
// # Other languages
//
// This is all of a reader and a writer in Python, with the msgpack package
// (python3-msgpack). As a program it copies a stream.
//
//	# oistream.py
//	import msgpack, struct, sys
//
//	TABLE = []
//	for n in range(256):
//	    for _ in range(8):
//	        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
//	    TABLE.append(n)
//
//	def trailer(body):
//	    crc = 0xFFFFFFFF
//	    for byte in body:
//	        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
//	    return struct.pack(">II8s", len(body), crc ^ 0xFFFFFFFF, b"oi-rec1\n")
//
//	def read(file):
//	    seen, body, record, kind = bytearray(), None, None, None
//	    class Tap:  # keeps what the Unpacker reads
//	        def read(self, n):
//	            chunk = file.read(n)
//	            seen.extend(chunk)
//	            return chunk
//	    unpacker = msgpack.Unpacker(Tap(), max_buffer_size=1 << 27, unicode_errors="surrogateescape")
//	    last, came, total = 0, 0, None  # items of the pieces of a segment
//	    for value in unpacker:
//	        raw, last = bytes(seen[:unpacker.tell() - last]), unpacker.tell()
//	        del seen[:len(raw)]
//	        if isinstance(value, dict) and record is None:
//	            body, record = raw, value
//	        elif raw == b"\xd8\x6f" + trailer(body):
//	            kind = record.get("oi", "item")
//	            if kind == "part":
//	                came, total = came + record["stages"][0]["in"], record.get("total", total)
//	                if came == total:
//	                    kind, came, total = "end", 0, None
//	            yield record
//	            record = None
//	        else:
//	            raise ValueError("damaged record before byte %d" % last)
//	    if kind != "end" or record or seen:
//	        raise EOFError("the stream stops early")
//
//	def write(file, record):
//	    body = msgpack.packb(record, unicode_errors="surrogateescape")
//	    file.write(body + b"\xd8\x6f" + trailer(body))
//
//	if __name__ == "__main__":
//	    for record in read(sys.stdin.buffer):
//	        write(sys.stdout.buffer, record)
//
// A filter adds itself to the stages of the header, and what it counted to those
// of the end, or of the parts. This one drops boxes around groups:
//
//	# single.py
//	import hashlib, sys
//	from oistream import read, write
//
//	class Count:
//	    def __init__(self):
//	        self.n = self.sum = 0
//	    def add(self, item):
//	        self.n += 1
//	        self.sum += int(hashlib.sha256(item.get("key", item["id"]).encode()).hexdigest(), 16)
//	    def digest(self):
//	        return "%032x" % (self.sum % 2**128)
//
//	for record in read(sys.stdin.buffer):
//	    kind = record.get("oi", "item")
//	    if kind == "header":
//	        record["stages"] = record.get("stages", []) + [{"tool": "single"}]
//	        came, went, removed = Count(), Count(), Count()
//	    elif kind == "item":
//	        group = record["box"]["group_of"] == 1
//	        came.add(record)
//	        (removed if group else went).add(record)
//	        if group:
//	            continue
//	    else:
//	        record["stages"].append({"tool": "single", "in": came.n, "out": went.n, "removed": {"group": removed.n},
//	            "digests": {"in": came.digest(), "out": went.digest(), "removed": removed.digest()}})
//	    write(sys.stdout.buffer, record)
//
// An item's numbers are
// numpy.frombuffer(record["embedding"]["data"], {"float16": "<f2", "float32": "<f4"}[record["embedding"]["dtype"]]).
package record

package oitest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// HexID is an official image id.
func HexID(n uint64) string { return fmt.Sprintf("%016x", n) }

// BoxList makes a list of boxes with everything that a file can do to a reader.
// If sound, its rows are.
func BoxList(rng *rand.Rand, rows int, sound bool) []byte {
	names := []string{"ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded", "Remark"}
	if rng.IntN(2) == 0 {
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	mids := []string{"/m/a", "/m/0cdn1", "/m/0l515", "/m/01g317", "/m/with,comma", "/m/a-label-that-takes-more-than-16-bytes", ""}
	ends := []string{"\n", "\n", "\n", "\r\n"}
	var b bytes.Buffer
	b.WriteString(strings.Join(names, ",") + ends[rng.IntN(len(ends))])
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	id := uint64(0)
	for range rows {
		if rng.IntN(3) == 0 {
			id += rng.Uint64N(1 << 58)
		}
		fields := make([]string, len(names))
		for i, name := range names {
			switch name {
			case "ImageID":
				fields[i] = HexID(id)
				if rng.IntN(9) == 0 {
					fields[i] = fmt.Sprintf("photo-%d", rng.IntN(5))
				}
			case "Source":
				fields[i] = []string{"xclick", "activemil", "verification-by-many"}[rng.IntN(3)]
			case "LabelName":
				fields[i] = mids[rng.IntN(len(mids))]
			case "Confidence":
				fields[i] = "1"
			case "IsOccluded":
				fields[i] = []string{"0", "1", "-1", ""}[rng.IntN(4)]
			case "Remark":
				fields[i] = []string{"", "plain", "a, b", "two\nlines", "three\r\nlines\n", `"said"`, "\n\n", strings.Repeat("long,\n", rng.IntN(80))}[rng.IntN(8)]
			default:
				fields[i] = fmt.Sprintf("%.6f", rng.Float64())
			}
			if strings.ContainsAny(fields[i], ",\n\"") || rng.IntN(40) == 0 {
				fields[i] = quoted(fields[i])
			}
		}
		row := strings.Join(fields, ",") + ends[rng.IntN(len(ends))]
		if !sound {
			switch rng.IntN(25) {
			case 0:
				row = "\n"
			case 1:
				row = strings.Join(fields[:rng.IntN(len(fields))], ",") + "\n"
			case 2:
				row = strings.Join(fields, ",") + ",more\n"
			case 3:
				row = strings.Replace(row, `"`, "", 1)
			case 4:
				row = strings.Replace(row, `,`, `,"`, 1+rng.IntN(3))
			case 5:
				row = strings.Replace(row, ".", "x", 1)
			case 6:
				row = `"` + row
			}
		}
		b.WriteString(row)
	}
	if !sound && rng.IntN(5) == 0 {
		b.Truncate(b.Len() - rng.IntN(min(b.Len()/2, 60)))
	}
	if rng.IntN(3) == 0 {
		return bytes.TrimRight(b.Bytes(), "\r\n")
	}
	return b.Bytes()
}

// ImageList makes an image list with everything that a file can do to a reader.
func ImageList(rng *rand.Rand, rows int) (data []byte, ids []string) {
	var b bytes.Buffer
	b.WriteString([]string{"ImageID,Title,OriginalURL,Rotation\n", "Title,ImageID,OriginalURL,Rotation\r\n"}[rng.IntN(2)])
	titleFirst := b.Bytes()[0] == 'T'
	for range rows {
		id := HexID(rng.Uint64())
		switch rng.IntN(12) {
		case 0:
			id = fmt.Sprintf("photo-%d", rng.IntN(20))
		case 1:
			if len(ids) > 0 {
				id = ids[rng.IntN(len(ids))] // again
			}
		}
		ids = append(ids, id)
		title := []string{"", "plain", `"a, b"`, "\"two\nlines\"", "\"three\r\n\n lines\"", `said "so"`, `"a ""quote"""`, `"open`, `"closed"x`}[rng.IntN(9)]
		if rng.IntN(30) == 0 {
			id = `"` + id + `"`
		}
		first, second := id, title
		if titleFirst {
			first, second = second, first
		}
		row := fmt.Sprintf("%s,%s,http://x/%d,%s\n", first, second, rng.IntN(100), []string{"0.0", "90.0", "", "nan", "askew"}[rng.IntN(5)])
		if rng.IntN(20) == 0 {
			row = row[:rng.IntN(len(row))] + "\n"
		}
		b.WriteString(row)
	}
	return b.Bytes(), ids
}

// BigList is a box list of rows in the official form, none of class /m/hit but
// for one in a thousand.
func BigList(columns, rows int) []byte {
	var b bytes.Buffer
	header := Header13
	if columns == 21 {
		header = Header21
	}
	b.WriteString(header + "\n")
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range rows {
		mid := fmt.Sprintf("/m/0%04x", rng.Uint32N(600))
		if i%1000 == 999 {
			mid = "/m/0cdn1"
		}
		fmt.Fprintf(&b, "%016x,xclick,%s,1,0.%06d,0.%06d,0.%06d,0.%06d,1,0,0,0,0", i/8, mid, rng.Uint32N(1e6), rng.Uint32N(1e6), rng.Uint32N(1e6), rng.Uint32N(1e6))
		for range columns - 13 {
			fmt.Fprintf(&b, ",0.%06d", rng.Uint32N(1e6))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// The headers of the official box lists.
const (
	Header13 = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
	Header21 = Header13 + ",XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"
)

package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/opensandwich/oi/record"
)

// stream writes records to memory.
func stream(records ...record.Record) []byte {
	var buf bytes.Buffer
	w := record.NewWriter(&buf, record.Binary)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	return buf.Bytes()
}

// A filter passes on the header with itself added to its stages, the items it
// likes, and the end with its account.
func Example() {
	input := stream(
		&record.Header{Classes: []record.Class{{MID: "/m/0cdn1", Name: "Hamburger"}}},
		&record.Item{ID: "a", Box: &record.Box{XMax: 1, YMax: 1, Occluded: 1}},
		&record.Item{ID: "b", Box: &record.Box{XMax: 1, YMax: 1}},
		&record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: 2, Out: 2}}},
	)
	in := record.NewReader(bytes.NewReader(input))
	out := record.NewWriter(os.Stdout, record.FramedJSON)
	count := record.StageCounts{Tool: "whole-only", Removed: map[string]int64{}}
	for {
		rec, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		switch rec := rec.(type) {
		case *record.Header:
			rec.Stages = append(rec.Stages, record.Stage{Tool: "whole-only", Version: "1"})
		case *record.Item:
			count.In++
			if rec.Box.Occluded != 0 {
				count.Removed["occluded"]++
				continue
			}
			count.Out++
		case *record.End:
			rec.Stages = append(rec.Stages, count)
		}
		if err := out.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"oi":"header","version":1,"classes":[{"mid":"/m/0cdn1","name":"Hamburger"}],"stages":[{"tool":"whole-only","version":"1"}]}
	// {"id":"b","box":{"xmin":0,"xmax":1,"ymin":0,"ymax":1,"occluded":0,"truncated":0,"group_of":0,"depiction":0,"inside":0}}
	// {"oi":"end","stages":[{"tool":"oi-boxes","in":2,"out":2},{"tool":"whole-only","in":2,"out":1,"removed":{"occluded":1}}]}
}

func ExampleReader_Read() {
	in := record.NewReader(bytes.NewReader(stream(&record.Header{}, &record.Item{ID: "a"}, &record.End{})))
	for {
		rec, err := in.Read()
		if err == io.EOF {
			break // the stream was complete
		}
		if err != nil {
			log.Fatal(err)
		}
		switch rec := rec.(type) {
		case *record.Header:
			fmt.Println("header, version", rec.Version)
		case *record.Item:
			fmt.Println("item", rec.ID)
		case *record.End:
			fmt.Println("end")
		}
	}
	// Output:
	// header, version 1
	// item a
	// end
}

func ExampleReader_Items() {
	whole := stream(&record.Header{}, &record.Item{ID: "a"}, &record.Item{ID: "b"}, &record.End{})
	for item, err := range record.NewReader(bytes.NewReader(whole)).Items() {
		fmt.Println(item.ID, err)
	}
	cut := whole[:len(whole)-20]
	for _, err := range record.NewReader(bytes.NewReader(cut)).Items() {
		if errors.Is(err, record.ErrTruncated) {
			fmt.Println(err)
		}
	}
	// Output:
	// a <nil>
	// b <nil>
	// record 4, byte 117: the stream stops early: the stage before failed or was killed; see its message
}

func ExampleReader_Header() {
	joined := append(
		stream(&record.Header{Classes: []record.Class{{Name: "Sandwich"}}}, &record.End{}),
		stream(&record.Header{Classes: []record.Class{{Name: "Hamburger"}}}, &record.End{})...)
	in := record.NewReader(bytes.NewReader(joined))
	for range in.Items() {
	}
	for _, c := range in.Header().Classes {
		fmt.Println(c.Name)
	}
	// Output:
	// Hamburger
	// Sandwich
}

func ExampleWriter_Write() {
	w := record.NewWriter(io.Discard, record.Binary)
	fmt.Println(w.Write(&record.Header{}))
	fmt.Println(w.Write(&record.Item{ID: "../secret"}))
	fmt.Println(w.Write(&record.Item{ID: "000411001ff7dd4f"}))
	fmt.Println(w.Write(&record.End{}))
	fmt.Println(w.Flush())
	// Output:
	// <nil>
	// record 2, byte 55: id: "../secret": only letters, digits, _ and - allowed
	// <nil>
	// <nil>
	// <nil>
}

// JSON is read like the binary form. Without header and end, a cut between
// two items cannot be seen, and the header says so.
func ExampleNewReader_json() {
	in := record.NewReader(strings.NewReader(`{"id": "a", "mood": "hungry"}`))
	out := record.NewWriter(os.Stdout, record.FramedJSON)
	for {
		rec, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		if err := out.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(in.Encoding())
	// Output:
	// {"oi":"header","version":1,"classes":[],"stages":[],"completeness":"unchecked"}
	// {"id":"a","mood":"hungry"}
	// {"oi":"end","stages":[]}
	// JSON
}

func ExampleNewWriter_json() {
	w := record.NewWriter(os.Stdout, record.JSON)
	for _, rec := range []record.Record{
		&record.Header{},
		&record.Item{ID: "a", Fetched: &record.Fetched{MediaType: "image/jpeg", Bytes: []byte{0xff, 0xd8}}},
		&record.End{},
	} {
		if err := w.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"id":"a","fetched":{"media_type":"image/jpeg","bytes":"/9g="}}
}

// Two workers each take a piece; what they write, put together, is one
// complete segment again.
func ExampleSinglePiece() {
	header := &record.Header{Classes: []record.Class{{Name: "Hamburger"}}}
	end := &record.End{Stages: []record.StageCounts{{Tool: "oi-fetch", In: 3, Out: 3}}}
	work := func(piece []byte) []byte {
		var done []record.Record
		count := record.StageCounts{Tool: "oi-crop"}
		in := record.NewReader(bytes.NewReader(piece), record.SinglePiece())
		for {
			rec, err := in.Read()
			if err == io.EOF {
				return stream(done...)
			}
			if err != nil {
				log.Fatal(err)
			}
			switch rec := rec.(type) {
			case *record.Item:
				count.In++
				count.Out++
			case *record.Part:
				rec.Stages = append(rec.Stages, count)
			}
			done = append(done, rec)
		}
	}
	first := work(stream(header, &record.Item{ID: "a"}, &record.Item{ID: "b"}))
	last := work(stream(header, &record.Item{ID: "c"}, end))

	joined := record.NewReader(bytes.NewReader(append(first, last...)))
	for {
		rec, err := joined.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		switch rec := rec.(type) {
		case *record.Item:
			fmt.Println(rec.ID)
		case *record.End:
			for _, c := range rec.Stages {
				fmt.Println(c.Tool, c.In, c.Out)
			}
		}
	}

	// One piece alone is not complete.
	for _, err := range record.NewReader(bytes.NewReader(first)).Items() {
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// a
	// b
	// c
	// oi-fetch 3 3
	// oi-crop 3 3
	// record 5, byte 177: the stream stops early: the stage before failed or was killed; see its message (no piece holds the end; cat joins the files of pieces)
}

func ExampleSalvage() {
	data := stream(&record.Header{}, &record.Item{ID: "a"}, &record.Item{ID: "b"}, &record.Item{ID: "c"}, &record.End{})
	data[bytes.Index(data, []byte("id\xa1b"))] ^= 1 // a bit flips in the second item

	for _, err := range record.NewReader(bytes.NewReader(data)).Items() {
		if err != nil {
			fmt.Println(err)
		}
	}

	in := record.NewReader(bytes.NewReader(data), record.Salvage())
	for {
		rec, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		switch rec := rec.(type) {
		case *record.Item:
			fmt.Println("item", rec.ID)
		case *record.End:
			fmt.Println("lost", rec.Damage.Regions, "place,", rec.Damage.Bytes, "bytes")
		}
	}
	// Output:
	// record 3, byte 79: the record's checksum is wrong
	// item a
	// item c
	// lost 1 place, 24 bytes
}

func ExampleWithLimits() {
	data := stream(&record.Header{}, &record.Item{ID: "a", Fetched: &record.Fetched{Bytes: make([]byte, 1<<20)}}, &record.End{})
	in := record.NewReader(bytes.NewReader(data), record.WithLimits(record.Limits{Record: 64 << 10}))
	for _, err := range in.Items() {
		var limit *record.LimitError
		fmt.Println(errors.As(err, &limit), err)
	}
	// Output:
	// true record 2, byte 55: record size of 1048602 is above the limit of 65536
}

func ExampleStageCounts_Balanced() {
	fmt.Println(record.StageCounts{In: 5, Out: 3, Skipped: map[string]int64{"status 404": 2}}.Balanced())
	fmt.Println(record.StageCounts{In: 5, Out: 3}.Balanced())
	// Output:
	// true
	// false
}

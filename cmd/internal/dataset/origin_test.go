package dataset

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opensandwich/oi/record"
)

func TestOrigin(t *testing.T) {
	stage := func(tool, limit string) record.Stage {
		return record.Stage{Tool: tool, Version: "1", Args: map[string]string{"limit": limit}}
	}
	var o Origin
	if err := o.Begin(&record.Header{Classes: []record.Class{{MID: "/m/2", Name: "b"}}, Stages: []record.Stage{stage("oi-boxes", "1"), stage("oi-crop", "0")}}); err != nil {
		t.Fatal(err)
	}
	end := func(e *record.End) {
		t.Helper()
		if err := o.End(e); err != nil {
			t.Fatal(err)
		}
	}
	end(&record.End{Stages: []record.StageCounts{
		{Tool: "oi-crop", In: 5, Out: 4, Skipped: map[string]int64{"bad": 1}},
		{Tool: "oi-crop", In: 4, Out: 4},
	}})
	if err := o.Begin(&record.Header{Completeness: "unchecked", Classes: []record.Class{{MID: "/m/1", Name: "a"}, {MID: "/m/2", Name: "b"}}, Stages: []record.Stage{stage("oi-boxes", "2"), stage("oi-crop", "0")}}); err != nil {
		t.Fatal(err)
	}
	end(&record.End{
		Stages: []record.StageCounts{
			{Tool: "oi-crop", In: 7, Out: 7, Removed: map[string]int64{"small": 0}},
			{Tool: "oi-crop", In: 7, Out: 5, Skipped: map[string]int64{"bad": 2}},
			{Tool: "oi-other", In: 5, Out: 5},
		},
		Damage: &record.Damage{Regions: 1, Bytes: 10},
	})
	want := Origin{
		Header: record.Header{
			Version: record.Version, Completeness: "unchecked",
			Classes: []record.Class{{MID: "/m/1", Name: "a"}, {MID: "/m/2", Name: "b"}},
			Stages:  []record.Stage{stage("oi-boxes", "1"), stage("oi-boxes", "2"), stage("oi-crop", "0")},
		},
		Counts: []record.StageCounts{
			{Tool: "oi-crop", In: 12, Out: 11, Removed: map[string]int64{"small": 0}, Skipped: map[string]int64{"bad": 1}},
			{Tool: "oi-crop", In: 11, Out: 9, Skipped: map[string]int64{"bad": 2}},
			{Tool: "oi-other", In: 5, Out: 5},
		},
		Salvaged: record.Damage{Regions: 1, Bytes: 10},
	}
	if got := o.SkipLines(); !slices.Equal(got, []string{"oi-crop skipped 1 of 12 (bad: 1)", "oi-crop skipped 2 of 11 (bad: 2)"}) {
		t.Errorf("%q", got)
	}
	if diff := cmp.Diff(want, o, cmpopts.IgnoreUnexported(Origin{})); diff != "" {
		t.Error(diff)
	}
}

// Which items the stages counted is known of the sums too, unless segments came
// through different stages.
func TestOriginDigests(t *testing.T) {
	a, b := record.DigestOf(&record.Item{ID: "a"}), record.DigestOf(&record.Item{ID: "b"})
	count := func(tool string, d record.Digest) record.StageCounts {
		return record.StageCounts{Tool: tool, In: 1, Out: 1, Digests: &record.Digests{In: d, Out: d}}
	}
	for name, second := range map[string][]record.StageCounts{
		"the same stages": {count("oi-fetch", b), count("oi-crop", b)},
		"a stage less":    {count("oi-fetch", b)},
		"another stage":   {count("oi-fetch", b), count("mine", b)},
		"not counted":     {count("oi-fetch", b), {Tool: "oi-crop", In: 1, Out: 1}},
	} {
		var o Origin
		for _, stages := range [][]record.StageCounts{{count("oi-fetch", a), count("oi-crop", a)}, second, {count("oi-fetch", b), count("oi-crop", b)}} {
			if err := o.Begin(&record.Header{}); err != nil {
				t.Fatal(err)
			}
			if err := o.End(&record.End{Stages: stages}); err != nil {
				t.Fatal(err)
			}
		}
		fetch, crop := o.Counts[0].Digests, o.Counts[1].Digests
		switch want := a.Plus(b).Plus(b); name {
		case "the same stages":
			if fetch == nil || crop == nil || fetch.Out != want || crop.In != want {
				t.Errorf("%s: %v and %v, want %v", name, fetch, crop, want)
			}
		case "not counted":
			if fetch == nil || fetch.Out != want || crop != nil {
				t.Errorf("%s: %v and %v, want %v and none", name, fetch, crop, want)
			}
		default:
			if fetch != nil || crop != nil {
				t.Errorf("%s: %v and %v, want none", name, fetch, crop)
			}
		}
	}
}

func TestMemory(t *testing.T) {
	for text, want := range map[string]struct {
		n     int64
		again string
	}{
		"0": {0, "0"}, "1000": {1000, "1000"}, "1K": {1024, "1KiB"}, "2m": {2 << 20, "2MiB"}, "1GiB": {1 << 30, "1GiB"}, "3kib": {3 << 10, "3KiB"}, "1536M": {1536 << 20, "1536MiB"},
	} {
		var m Memory
		if err := m.Set(text); err != nil || int64(m) != want.n || m.String() != want.again {
			t.Errorf("Set(%q) = %d, %v, again %q; want %d, %q", text, m, err, m.String(), want.n, want.again)
		}
	}
	for _, text := range []string{"", "G", "-1", "1.5G", "9223372036854775807G", "1T", "ten"} {
		var m Memory
		if err := m.Set(text); err == nil {
			t.Errorf("Set(%q) = %d", text, m)
		}
	}
}

func FuzzDecodeKnown(f *testing.F) {
	f.Add("", "")
	f.Add("AAAAAAAAAAA=", "AAAA")
	f.Fuzz(func(t *testing.T, ids, pictures string) {
		known, err := DecodeKnown(ids, pictures)
		if n, m := known.Len(); err == nil && (n > len(ids)/8+1 || m > len(pictures)/8+1) {
			t.Errorf("%d ids and %d pictures from %d and %d bytes", n, m, len(ids), len(pictures))
		}
	})
}

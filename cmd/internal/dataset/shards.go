package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/record"
)

// shards finds out whether all shards of a query have come, each of them once
// and out of the same programs: a shard is a stream of its own, and whoever joins
// them may leave one out. The zero shards have seen nothing.
type shards struct {
	queries map[string]*shardedQuery
	allowed bool // a stage before took what there was, on purpose
}

// A shardedQuery is what has come of one query.
type shardedQuery struct {
	of    map[int]bool // how many shards there are; more than one is a mistake
	times map[int]int  // how often each has come
	runs  map[string]shardRun
}

// A shardRun is a stage of the first shard in which a tool was seen for the nth
// time.
type shardRun struct {
	stage record.Stage
	shard string
}

// begin takes note of a segment's header.
func (s *shards) begin(h *record.Header) error {
	queries := Query(h.Stages)
	for _, query := range queries {
		number, of, ok := parseShard(query.Args["shard"])
		if !ok {
			continue
		}
		q := s.query(query)
		q.of[of] = true
		q.times[number]++
		if len(queries) > 1 {
			continue // of several queries or shards: oi-augment has seen to it
		}
		if err := q.compare(h.Stages, query.Args["shard"]); err != nil {
			return err
		}
	}
	for _, stage := range h.Stages {
		s.allowed = s.allowed || stage.Args["incomplete"] == "true"
	}
	return nil
}

// compare returns an error if a stage of a shard is of another version than in
// the shards before, or cuts otherwise.
func (q *shardedQuery) compare(stages []record.Stage, shard string) error {
	times := map[string]int{}
	for _, stage := range stages {
		times[stage.Tool]++
		name := fmt.Sprintf("%s %d", stage.Tool, times[stage.Tool])
		first, seen := q.runs[name]
		if !seen {
			q.runs[name] = shardRun{stage, shard}
			continue
		}
		if first.stage.Version != stage.Version {
			return &Problem{
				fmt.Sprintf("%s is of version %s in shard %s, of %s in shard %s of the same query", stage.Tool, first.stage.Version, first.shard, stage.Version, shard),
				"make all shards with one version: another may choose or cut differently",
			}
		}
		if !cutsPixels(stage) {
			continue
		}
		if differ := cutOtherwise(first.stage, stage, cropArgs(first.stage, stage)); differ != "" {
			return &Problem{
				fmt.Sprintf("oi-crop ran with %s in the other of shards %s and %s of the same query", differ, first.shard, shard),
				"cut all shards with the same options and one version of oi-crop",
			}
		}
	}
	return nil
}

// query returns what has come of the query of a stage.
func (s *shards) query(stage record.Stage) *shardedQuery {
	name := argsWithout(stage, "shard")
	if s.queries == nil {
		s.queries = map[string]*shardedQuery{}
	}
	if s.queries[name] == nil {
		s.queries[name] = &shardedQuery{of: map[int]bool{}, times: map[int]int{}, runs: map[string]shardRun{}}
	}
	return s.queries[name]
}

// complete returns an error unless every query is whole.
func (s *shards) complete() error {
	if s.allowed {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.queries)) {
		if err := s.queries[name].complete(); err != nil {
			return err
		}
	}
	return nil
}

func (q *shardedQuery) complete() error {
	sizes := slices.Sorted(maps.Keys(q.of))
	if len(sizes) > 1 {
		return &Problem{fmt.Sprintf("some shards are of %d, others of %d: photos are in two of them, or in none", sizes[0], sizes[1]),
			"divide a query into the same number of shards always"}
	}
	of := sizes[0]
	var twice []string
	for _, number := range slices.Sorted(maps.Keys(q.times)) {
		if q.times[number] > 1 {
			twice = append(twice, strconv.Itoa(number))
		}
	}
	if len(twice) > 0 {
		return &Problem{fmt.Sprintf("of %d shards some come more than once: %s", of, shorten(twice)), "give each file once"}
	}
	if len(q.times) == of {
		return nil
	}
	var missing []string
	for number := 1; number <= of && len(missing) <= mostShards; number++ {
		if q.times[number] == 0 {
			missing = append(missing, strconv.Itoa(number))
		}
	}
	return &Problem{fmt.Sprintf("%d of %d shards are missing: %s", of-len(q.times), of, shorten(missing)),
		"give all of them, or --incomplete to use those that there are on purpose"}
}

// IncompleteUsage describes the flag that allows shards to be missing.
const IncompleteUsage = "take the shards that there are, although some of oi-boxes --shard are missing"

// mostShards is how many shards a message names.
const mostShards = 10

func shorten(numbers []string) string {
	if len(numbers) > mostShards {
		numbers = append(slices.Clone(numbers[:mostShards]), "…")
	}
	return strings.Join(numbers, ", ")
}

// parseShard reads I/N, which oi-boxes writes.
func parseShard(text string) (number, of int, ok bool) {
	a, b, _ := strings.Cut(text, "/")
	number, err1 := strconv.Atoi(a)
	of, err2 := strconv.Atoi(b)
	return number, of, err1 == nil && err2 == nil && 1 <= number && number <= of
}

// argsWithout names a tool and its arguments, all but one.
func argsWithout(stage record.Stage, without string) string {
	name := fmt.Appendf(nil, "%q", stage.Tool)
	for _, arg := range slices.Sorted(maps.Keys(stage.Args)) {
		if arg != without {
			name = fmt.Appendf(name, " %q %q", arg, stage.Args[arg])
		}
	}
	return string(name)
}

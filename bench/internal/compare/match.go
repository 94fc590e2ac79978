package compare

// What of one document corresponds to what of the other, and what differs around it.

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/eddyline/eddyline/bench/internal/results"
)

// key names a run or a row; again tells those apart that are there repeatedly.
type key struct {
	scenario string
	point    results.Point
	server   string
	again    int
}

// runKey leaves out a rate that the variant tells already, as "60 %" of something
// that was measured first: it is a little different each time.
func runKey(r results.Run) key {
	if r.Point.Variant != "" {
		r.Point.Rate = min(r.Point.Rate, 1)
	}
	return key{scenario: r.Scenario, point: r.Point}
}

func rowKey(r results.Row) key { return key{server: r.Server} }

// keyed yields the items with keys that are all different.
func keyed[T any](items []T, of func(T) key) iter.Seq2[key, T] {
	return func(yield func(key, T) bool) {
		seen := map[key]int{}
		for _, item := range items {
			k := of(item)
			seen[k]++
			k.again = seen[k]
			if !yield(k, item) {
				return
			}
		}
	}
}

func index[T any](items []T, of func(T) key) map[key]T {
	at := map[key]T{}
	for k, item := range keyed(items, of) {
		at[k] = item
	}
	return at
}

// notes tells what of the circumstances differs.
func notes(old, new *results.Document) []Change {
	var list []Change
	note := func(format string, args ...any) {
		list = append(list, Change{Note: fmt.Sprintf(format, args...)})
	}
	if old.Source()+new.Source() != "" {
		note("commit %s before, %s now", cmp.Or(old.Source(), "unknown"), cmp.Or(new.Source(), "unknown"))
	}
	a, b := old.Machine, new.Machine
	for _, f := range []struct {
		name     string
		old, new any
	}{
		{"system", a.OS + "/" + a.Arch, b.OS + "/" + b.Arch},
		{"processor", a.CPU, b.CPU},
		{"number of cores", a.Cores, b.Cores},
		{"kernel", a.Kernel, b.Kernel},
	} {
		if f.old != f.new {
			note("WARNING: another machine: %s %v before, %v now", f.name, f.old, f.new)
		}
	}
	if a.Go != b.Go {
		note("another Go: %s before, %s now", a.Go, b.Go)
	}
	if old.Nice != new.Nice {
		note("another priority: nice %d before, %d now", old.Nice, new.Nice)
	}
	if !slices.Equal(old.Environment, new.Environment) {
		note("another environment: %s before, %s now", strings.Join(old.Environment, " "), strings.Join(new.Environment, " "))
	}
	if old.Interrupted {
		note("the old measurement was interrupted")
	}
	if new.Interrupted {
		note("the new measurement was interrupted")
	}
	return list
}

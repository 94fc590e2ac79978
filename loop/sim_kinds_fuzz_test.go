//go:build linux

package loop

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What -sim.without takes is a list of names, and what a failing run prints is such a
// list: it leaves out the same again.
func FuzzSimKinds(f *testing.F) {
	f.Add("short,again", uint64(simAll))
	f.Add(",rights,,rights,", uint64(simShort|simUnix))
	f.Add("short,no such kind", uint64(0))
	f.Add("Short", uint64(1))
	f.Add("sh", uint64(2))
	f.Fuzz(func(t *testing.T, list string, bits uint64) {
		kinds := simKinds(bits) & simAll
		if again, err := parseSimKinds(kinds.String()); err != nil || again != kinds {
			t.Errorf("%#x is %q, which is %#x, %v", uint64(kinds), kinds, uint64(again), err)
		}
		want, unknown := simKinds(0), ""
		for name := range strings.SplitSeq(list, ",") {
			switch i := slices.Index(simKindNames, name); {
			case name == "" || unknown != "":
			case i < 0:
				unknown = name
			default:
				want |= 1 << i
			}
		}
		got, err := parseSimKinds(list)
		switch {
		case unknown != "":
			if err == nil || !strings.Contains(err.Error(), strconv.Quote(unknown)) {
				t.Errorf("%q: %#x, %v, want an error that names %q", list, uint64(got), err, unknown)
			}
		case err != nil || got != want:
			t.Errorf("%q is %#x, %v, want %#x", list, uint64(got), err, uint64(want))
		}
	})
}

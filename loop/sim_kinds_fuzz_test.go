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
	f.Add("short,again", uint32(simAll))
	f.Add(",rights,,rights,", uint32(simShort|simUnix))
	f.Add("short,no such kind", uint32(0))
	f.Add("Short", uint32(1))
	f.Add("sh", uint32(2))
	f.Fuzz(func(t *testing.T, list string, bits uint32) {
		kinds := simKinds(bits) & simAll
		if again, err := parseSimKinds(kinds.String()); err != nil || again != kinds {
			t.Errorf("%#x is %q, which is %#x, %v", uint32(kinds), kinds, uint32(again), err)
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
				t.Errorf("%q: %#x, %v, want an error that names %q", list, uint32(got), err, unknown)
			}
		case err != nil || got != want:
			t.Errorf("%q is %#x, %v, want %#x", list, uint32(got), err, uint32(want))
		}
	})
}

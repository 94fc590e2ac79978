package external

// The summary that strace -c writes.

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// parseStrace adds up the calls of a summary's table, which must be what its last line
// says. The column of errors may be empty, that of the calls is found by the heading.
func parseStrace(text []byte) (calls uint64, err error) {
	column := -1
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if column < 0 {
			// "% time" is two words of the heading over one figure.
			column = slices.Index(fields, "calls") - 1
			continue
		}
		if len(fields) <= column+1 || strings.HasPrefix(fields[0], "-") {
			continue
		}
		n, err := strconv.ParseUint(fields[column], 10, 63)
		switch {
		case err != nil || calls+n > math.MaxInt64:
			return 0, fmt.Errorf("strace: unknown line %q", line)
		case fields[len(fields)-1] != "total":
			calls += n
		case calls != n:
			return 0, fmt.Errorf("strace: %d calls, of a total of %d:\n%s", calls, n, tail(string(text)))
		default:
			return calls, nil
		}
	}
	return 0, fmt.Errorf("strace reported no total:\n%s", tail(string(text)))
}

package external

// The summary that strace -c writes.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parseStrace adds up the calls of a summary's table. The column of errors may be
// empty, that of the calls is found by the heading.
func parseStrace(text []byte) (calls uint64, err error) {
	column := -1
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if column < 0 {
			// "% time" is two words of the heading over one figure.
			column = slices.Index(fields, "calls") - 1
			continue
		}
		if len(fields) <= column+1 || strings.HasPrefix(fields[0], "-") || fields[len(fields)-1] == "total" {
			continue
		}
		n, err := strconv.ParseUint(fields[column], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("strace: unknown line %q", line)
		}
		calls += n
	}
	if column < 0 {
		return 0, fmt.Errorf("strace reported nothing:\n%s", tail(string(text)))
	}
	return calls, nil
}

package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// A number of kB is written in GiB, anything else as it is.
func FuzzMemory(f *testing.F) {
	for _, text := range []string{"2097152 kB", "0 kB", "", "kB", "many kB", "-1 kB", "1e3 kB", "5 kBx", "5 kB kB", "Inf kB", "0x10 kB", "18446744073709551615 kB", "1048576  kB"} {
		f.Add(text, uint32(2097152))
	}
	f.Fuzz(func(t *testing.T, text string, kb uint32) {
		if got, want := memory(fmt.Sprint(kb, " kB")), fmt.Sprintf("%.1f GiB", float64(kb)/1024/1024); got != want {
			t.Errorf("%d kB is %q, want %q", kb, got, want)
		}
		figure, _ := strings.CutSuffix(text, " kB")
		n, err := strconv.ParseUint(figure, 10, 64)
		if known := err == nil && figure+" kB" == text && n <= math.MaxInt64>>10; known == (memory(text) == text) {
			t.Errorf("%q is %q", text, memory(text))
		}
	})
}

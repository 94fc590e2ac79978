//go:build !simkernel

package sys

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
)

// A positive number is the bound, whatever else is there is not.
func FuzzSomaxconn(f *testing.F) {
	for _, text := range []string{"4096\n", "", "0", "-5", "many", "12 34", "0x10", "1_0", "+7", " 7\n\n", "99999999999999999999"} {
		f.Add(text, 65535)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		if got := parseSomaxconn(fmt.Sprintln(n)); n > 0 && got != n || n <= 0 && got != 128 {
			t.Errorf("%d is %d", n, got)
		}
		want := 128
		digits := strings.TrimPrefix(strings.TrimSpace(text), "+")
		number, ok := new(big.Int).SetString(digits, 10)
		if ok && strings.Trim(digits, "0123456789") == "" && number.Sign() > 0 && number.Cmp(big.NewInt(math.MaxInt)) <= 0 {
			want = int(number.Int64())
		}
		if got := parseSomaxconn(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	})
}

//go:build !simkernel

package sys

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// somaxconn reads the system's bound on a listener's queue once.
var somaxconn = sync.OnceValue(func() int {
	text, _ := os.ReadFile("/proc/sys/net/core/somaxconn")
	return parseSomaxconn(string(text))
})

// parseSomaxconn is the bound that a text tells, or what it was before Linux 5.4.
func parseSomaxconn(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n <= 0 {
		return 128
	}
	return n
}

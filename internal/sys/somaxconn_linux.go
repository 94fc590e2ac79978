//go:build !simkernel

package sys

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// somaxconn reads the system's bound on a listener's queue once; 128 was that
// bound before Linux 5.4.
var somaxconn = sync.OnceValue(func() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return 128
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n <= 0 {
		return 128
	}
	return n
})

//go:build !linux

package main

import (
	"fmt"
	"os"

	"github.com/eddyline/eddyline/bench/internal/harness"
)

func main() {
	fmt.Fprintln(os.Stderr, "cost: the floor is an epoll loop and the figures come from /proc: this measurement needs Linux")
	os.Exit(harness.Failed)
}
